"""What somebody outside may name on this device, key by key; who writes the file may name anything."""

from pathlib import Path
from typing import Any, get_args

import pytest

from edge_mask.settings.base import Section
from edge_mask.settings.load import load
from edge_mask.settings.model import Settings
from edge_mask.settings.overlay import NOT_FROM_OUTSIDE, NotFromOutside, Overlay
from edge_mask.settings.places import place_of

FILE = """
cameras: [{name: front, source: "images:scene"}]
sensors: [{name: forehead, kind: replay, path: readings.csv}]
rules: [rules/*.yaml]
"""


def wished(folder: Path, **wish: Any) -> Settings:
    """The configuration with this wish from outside."""
    file = folder / "edge-mask.yaml"
    file.write_text(FILE)
    return load(file, {}, Overlay().changed(wish, "wish"), instead_of=load(file, {}))


def camera(source: str) -> dict[str, Any]:
    return {"cameras": [{"name": "front", "source": source}]}


def sensor(**keys: Any) -> dict[str, Any]:
    return {"sensors": [{"name": "x", **keys}]}


SERIAL = {"kind": "serial", "pattern": "(?P<flow>.+)", "quantities": {"flow": {"unit": "m3/h", "min": 0, "max": 500}}}
PASSAGE = {"kind": "gpio", "line": 17}


@pytest.mark.parametrize(
    ("wish", "key"),
    [
        ({"snapshots": {"dir": "/etc"}}, "snapshots.dir"),
        ({"snapshots": {"dir": "snapshots/../elsewhere"}}, "snapshots.dir"),
        ({"rules": ["edge-mask.db.users.json"]}, "rules[0]"),
        ({"rules": ["rules/*.yaml", "/etc/passwd"]}, "rules[1]"),
        ({"detector": {"model": "/tmp/model"}}, "detector.model"),
        ({"detector": {"model": "models/.."}}, "detector.model"),
        (camera("file:/home/kim/holiday.mp4"), "cameras[0].source"),
        (camera("FILE:holiday.mp4"), "cameras[0].source"),
        (camera("images:/home/kim"), "cameras[0].source"),
        (camera("usb:/dev/watchdog"), "cameras[0].source"),
        (camera("usb:/dev/v4l/by-id/../../mem"), "cameras[0].source"),
        (sensor(kind="replay", path="/etc/shadow"), "sensors[0].path"),
        (sensor(**SERIAL, path="/dev/watchdog"), "sensors[0].path"),
        (sensor(**SERIAL, path="/etc/hostname"), "sensors[0].path"),
        (sensor(kind="iio", path="../../../etc/x"), "sensors[0].path"),
        (sensor(kind="thermal", path="/etc"), "sensors[0].path"),
        (sensor(**PASSAGE, chip="/dev/watchdog"), "sensors[0].chip"),
        ({"outputs": [{"name": "gate", "kind": "gpio", "chip": "mem", "line": 1}]}, "outputs[0].chip"),
    ],
)
def test_a_place_that_the_file_does_not_name_is_not_from_outside(tmp_path: Path, wish: Any, key: str) -> None:
    with pytest.raises(NotFromOutside) as refused:
        wished(tmp_path, **wish)
    [sentence] = refused.value.problems
    assert sentence.startswith(f"wish: {key}: names a place on this device that the file does not name; allowed")
    assert "etc" not in sentence.partition("allowed")[2]


@pytest.mark.parametrize(
    "wish",
    [
        {"snapshots": {"dir": "snapshots", "keep": "1d"}},
        {"rules": []},
        {"rules": ["rules/*.yaml"]},
        {"detector": {"model": "models/mask-detector-416"}},
        camera("images:scene"),
        camera("usb:2"),
        camera("usb:/dev/v4l/by-id/usb-Logitech-index0"),
        camera("rtsp://kim:secret@camera.local/1"),
        camera("picamera2:1"),
        {"cameras": [{"name": "hall", "source": "usb:0"}, {"name": "front", "source": "images:scene"}]},
        sensor(kind="iio", path="mlx90614/temp_object"),
        sensor(**SERIAL, path="/dev/serial/by-id/usb-FTDI-port0"),
        sensor(**SERIAL, path="/dev/ttyAMA0"),
        sensor(**PASSAGE, chip="/dev/gpiochip4"),
        sensor(**PASSAGE, chip=0),
    ],
)
def test_what_the_file_names_and_devices_of_the_kind_may_be_wished(tmp_path: Path, wish: Any) -> None:
    wished(tmp_path, **wish)


def test_the_file_and_the_nucleus_may_name_anything(tmp_path: Path) -> None:
    file = tmp_path / "edge-mask.yaml"
    file.write_text(FILE + "snapshots: {dir: /srv/pictures}\n")
    assert load(file, {}).snapshots.dir == Path("/srv/pictures")
    told = Overlay().changed({"snapshots": {"dir": "/srv/others"}}, "the Greengrass configuration")
    before = load(file, {}, told)
    assert before.snapshots.dir == Path("/srv/others")
    further = told.changed({"gate": {"votes": 6}}, "wish")  # a wish beside it does not stumble over it
    assert load(file, {}, further, instead_of=before).snapshots.dir == Path("/srv/others")
    back = further.changed({"snapshots": {"dir": None}}, "wish")
    assert load(file, {}, back, instead_of=before).snapshots.dir == Path("/srv/pictures")


NAMES_ONLY = ("outputs", "path")
"""Takes no slashes: a name in /sys/class/leds."""


def test_every_key_that_is_a_path_is_marked_or_cannot_be_set_from_outside() -> None:
    exempt = (*NOT_FROM_OUTSIDE, NAMES_ONLY)
    assert [key for key in unmarked(Settings, ()) if not any(key[: len(no)] == no for no in exempt)] == []


def unmarked(section: type[Section], key: tuple[str, ...]) -> list[tuple[str, ...]]:
    """Keys that are a path by their type or name, without a mark."""
    found: list[tuple[str, ...]] = []
    for name, field in section.model_fields.items():
        types = leaves(field.annotation)
        for each in types:
            if isinstance(each, type) and issubclass(each, Section):
                found += unmarked(each, (*key, name))
        is_path = Path in types or name.endswith(("path", "dir", "file", "source", "chip")) or name == "rules"
        if is_path and place_of(field) is None:
            found.append((*key, name))
    return found


def leaves(annotation: Any) -> list[Any]:
    inner = get_args(annotation)
    return [leaf for each in inner for leaf in leaves(each)] if inner else [annotation]
