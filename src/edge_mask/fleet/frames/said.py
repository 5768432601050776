"""What other devices say of themselves, for whoever wants to know who has room.

about ──group──▶ Peers ◀──free── room          status: offline ──▶ nothing is waited for any more
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

from edge_mask.fleet.frames.peers import Peers
from edge_mask.messages import Message
from edge_mask.runtime.clock import Clock
from edge_mask.wire.topics import Topics

_MOST_BYTES: Final = 8192
_SLOWEST: Final = 1e6


class Said:
    """Belongs to the thread that `peers` belongs to."""

    def __init__(self, topics: Topics, peers: Peers, clock: Clock, on_gone: Callable[[str], object]) -> None:
        """`on_gone` is told of each device that is not there any more."""
        self._thing = topics.thing
        self._anybody = replace(topics, thing="+")
        self._peers = peers
        self._clock = clock
        self._on_gone = on_gone

    def listeners(self) -> Mapping[str, Callable[[Message], None]]:
        """What each topic filter is heard by."""
        takers = {"about": self._take_about, "room": self._take_room, "status": self._take_status}
        return {self._anybody.of(kind): take for kind, take in takers.items()}

    def _take_about(self, message: Message) -> None:
        if (fields := _fields(message)) is not None:
            self._peers.about(self._speaker("about", message), str(fields.get("group", "")))

    def _take_room(self, message: Message) -> None:
        thing, fields = self._speaker("room", message), _fields(message)
        if thing == self._thing:
            return
        if fields is None:  # a device that stops takes it back
            self._peers.gone(thing)
            return
        free, ms, accepts = fields.get("free"), fields.get("ms"), fields.get("accepts")
        if isinstance(free, int) and isinstance(accepts, list):
            now = self._clock.now().mono
            told = float(ms) if isinstance(ms, int | float) and 0 <= ms < _SLOWEST else 0.0
            self._peers.room(thing, free=free, ms=told, accepts=accepts, now=now, is_kept=message.retain)

    def _take_status(self, message: Message) -> None:
        fields = _fields(message)
        thing = self._speaker("status", message)
        if fields is not None and fields.get("state") == "online":
            self._peers.came(thing)
        else:
            self._peers.gone(thing)
            self._on_gone(thing)

    def _speaker(self, kind: str, message: Message) -> str:
        """Whose topic it is. A text may claim anything; the broker decides who may write to a topic."""
        place = self._anybody.of(kind).split("/").index("+")
        return message.topic.split("/")[place]


def _fields(message: Message) -> Mapping[str, Any] | None:
    """None for what is no JSON object."""
    if not 0 < len(message.payload) <= _MOST_BYTES:
        return None
    try:
        found = json.loads(message.payload)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None
