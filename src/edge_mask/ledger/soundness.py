"""What each column may hold, and the checksum of a waiting message: these tell a damaged row from a sound one.

SQLite keeps any value in any column. A damaged page or another program may leave NULL, bytes that are no text, or a
number of any size. A value must be checked here before anybody converts it.
"""

import json
import math
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

Check = Callable[[Any], bool]

LARGEST: Final = 2**53
"""Row numbers and counters beyond it are damage: no device counts so far, and SQLite itself ends at 2**63."""

LATEST: Final = 253_402_214_400.0
"""Unix seconds: the last day of the year 9999."""

TIMED: Final = f"wall BETWEEN 0 AND {LATEST}"
"""In SQL. Rows without a time that a calendar can show have no place in the order of time; summaries count them."""


def is_text(value: Any) -> bool:
    """Text in UTF-8. Connections decode other bytes to halves of surrogate pairs (see connections.py)."""
    if not isinstance(value, str):
        return False
    return value.isascii() or not any("\ud800" <= sign <= "\udfff" for sign in value)


def is_whole(value: Any) -> bool:
    """A count."""
    return isinstance(value, int) and 0 <= value <= LARGEST


def is_number(value: Any) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)


def is_time(value: Any) -> bool:
    """Unix seconds that a calendar can show."""
    return is_number(value) and 0 <= value <= LATEST


def _is_name(value: Any) -> bool:
    return is_text(value) and value != ""


def _one_of(*allowed: int) -> Check:
    return lambda value: isinstance(value, int) and value in allowed


def _is_row(value: Any) -> bool:
    """A row number may be negative."""
    return isinstance(value, int) and -LARGEST <= value <= LARGEST


def _or_null(check: Check) -> Check:
    return lambda value: value is None or check(value)


def _is_bytes(value: Any) -> bool:
    return isinstance(value, bytes)


def _is_json(kind: type) -> Check:
    def check(value: Any) -> bool:
        try:
            return is_text(value) and isinstance(json.loads(value), kind)
        except (ValueError, RecursionError):
            return False

    return check


_SEEN: Mapping[str, Check] = {"seen": _or_null(is_time), "seen_by": _or_null(is_text)}
_NUMBER: Mapping[str, Check] = {"topic": _or_null(is_whole), "seq": _or_null(is_whole)}
_MOMENT: Mapping[str, Check] = {"wall": is_time, "mono": is_number, "synced": _one_of(0, 1, 2), "boot": is_text}

COLUMNS: Mapping[str, Mapping[str, Check]] = {
    "outbox": {
        "id": _is_row, "destination": _is_name, "state": _one_of(0, 1), "class": _one_of(0, 1, 2), "topic": _is_name,
        "message_id": is_text, "payload": _is_bytes, "qos": _one_of(0, 1), "retain": _one_of(0, 1),
        "properties": _or_null(_is_json(dict)), "bytes": is_whole, "reason": _or_null(is_text), **_MOMENT,
    },
    "topics": {"topic": _is_name, "seq": is_whole},
    "numbered": {"topic": _is_name, "number": is_whole},
    "counters": {"name": _is_name, "value": is_whole},
    "totals": {"state": _one_of(0, 1), "messages": is_whole, "bytes": is_whole},
    "history": {"name": _is_name, "events": is_whole, "bytes": is_whole},
    "shadows": {"address": _is_name, "document": _is_json(dict)},
    "held": {"id": _is_name, "visit": _or_null(_is_json(dict)), **_MOMENT},
    "visits": {
        "id": _is_name, "camera": is_text, "verdict": is_text, "ispass": _one_of(0, 1), "mask": _or_null(is_text),
        "mask_score": _or_null(is_number), "temperature": _or_null(is_number), "reasons": _is_json(list),
        "passed_through": _or_null(_one_of(0, 1)), "snapshot": _or_null(is_text),
        "record": _or_null(_is_bytes), "time_to_verdict_ms": _or_null(is_whole), "amended": _or_null(_one_of(0, 1)),
        **_NUMBER, **_MOMENT,
    },
    "amendments": {
        "id": _is_name, "amends": _is_name, "camera": is_text, "was": is_text, "verdict": is_text,
        "ispass": _one_of(0, 1), "reasons": _is_json(list), "mask": is_text, "mask_score": is_number,
        "made_by": is_text, "model": is_text, "delay_ms": is_whole, **_NUMBER, **_MOMENT,
    },
    "looks": {
        "id": _is_name, "camera": is_text, "faces": is_whole, "no_mask": is_whole, "streak": is_whole,
        "snapshot": _or_null(is_text), **_NUMBER, **_MOMENT,
    },
    "alerts": {
        "id": _is_name, "kind": is_text, "camera": _or_null(is_text), "sensor": _or_null(is_text), "text": is_text,
        "streak": _or_null(is_whole), "value": _or_null(is_number), "above": _or_null(is_number),
        "unit": _or_null(is_text), "snapshot": _or_null(is_text), "deviation": _or_null(_is_json(dict)),
        **_SEEN, **_NUMBER, **_MOMENT,
    },
    "readings": {
        "id": _is_name, "sensor": is_text, "quantity": is_text, "value": is_number, "unit": is_text,
        "quality": is_text, **_NUMBER, **_MOMENT,
    },
    "faults": {"id": _is_name, "component": is_text, "code": is_text, "text": is_text, **_SEEN, **_NUMBER, **_MOMENT},
    "series": {"id": _is_row, "sensor": is_text, "quantity": is_text, "unit": is_text},
    "series_minutes": {
        "id": _is_row, "count": is_whole, "mean": is_number, "min": is_number, "max": is_number, "last": is_number,
    },
    "series_hours": {"id": _is_row, "minutes": _is_bytes, "summaries": _is_bytes, "checksum": is_whole},
    "series_forecasts": {
        "id": _is_row, "origin": is_time, "step_s": is_whole, "numbers": _is_bytes, "checksum": is_whole,
    },
    "series_states": {"id": _is_row, "state": _is_json(dict)},
}  # fmt: skip
"""The check of each column, by table."""

SEALED: Final[Mapping[str, Sequence[str]]] = {
    "outbox": ("destination", "class", "topic", "message_id", "payload", "qos", "retain", "properties", "bytes"),
    "series_hours": ("id", "minutes", "summaries"),
    "series_forecasts": ("id", "origin", "step_s", "numbers"),
}
"""The columns that the checksum covers, by table: those that never change while a message waits."""


def damaged_columns(table: str, row: Mapping[Any, Any]) -> list[str]:
    """Columns with a value that does not belong there; `checksum` when each value is possible but not all are right."""
    checks = COLUMNS[table]
    found = [name for name, value in row.items() if name in checks and not checks[name](value)]
    sealed = SEALED.get(table, ())
    if not found and row.get("checksum") is not None and row["checksum"] != checksum([row[name] for name in sealed]):
        found.append("checksum")
    return found


def checksum(values: Iterable[Any]) -> int:
    """Of the values of the SEALED columns, in their order. Raises UnicodeEncodeError, as writing them would."""
    result = 0
    for value in values:
        raw = value if isinstance(value, bytes) else b"" if value is None else str(value).encode()
        result = zlib.crc32(b"%d:" % len(raw) + raw, result)
    return result


def names(columns: Sequence[str]) -> str:
    """The columns as a sentence names them."""
    return ", ".join("content (its checksum is wrong)" if name == "checksum" else name for name in columns)
