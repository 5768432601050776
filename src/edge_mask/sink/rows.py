"""From what a device published to a row, or to the reason why it is none. Knows no database and no connection."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec

from edge_mask.units import Unix

LARGEST: Final = 131_072
"""Bytes of a payload: the limit of AWS IoT Core, and the contract's."""
DEEPEST: Final = 30
"""Levels of a payload; MariaDB takes 32."""
LONGEST_TOPIC: Final = 512
LONGEST_THING: Final = 128
LONGEST_KIND: Final = 255
LARGEST_SEQ: Final = 2**53 - 1
"""No device counts so far, and every reader of JSON can tell it from the next one."""
_UUID7 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", re.IGNORECASE)
_ZERO = b"\\u0000"
"""How JSON writes the character that no database takes into a text."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EARLIEST = datetime(1000, 1, 2, tzinfo=UTC)  # MariaDB knows no time before it
_LATEST = datetime(9999, 12, 30, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Incoming:
    """One message as the broker delivered it."""

    topic: str
    payload: bytes
    received: Unix


@dataclass(frozen=True, slots=True)
class Row:
    """One message as it is stored; `ts` and `received` in UTC."""

    id: str
    thing: str
    kind: str
    topic: str
    seq: int | None
    ts: datetime
    received: datetime
    payload: str
    fields: dict[str, Any] = field(repr=False, compare=False)
    """The payload, decoded."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A message that cannot be stored, and why, in a sentence."""

    incoming: Incoming
    reason: str


class Names:
    """Where in a topic the thing and the kind stand: the first `+` of the filter is the thing, what follows is the
    kind. In a topic whose filter has no `+` only the last part means something: the kind."""

    def __init__(self, filters: Sequence[str]) -> None:
        self._filters = [each.split("/") for each in filters]

    def of(self, topic: str) -> tuple[str | None, str] | None:
        """Thing and kind; None for a topic that nobody asked for."""
        levels = topic.split("/")
        for wanted in self._filters:
            if _matches(wanted, levels):
                if "+" not in wanted:
                    return None, levels[-1]
                at = wanted.index("+")
                return levels[at], "/".join(levels[at + 1 :]) or levels[at]
        return None


def _matches(wanted: Sequence[str], levels: Sequence[str]) -> bool:
    if wanted[-1] == "#":
        wanted = wanted[:-1]
        if len(levels) < len(wanted):
            return False
        levels = levels[: len(wanted)]
    return len(wanted) == len(levels) and all(want in ("+", level) for want, level in zip(wanted, levels, strict=True))


class Unfit(Exception):
    """The message cannot be stored; its text says why."""


def row_of(incoming: Incoming, thing: str | None, kind: str) -> Row:
    """The row of a message, whose topic says `thing` and `kind`. Raises Unfit."""
    fields = _decoded(incoming.payload)
    found = fields.get("id")
    if not isinstance(found, str) or not _UUID7.fullmatch(found):
        raise Unfit("has no id" if found is None else f"its id is no UUID of version 7: {_shown(found)}")
    own = fields.get("thing", thing)
    if not isinstance(own, str) or not own:
        raise Unfit("says of no thing that it comes from it")
    if thing is not None and own != thing:
        raise Unfit(f"says that it comes from {_shown(own)}, on a topic of {_shown(thing)}")
    for what, text, most in (
        ("topic", incoming.topic, LONGEST_TOPIC),
        ("thing", own, LONGEST_THING),
        ("kind", kind, LONGEST_KIND),
    ):
        if len(text) > most:
            raise Unfit(f"its {what} has {len(text)} characters; allowed: {most}")
    seq = fields.get("seq")
    return Row(
        id=found.lower(),
        thing=own,
        kind=kind,
        topic=incoming.topic,
        seq=seq if type(seq) is int and 0 <= seq <= LARGEST_SEQ else None,
        ts=_time_of(fields.get("ts")) or made_at(found),
        received=utc(incoming.received),
        payload=incoming.payload.decode(),
        fields=fields,
    )


def made_at(id: str) -> datetime:  # noqa: A002 (it is one)
    """When a UUID of version 7 was made, by the clock of whoever made it."""
    at = _EPOCH + timedelta(milliseconds=min(int(id[:8] + id[9:13], 16), 253_000_000_000_000))
    return min(max(at, _EARLIEST), _LATEST)


def utc(wall: Unix) -> datetime:
    return datetime.fromtimestamp(wall, UTC)


def _decoded(payload: bytes) -> dict[str, Any]:
    if len(payload) > LARGEST:
        raise Unfit(f"has {len(payload)} bytes; allowed: {LARGEST}")
    try:
        fields = msgspec.json.decode(payload)
    except RecursionError as error:
        raise Unfit(f"is nested deeper than {DEEPEST} levels") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Unfit(f"is not JSON in UTF-8: {error}") from error
    if not isinstance(fields, dict):
        raise Unfit("is no JSON object")
    if payload.count(b"{") + payload.count(b"[") > DEEPEST and _depth(fields, DEEPEST + 1) > DEEPEST:
        raise Unfit(f"is nested deeper than {DEEPEST} levels")
    if _ZERO in payload and _has_zero(fields):
        raise Unfit("holds the character U+0000, which no database takes into a text")
    return fields


def _depth(value: Any, most: int) -> int:
    """How many levels there are, at most `most`."""
    if most == 0 or not isinstance(value, dict | list):
        return 0
    parts = value.values() if isinstance(value, dict) else value
    return 1 + max((_depth(part, most - 1) for part in parts), default=0)


def _has_zero(value: Any) -> bool:
    if isinstance(value, str):
        return "\0" in value
    if isinstance(value, dict):
        return any(_has_zero(part) for pair in value.items() for part in pair)
    return isinstance(value, list) and any(map(_has_zero, value))


def _time_of(value: Any) -> datetime | None:
    if not isinstance(value, str):
        return None
    try:
        at = datetime.fromisoformat(value)
        at = at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return at if _EARLIEST <= at <= _LATEST else None


def _shown(value: object) -> str:
    return f"{value!a}"[:80]
