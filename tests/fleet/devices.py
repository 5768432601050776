"""Several devices on one broker, each in a folder of its own."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.broker import Received, Subscriber
from tests.end_to_end.daemon import MASKED, write_config, write_model, write_scene

PASSWORD = "hunter2"
PATIENCE = 90.0
"""Seconds: a busy machine starts a daemon in twenty."""


class Listener(Subscriber):
    """A subscriber that waits as long as it takes."""

    def wait_for(self, predicate: Callable[[list[Received]], bool], timeout: float = PATIENCE) -> list[Received]:
        return super().wait_for(predicate, timeout)

    def wait_for_count(self, topic: str, count: int, timeout: float = PATIENCE) -> list[Received]:
        return super().wait_for_count(topic, count, timeout)


def device(folder: Path, port: int, thing: str, **sections: Any) -> Path:
    """The configuration of a camera that looks at a room, over and over; it is quiet unless `scene` says otherwise."""
    home = folder / thing
    home.mkdir(parents=True, exist_ok=True)
    write_model(home)
    colours = sections.pop("scene", [MASKED] * 4)
    write_scene(home / "scene", colours)
    interval = sections.pop("interval", "0.1s")
    camera = {
        "name": "hall", "source": f"images:{home / 'scene'}", "role": "cctv", "interval": interval, "loop": True,
    }  # fmt: skip
    given = {
        "device": {"thing_name": thing, "labels": {"name": f"Camera {thing}"}},
        "cameras": [camera],
        "health": {"interval": "3600s"},
        **sections,
    }
    return write_config(home, port, **given)
