"""The fields that every message has, and the bytes it becomes."""

import json
import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from edge_mask.units import Moment, Unix

VERSION = 1
"""Schema version of the messages (`v`)."""
_compact = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def envelope(fields: Mapping[str, Any], *, id: str, seq: int, thing: str, at: Moment) -> dict[str, Any]:  # noqa: A002
    """The envelope followed by `fields`; on equal names the envelope wins."""
    head: dict[str, Any] = {"id": id, "seq": seq, "thing": thing, "ts": timestamp(at.wall), "v": VERSION}
    if not at.synced:
        head["clock_ok"] = False
    return {**head, **fields, **head}


def timestamp(wall: Unix) -> str:
    """RFC 3339 in UTC with milliseconds: `2026-11-20T09:30:00.123Z`; cut off, not rounded."""
    seconds, milliseconds = divmod(math.floor(wall * 1000 + 1e-4), 1000)
    return f"{datetime.fromtimestamp(seconds, UTC).isoformat()[:19]}.{milliseconds:03d}Z"


def to_bytes(payload: Mapping[str, Any]) -> bytes:
    """Compact JSON in UTF-8; a number that JSON does not know (NaN, infinity) becomes null.

    Raises TypeError for a value that is not JSON at all.
    """
    try:
        text = _compact.encode(payload)
    except ValueError:
        text = _compact.encode(_finite(payload))
    return text.encode("utf-8", "replace")


def mark_late(payload: bytes) -> bytes:
    """Add `"late": true` to a JSON object; any other payload stays unchanged."""
    found = _object(payload)
    if found is None or found.get("late") is True:
        return payload
    if "late" in found or not payload.endswith(b"}"):
        return to_bytes({**found, "late": True})
    return payload[:-1] + (b',"late":true}' if found else b'"late":true}')  # keeps the recorded bytes


def restamp(payload: bytes, ts: str) -> bytes:
    """Replace `ts` in a JSON object; a payload without it stays unchanged."""
    found = _object(payload)
    return payload if found is None or "ts" not in found else to_bytes({**found, "ts": ts})


def _object(payload: bytes) -> dict[str, Any] | None:
    try:
        found = json.loads(payload)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Mapping):
        return {key: _finite(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(part) for part in value]
    return value
