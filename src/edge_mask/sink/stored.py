"""`stored`, retained, one for each device: up to which number its topics are stored, and what is missing below."""

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future
from typing import Any, Final

from edge_mask.messages import Message, Priority, Receipt
from edge_mask.sink.devices import Device
from edge_mask.sink.sequences import Key, Track
from edge_mask.wire.envelope import to_bytes

EVERY: Final = 60.0
"""Seconds between two of the same device, while nothing but their ends grows."""
SOON: Final = 5.0
"""The same when a gap has come or gone."""
MOST_TOPICS: Final = 50
MOST_GAPS: Final = 50
"""Of each topic; the newest."""


class Announcements:
    """One thread uses it."""

    def __init__(self, send: Callable[[Message], "Future[Receipt]"]) -> None:
        self._send = send
        self._changed: dict[str, float] = {}
        """Things of which there may be news, since when."""
        self._said: dict[str, tuple[float, Mapping[str, Any]]] = {}

    def changed(self, keys: Iterable[Key], now: float) -> None:
        """Something of these topics was stored."""
        for thing, _ in keys:
            self._changed.setdefault(thing, now)

    def send(self, tracks: Mapping[Key, Track], find: Callable[[str], Device | None], now: float) -> None:
        """What is due; of devices alone that were ever seen."""
        soon = [thing for thing in self._changed if self._said_at(thing) + SOON <= now]
        due = {thing: device.base for thing in soon if (device := find(thing)) is not None}
        if not due:
            return
        topics: dict[str, dict[str, Any]] = {thing: {} for thing in due}
        for (thing, topic), track in sorted(tracks.items()):
            if thing in due and len(topics[thing]) < MOST_TOPICS:
                topics[thing][topic] = {
                    "upto_seq": track.upto,
                    "gaps": [list(each) for each in track.gaps[-MOST_GAPS:]],
                }
        for thing, base in due.items():
            self._say(thing, base, topics[thing], now)

    def _said_at(self, thing: str) -> float:
        return self._said[thing][0] if thing in self._said else float("-inf")

    def _say(self, thing: str, base: str, told: Mapping[str, Any], now: float) -> None:
        at, before = self._said.get(thing, (float("-inf"), {}))
        if told == before:
            del self._changed[thing]
            return
        if now < at + EVERY and _gaps(told) == _gaps(before):
            return
        del self._changed[thing]
        self._said[thing] = (now, told)
        self._send(Message(topic=f"{base}/stored", payload=to_bytes(told), priority=Priority.LIVE, qos=1, retain=True))


def _gaps(told: Mapping[str, Any]) -> list[Any]:
    return [(topic, each["gaps"]) for topic, each in told.items()]
