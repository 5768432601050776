"""Passwords of cameras, brokers and servers that fail: in no page, no answer, no stream and no log."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.broker import free_port
from tests.end_to_end.daemon import MASKED, write_scene
from tests.waiting import until
from tests.web.asking import site
from tests.web.served import Served, served

from edge_mask.web.access import Guarded, Needs
from edge_mask.web.application import application

SECRETS = (
    "cherry-of-the-camera",
    "cherry-of-the-query",
    "cherry-of-the-broker",
    "cherry-of-the-hook",
    "cherry-of-the-rule",
)
RULE = """
told:
  sql: "SELECT * FROM 'edge-mask/+/visits'"
  awsIotSqlVersion: "2016-03-23"
  actions:
    - http: {{url: "http://kim:cherry-of-the-rule@127.0.0.1:{port}/x?key=cherry-of-the-rule"}}
    - edgeMask: {{notify: {{to: hook, text: x}}}}
"""


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """All that it reaches for is away."""
    folder: Path = tmp_path_factory.mktemp("secrets")
    away = free_port()
    files = {"broker": SECRETS[2], "hook": f"http://127.0.0.1:{away}/hooks/{SECRETS[3]}?t={SECRETS[3]}"}
    for name, text in files.items():
        (folder / name).write_text(text)
    (folder / "rules.yaml").write_text(RULE.format(port=away))
    (folder / "scene").mkdir()
    scene = write_scene(folder / "scene", [*[MASKED] * 12, *[None] * 30])
    hidden = f"http://viewer:{SECRETS[0]}@127.0.0.1:{away}/now.jpg?pwd={SECRETS[1]}"
    cameras = [
        {"name": "front", "source": f"images:{scene}", "role": "gate", "interval": "0.1s", "loop": True},
        {"name": "back", "source": hidden, "role": "cctv"},
    ]
    with served(
        folder, cameras=cameras, rules=[str(folder / "rules.yaml")], cctv={},
        mqtt={"host": "127.0.0.1", "port": away, "username": "gate", "password_file": str(folder / "broker")},
        notify={"targets": [{"name": "hook", "kind": "webhook", "url_file": str(folder / "hook")}]},
    ) as found:  # fmt: skip
        yield found


def test_no_secret_stands_in_any_answer_nor_in_the_log(house: Served, tmp_path: Path) -> None:
    operator = house.user("kim")
    reader = house.with_token("read", "control", "metrics")
    until(lambda: all(part in reader.get("/api/v1/faults").text for part in ('"camera back"', '"notify', '"http')))
    (visit, *_) = reader.get("/api/v1/visits").json()["items"]
    walked = []
    for route in application(site(tmp_path)).routes:
        assert isinstance(route, Guarded)
        if "GET" not in (route.methods or ()) or route.path in ("/api/v1/events", "/static/{name:path}"):
            continue
        path = re.sub(r"\{\w+(:\w+)?\}", "back" if "camera" in route.path else visit["id"], route.path)
        for address in (path, f"{path}?lang=ko") if route.needs in (Needs.VIEWER, Needs.OPERATOR) else (path,):
            told = operator.get(address, Accept="text/html")
            assert not [secret for secret in SECRETS if secret in told.text], address
            walked.append((address, told.status))
    assert [status for _, status in walked].count(200) > 20, walked
    with operator.stream(
        "/api/v1/events?kinds=fault,health,visit", Last_Event_ID="00000000-0000-7000-8000-000000000000"
    ) as s:
        caught = b""
        while b"event: visit" not in caught:
            caught += s.readline()
    said = caught.decode() + reader.post("/api/v1/commands/status", b"{}").text + house.daemon.stderr
    assert not [secret for secret in SECRETS if secret in said]
    assert os.fspath(house.folder / "broker") not in reader.get("/api/v1/status").text
