"""No key of the configuration is accepted and ignored: the daemon, or the doctor, reads every one of them."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import BaseModel
from tests.broker import free_port
from tests.deliver.web_server import WebServer
from tests.end_to_end.daemon import MASKED, edge_mask, write_config, write_model, write_readings, write_scene
from tests.packages.remote.parcels import write_keys
from tests.papers import Papers

from edge_mask.settings import Settings

RECORDER = """
import importlib, json, sys
from edge_mask.settings.base import Section
loading = importlib.import_module("edge_mask.settings.load")

seen, is_loading = set(), False
plainly, settings = Section.__getattribute__, loading._settings

def noticed(self, name):
    if not is_loading:
        seen.add(f"{type(self).__name__}.{name}")
    return plainly(self, name)

def unnoticed(*arguments, **more):
    global is_loading
    is_loading = True
    try:
        return settings(*arguments, **more)
    finally:
        is_loading = False

loading._settings = unnoticed
Section.__getattribute__ = noticed
from edge_mask.cli import main
code = main(sys.argv[2:])
open(sys.argv[1], "w").write(json.dumps(sorted(seen)))
sys.exit(code)
"""
"""Runs a command, and writes down which keys of the settings it read after they were loaded."""

OTHER_SENSORS: list[dict[str, Any]] = [
    {"name": "cpu", "kind": "thermal"},
    {"name": "line", "kind": "serial", "path": "/dev/nobody", "pattern": "(?P<flow>.+)", "quantities": {"flow": {}}},
    {"name": "hall", "kind": "mqtt", "topic": "a/b"},
    {"name": "beam", "kind": "gpio", "chip": 99, "line": 27},
]

KEYS = {
    "p256dh": "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4",
    "auth": "BTBZMqHH6r4Tts7J_aSIgg",
}
"""Of a browser: the example of RFC 8291."""

AS_A_WHOLE = {"Labels.model_dump", "TopicNames.renames"}
"""What reads every key of its section."""


def keys_of(model: type[BaseModel]) -> Iterator[str]:
    for name, field in model.model_fields.items():
        inner = [part for part in (field.annotation, *_parts(field.annotation)) if _is_section(part)]
        if not inner:
            yield f"{model.__name__}.{name}"
        for section in inner:
            yield from keys_of(section)


def _parts(annotation: Any) -> Iterator[Any]:
    for part in get_args(annotation):
        yield part
        yield from _parts(part)


def _is_section(part: Any) -> bool:
    return isinstance(part, type) and issubclass(part, BaseModel)


def read_by(command: str, *words: str, folder: Path, config: Path) -> set[str]:
    found = folder / f"{command}.json"
    arguments: list[str | Path] = [sys.executable, "-c", RECORDER, found, command, "--config", config, *words]
    done = subprocess.run(arguments, cwd=folder, capture_output=True, text=True, timeout=60, check=False)
    assert found.exists(), done.stderr
    return set(json.loads(found.read_text()))


def write_config_of_a_token(folder: Path, readings: str) -> Path:
    papers = Papers(folder / "papers")
    library, pin = folder / "library.so", folder / "pin"
    library.write_text("")
    pin.write_text("1234")
    token = {"library": str(library), "pin_file": str(pin), "token_label": "t", "slot": 0, "key_label": "k"}
    path = folder / "token.yaml"
    settings = {
        "sensors": [{"name": "s", "kind": "replay", "path": readings}],
        "mqtt": {"transport": "aws-iot", "host": "127.0.0.1", "port": 1, "tls": {"cert": str(papers.device.cert)}},
        "aws": {"pkcs11": token},
        "outbox": {"path": str(folder / "token.db")},
    }
    path.write_text(json.dumps(settings))
    return path


def write_config_of_a_component(folder: Path, readings: str) -> Path:
    path = folder / "component.yaml"
    settings = {
        "sensors": [{"name": "s", "kind": "replay", "path": readings}],
        "mqtt": {"transport": "greengrass"},
        "aws": {"greengrass": {"local": ["edge-mask/{thing}/health"]}},
        "outbox": {"path": str(folder / "component.db")},
    }
    path.write_text(json.dumps(settings))
    return path


def write_config_of_targets(folder: Path, readings: str, url: str) -> Path:
    """Each is told of a reading."""
    (folder / "token").write_text("1:a")
    (folder / "url").write_text(url)
    common = {"quiet_hours": ["00:00", "01:00"], "quiet_except": "low"}
    targets = [
        {"name": "a", "kind": "ntfy", "server": url, "topic": "t", **common},
        {"name": "b", "kind": "telegram", "server": url, "chat": 1, "token_file": "token", **common},
        {"name": "c", "kind": "webhook", "url_file": "url", "secret_file": "token", **common},
        {"name": "d", "kind": "webhook", "url": url, **common},
        {"name": "e", "kind": "web-push", "subject": "mailto:me@example.org", "private_hosts": ["127.0.0.1"], **common},
    ]
    browser = {"user": "kim", **KEYS, "endpoint": url}
    panels = [
        {"name": "a", "url": url, "path": "x", "value": "y", "label": "z", "private": True},
        {"name": "b", "url": url, "column": "x"},
    ]
    shown = {"from": json.dumps([url, None, None, "x", None]), "at": 1e9, "points": [["", 1.0]]}
    (folder / "targets.db.panels.json").write_text(json.dumps({"a": shown, "b": shown}))
    (folder / "targets.db.push.json").write_text(json.dumps({"subscriptions": [browser]}))
    action = {"edgeMask": {"notify": {"to": list("abcde"), "text": "hot"}}}
    (folder / "notify.json").write_text(json.dumps({"sql": "SELECT * FROM '#'", "actions": [action]}))
    path = folder / "targets.yaml"
    settings = {
        "sensors": [{"name": "s", "kind": "replay", "path": readings}],
        "mqtt": {"transport": "none"},
        "outbox": {"path": str(folder / "targets.db")},
        "rules": ["notify.json"],
        "notify": {"targets": targets},
        "panels": panels,
        "web": {"enabled": True, "port": free_port()},
    }
    path.write_text(json.dumps(settings))
    return path


def write_config_of_a_sink(folder: Path) -> Path:
    """Nobody listens where its database should be."""
    (folder / "password").write_text("x")
    path = folder / "sink.yaml"
    sink = {"database": "postgresql+psycopg://sink@127.0.0.1:1/x", "password_file": str(folder / "password")}
    keys = {name: str(folder / "password") for name in ("access_key_file", "secret_key_file")}
    pictures = {"endpoint": "https://store.example", "bucket": "pictures", **keys}
    more = {"page": {"port": free_port()}, "pictures": pictures}
    path.write_text(json.dumps({"mqtt": {"port": 1}, "sink": {**sink, **more}}))
    return path


def write_config_of_packages(folder: Path, readings: str) -> Path:
    """Its model is broken, and is to be fetched again from where it came from."""
    (folder / "models" / "tiny-1.0").mkdir(parents=True)
    (folder / "password").write_text("secret")
    _secret, public = write_keys(folder)
    sources = ["oci://127.0.0.1:1/tiny"]
    origin = {"name": "tiny", "version": "1.0", "digest": f"sha256:{'0' * 64}", "sources": sources, "signature": ""}
    known = {"report": None, "failed": {}, "origins": {"tiny-1.0": origin}, "begun": None, "probation": None}
    (folder / "packages.db.packages.json").write_text(json.dumps(known))
    packages = {"sources": sources, "keys": [str(public)], "username": "u", "password_file": "password"}
    path = folder / "packages.yaml"
    settings = {
        "sensors": [{"name": "s", "kind": "replay", "path": readings}],
        "cameras": [{"name": "front", "source": f"images:{folder / 'scene'}"}],
        "detector": {"model": str(folder / "models" / "tiny-1.0")},
        "mqtt": {"transport": "none"},
        "outbox": {"path": str(folder / "packages.db")},
        "fleet": {"packages": packages},
    }
    path.write_text(json.dumps(settings))
    return path


def forgotten(read: set[str]) -> set[str]:
    sections = {name.partition(".")[0] for name in read & AS_A_WHOLE}
    return {key for key in keys_of(Settings) if key not in read and key.partition(".")[0] not in sections}


@pytest.mark.timeout(400)  # it runs many commands one after the other
def test_every_key_is_read_by_whoever_it_is_for(tmp_path: Path) -> None:
    write_model(tmp_path)
    write_scene(tmp_path / "scene", [MASKED])
    source = f"images:{tmp_path / 'scene'}"
    readings = str(write_readings(tmp_path / "r.csv", [36.5]))
    own = Papers(tmp_path / "papers").server
    (tmp_path / "criteria.yaml").write_text("temperature: {min: 0}\n")
    (tmp_path / "look").write_text("t0ken")
    config = write_config(
        tmp_path,
        1,  # nobody listens there
        cameras=[{"name": "front", "source": source}, {"name": "hall", "source": source, "role": "cctv"}],
        sensors=[
            {
                "name": "s",
                "kind": "replay",
                "path": readings,
                "outliers": {"criteria": str(tmp_path / "criteria.yaml")},
            },
            *OTHER_SENSORS,
        ],
        series={"send": "changes", "dead_band": 0.1},
        privacy={"second_look": True, "send_pictures": True},
        fleet={
            "second_look": {"to": "https://127.0.0.1:1/mask/", "token_file": "look", "ca": str(own.cert)},
            "group": "north",
            "peers": {"offer": True, "accept": 2, "group": "north"},
            "neighbours": ["gate-02"],
            "watch": {"votes": 7},
            "pictures": {"to": ["https://store.example/pictures/"]},
        },
        outputs=[{"name": "lamp", "kind": "led", "path": "ACT"}],
        gate={"temperature_sensor": "s", "passage_sensor": "beam", "output": "lamp"},
        mqtt={"host": "127.0.0.1", "port": 1, "tls": {}},
        homeassistant={"enabled": True},
        web={"enabled": True, "port": free_port(), "tls": {"cert": str(own.cert), "key": str(own.key)}},
        snapshots={"dir": str(tmp_path / "snapshots"), "latest": "on"},
    )
    read = read_by("run", "--max-seconds", "1", folder=tmp_path, config=config)
    read |= read_by("check", folder=tmp_path, config=config)
    read |= read_by("stats", folder=tmp_path, config=config)
    read |= read_by("check", folder=tmp_path, config=write_config_of_a_token(tmp_path, readings))
    component = write_config_of_a_component(tmp_path, readings)
    read |= read_by("run", "--max-seconds", "0.1", folder=tmp_path, config=component)
    read |= read_by("sink", "--once", folder=tmp_path, config=write_config_of_a_sink(tmp_path))
    with WebServer() as server:
        targets = write_config_of_targets(tmp_path, readings, server.url)
        assert edge_mask("users", "add", "kim", "--config", targets, cwd=tmp_path, stdin=f"{'x9-' * 8}\n").code == 0
        read |= read_by("run", "--until-idle", folder=tmp_path, config=targets)
    packages = write_config_of_packages(tmp_path, readings)
    read |= read_by("run", "--max-seconds", "2", folder=tmp_path, config=packages)
    for longer in ("5", "20"):  # on a busy machine some worker has not come to read its keys within a second
        if not forgotten(read):
            break
        read |= read_by("run", "--max-seconds", longer, folder=tmp_path, config=config)
        read |= read_by("run", "--max-seconds", longer, folder=tmp_path, config=packages)
    assert forgotten(read) == set()
