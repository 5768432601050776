"""The retained `status` message: a birth on each connect, a will for when the connection is lost."""

from typing import Any

from edge_mask.units import Moment
from edge_mask.wire.envelope import VERSION, timestamp, to_bytes


def birth(*, thing: str, version: str, model: str | None, at: Moment, **more: Any) -> bytes:
    """The payload that says the device is there; `more` stands beside the rest."""
    told = {"state": "online", "thing": thing, "ts": timestamp(at.wall), "v": VERSION}
    return to_bytes({**told, "version": version, "model": model, **more})


def will() -> bytes:
    """The payload that the broker publishes when the device is gone; it cannot know the time."""
    return to_bytes({"state": "offline"})
