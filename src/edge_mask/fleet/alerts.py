"""What the alert of a neighbour has to be so that it counts here."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from edge_mask.units import Moment, Seconds

KINDS: Final = ("no_mask", "fever", "tailgating")
"""What people do. An outlier of a sensor is no reason to look at people."""
MOST_BYTES: Final = 16_384
"""Twenty times an alert of ours."""


@dataclass(frozen=True, slots=True)
class NeighbourAlert:
    """An alert that makes this device look more closely."""

    id: str
    thing: str
    kind: str


def alert_of(payload: bytes, thing: str, now: Moment, lasts: Seconds) -> NeighbourAlert | None:
    """None for what does not count: no alert of `thing`, an old one, one that was itself raised in a closer look."""
    fields = _object(payload)
    if fields is None or fields.get("thing") != thing or fields.get("watching") is True:
        return None
    kind, name = fields.get("kind"), fields.get("id")
    if kind not in KINDS or not isinstance(name, str) or not 0 < len(name) <= 64:
        return None
    if fields.get("late") is True and not _is_recent(fields.get("ts"), now, lasts):
        return None
    return NeighbourAlert(name, thing, str(kind))


def _object(payload: bytes) -> Mapping[str, Any] | None:
    if len(payload) > MOST_BYTES:
        return None
    try:
        found = json.loads(payload)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _is_recent(ts: object, now: Moment, lasts: Seconds) -> bool:
    """A late one counts while a look that began with it would still last; not where the time is not known."""
    if not isinstance(ts, str) or not now.synced:
        return False
    try:
        return 0 <= now.wall - datetime.fromisoformat(ts).timestamp() <= lasts
    except (ValueError, OverflowError, OSError):
        return False
