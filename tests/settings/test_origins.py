"""What is in force, and from where: the file with its line, the environment, the overlay, a default."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from edge_mask.redact import HIDDEN
from edge_mask.settings import overlay as overlays
from edge_mask.settings.load import load_with_overlay
from edge_mask.settings.origins import Value, legibly, overlaid, values
from edge_mask.settings.overlay import Overlay

FILE = """\
device: {{thing_name: gate-01}}
cameras:
  - name: front
    source: rtsp://viewer:${{CAMERA_PASSWORD}}@10.0.0.7/live?pwd=apple-tree
    role: gate
gate:
  votes: 5
  window: 3s
mqtt:
  username: kim
  password: ${{BROKER}}
outbox: {{path: {database}}}
"""
ENVIRON = {"CAMERA_PASSWORD": "pear-tree", "BROKER": "plum-tree"}


def found(folder: Path, wish: dict[str, Any] | None = None) -> dict[str, Value]:
    database = folder / "edge-mask.db"
    config = folder / "config.yaml"
    config.write_text(FILE.format(database=database))
    if wish:
        overlays.keep(overlays.kept_at(yaml.safe_load(config.read_text())), Overlay(wish, 3))
    return {value.shown: value for value in values(load_with_overlay(config, ENVIRON))}


def test_each_value_says_where_it_comes_from(tmp_path: Path) -> None:
    told = found(tmp_path, {"gate": {"votes": 7}, "health": {"interval": "10s"}})
    assert (told["gate.window"].origin, told["gate.window"].line, told["gate.window"].text) == ("file", 8, "3s")
    assert (told["gate.votes"].origin, told["gate.votes"].text) == ("overlay", "7")
    assert told["health.interval"].origin == "overlay"
    assert (told["outbox.max_age"].origin, told["outbox.max_age"].text) == ("default", "30d")
    assert told["cameras[0].source"].origin == "environment"
    assert told["cameras[0].source"].variables == ("CAMERA_PASSWORD",)


def test_no_secret_is_in_any_value(tmp_path: Path) -> None:
    told = found(tmp_path, {"cameras": [{"name": "hall", "source": "rtsp://a:cherry-tree@10.0.0.8/x", "role": "cctv"}]})
    text = "\n".join(f"{value.key} {value.text}" for value in told.values())
    assert not [word for word in ("apple", "pear", "plum", "cherry") if word in text]
    assert told["mqtt.password"].text == HIDDEN
    assert told["mqtt.password"].variables == ("BROKER",)
    assert told["mqtt.username"].text == "kim"
    assert [value.text for value in overlaid(Overlay({"x": {"api_key": "cherry-tree"}}))] == [HIDDEN]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        (("a", "password"), "cherry"), (("a", "token"), ["cherry"]), (("headers",), {"Authorization": "Bearer cherry"}),
        (("a", "secret"), {"deep": {"er": "cherry"}}), (("list",), [{"api_key": "cherry"}]),
        (("url",), "https://kim:cherry@example.org/"), (("url",), ["http://example.org/?key=cherry"]),
    ],
)  # fmt: skip
def test_a_secret_is_hidden_however_deep_it_lies(key: tuple[str, ...], value: object) -> None:
    assert "cherry" not in legibly(key, value)


def test_the_name_of_a_file_with_a_secret_is_none() -> None:
    assert legibly(("mqtt", "password_file"), "/etc/edge-mask/password") == "/etc/edge-mask/password"


def test_what_can_be_taken_out_of_the_overlay_is_each_key_and_never_part_of_a_list() -> None:
    told = overlaid(Overlay({"gate": {"votes": 7}, "rules": ["a.yaml", "b.yaml"], "log": {}}))
    assert [(value.shown, value.text) for value in told] == [
        ("gate.votes", "7"), ("rules", "[a.yaml, b.yaml]"), ("log", "{}"),
    ]  # fmt: skip


def test_a_variable_that_is_not_set_is_told_as_the_default_that_counts(tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text(
        f"device: {{thing_name: x}}\ncameras: [{{name: front, source: 'usb:0'}}]\n"
        f"mqtt: {{host: '${{BROKER_HOST:-10.0.0.2}}'}}\n"
        f"outbox: {{path: {tmp_path}/edge-mask.db}}\n"
    )
    for environ, is_unset in (({}, True), ({"BROKER_HOST": ""}, True), ({"BROKER_HOST": "10.0.0.3"}, False)):
        (host,) = (each for each in values(load_with_overlay(config, environ), environ) if each.shown == "mqtt.host")
        assert (host.origin, host.variables, host.is_unset) == ("environment", ("BROKER_HOST",), is_unset)
