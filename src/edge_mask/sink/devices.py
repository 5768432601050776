"""Which devices are there, as their retained `status` says, and where they listen."""

import json
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from edge_mask.deliver.transport import Subscriber
from edge_mask.messages import Message


@dataclass(frozen=True, slots=True)
class Device:
    """One device."""

    base: str
    """What its topics begin with."""
    is_online: bool
    came: int
    """Counts how often it came."""


def bases_of(filters: Sequence[str]) -> list[str]:
    """What the topics of a device begin with, as filters: up to the first `+`."""
    found = [each.split("/") for each in filters if "+" in each.split("/")]
    return list(dict.fromkeys("/".join(levels[: levels.index("+") + 1]) for levels in found))


def object_of(payload: bytes) -> Mapping[str, Any]:
    """A JSON object; empty for anything else."""
    try:
        found = json.loads(payload)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


class Devices:
    """Thread-safe."""

    def __init__(self, connection: Subscriber, filters: Sequence[str]) -> None:
        """`filters` are those of the store."""
        self._lock = threading.Lock()
        self._known: dict[str, Device] = {}
        self.bases = bases_of(filters)
        for base in self.bases:
            connection.subscribe(f"{base}/status", self._heard)

    def find(self, thing: str) -> Device | None:
        """None for one that never said anything."""
        with self._lock:
            return self._known.get(thing)

    def _heard(self, message: Message) -> None:
        base = message.topic.rpartition("/")[0]
        thing = base.rpartition("/")[2]
        is_online = object_of(message.payload).get("state") == "online"
        with self._lock:
            before = self._known.get(thing)
            came = 0 if before is None else before.came
            is_new = is_online and (before is None or not before.is_online)
            self._known[thing] = Device(base, is_online, came + int(is_new))
