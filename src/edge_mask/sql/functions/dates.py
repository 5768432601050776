"""parse_time() and time_to_epoch(): patterns as Joda-Time writes them and java.time reads them, names in English."""

import re
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from edge_mask.sql import regex
from edge_mask.sql.functions.registry import Cost, function
from edge_mask.sql.text import to_text
from edge_mask.sql.values import UNDEFINED, Value, to_int_down

MONTHS: Final = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
DAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MAX_PATTERN: Final = 200
"""Characters of a pattern."""
MAX_NAME: Final = 80
"""Characters in the name of a zone."""
MAX_TEXT: Final = 1000
"""Characters of a text that is read as a date."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_PIECE: Final = re.compile(r"'((?:[^']|'')*)'|([A-Za-z])\2*|[^A-Za-z']+")
_OFFSET: Final = re.compile(r"(?:UTC|GMT|UT)?(?:([+-])(\d{1,2})(?::?(\d{2}))?(?::?(\d{2}))?)?")
_ZONES: Final = "zVXxZO"
"""The letters that stand for a zone."""
_BARE: Final = ("UTC+", "UTC-")
"""The standard library's name of a zone that is only an offset."""
_ABBREVIATIONS: Final = {
    "EST": -5, "EDT": -4, "CST": -6, "CDT": -5, "MST": -7, "MDT": -6, "PST": -8, "PDT": -7,
    "WET": 0, "BST": 1, "CET": 1, "CEST": 2, "EET": 2, "IST": 5.5, "JST": 9, "KST": 9,
}  # fmt: skip


class PatternError(ValueError):
    """The pattern means nothing."""


def pieces(pattern: str) -> Iterator[tuple[str, int]]:
    """(letter, count) for each field and (text, 0) for what stands between the fields."""
    at = 0
    if len(pattern) > MAX_PATTERN:
        raise PatternError(pattern)
    while at < len(pattern):
        match = _PIECE.match(pattern, at)
        if match is None:
            raise PatternError(pattern)
        at = match.end()
        if match[1] is not None:
            yield (match[1].replace("''", "'") or "'"), 0
        elif match[2]:
            yield match[2], len(match[0])
        else:
            yield match[0], 0


def zone(name: str) -> tzinfo | None:
    """The time zone of a name, offset or abbreviation; None for an unknown one."""
    return _zone(name) if len(name) <= MAX_NAME else None


@lru_cache(maxsize=128)
def _zone(name: str) -> tzinfo | None:
    if name in {"Z", "UTC", "GMT", "UT"}:
        return UTC
    if offset := _OFFSET.fullmatch(name):
        sign, hours, minutes, seconds = offset.groups()
        if sign:
            lasted = timedelta(hours=int(hours), minutes=int(minutes or 0), seconds=int(seconds or 0))
            return timezone(-lasted if sign == "-" else lasted) if lasted < timedelta(hours=19) else None
    if name in _ABBREVIATIONS:
        return timezone(timedelta(hours=_ABBREVIATIONS[name]), name)
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def _offset(at: datetime, count: int) -> str:
    lasted = at.utcoffset() or timedelta()
    minutes = int(abs(lasted).total_seconds()) // 60
    colon = ":" if count > 1 else ""
    return f"{'-' if lasted < timedelta() else '+'}{minutes // 60:02d}{colon}{minutes % 60:02d}"


def _zone_text(at: datetime, count: int) -> str:
    if count >= 4 and at.tzinfo is UTC:
        return "Coordinated Universal Time"
    name = at.tzname() or "UTC"
    return name if name[0].isalpha() and not name.startswith(_BARE) else _offset(at, 2)


def _zone_id(at: datetime) -> str:
    name = str(at.tzinfo)
    return _offset(at, 2) if name.startswith(_BARE) else name


def _year(number: int, count: int) -> str:
    return f"{number % 100:02d}" if count == 2 else f"{number:0{count}d}"


def _named(names: tuple[str, ...], index: int, count: int) -> str:
    return names[index] if count > 3 else names[index][:3]


def _fraction(at: datetime, count: int) -> str:
    return f"{at.microsecond // 1000:03d}".ljust(count, "0")[:count]


_WRITERS: Final[dict[str, Callable[[datetime, int], str]]] = {
    "G": lambda _at, _count: "AD",
    "C": lambda at, count: f"{at.year // 100:0{count}d}",
    "y": lambda at, count: _year(at.year, count),
    "Y": lambda at, count: _year(at.year, count),
    "x": lambda at, count: _year(at.isocalendar().year, count),
    "w": lambda at, count: f"{at.isocalendar().week:0{count}d}",
    "e": lambda at, count: f"{at.isoweekday():0{count}d}",
    "E": lambda at, count: _named(DAYS, at.weekday(), count),
    "D": lambda at, count: f"{at.timetuple().tm_yday:0{count}d}",
    "M": lambda at, count: _named(MONTHS, at.month - 1, count) if count > 2 else f"{at.month:0{count}d}",
    "d": lambda at, count: f"{at.day:0{count}d}",
    "a": lambda at, _count: "AM" if at.hour < 12 else "PM",
    "K": lambda at, count: f"{at.hour % 12:0{count}d}",
    "h": lambda at, count: f"{(at.hour + 11) % 12 + 1:0{count}d}",
    "H": lambda at, count: f"{at.hour:0{count}d}",
    "k": lambda at, count: f"{(at.hour + 23) % 24 + 1:0{count}d}",
    "m": lambda at, count: f"{at.minute:0{count}d}",
    "s": lambda at, count: f"{at.second:0{count}d}",
    "S": _fraction,
    "z": _zone_text,
    "Z": lambda at, count: _offset(at, count) if count < 3 else _zone_id(at),
}


def text_from_epoch(pattern: str, milliseconds: int, zone_name: str) -> str | None:
    """The moment as text; None when pattern, zone or moment (years 1 to 9999) mean nothing."""
    place = zone(zone_name)
    if place is None:
        return None
    try:
        at = (_EPOCH + timedelta(milliseconds=milliseconds)).astimezone(place)
        return "".join(_WRITERS[text](at, count) if count else text for text, count in pieces(pattern))
    except (PatternError, KeyError, OverflowError, ValueError):
        return None


def _digits(count: int, most: int = 2) -> str:
    return rf"\d{{{count}}}" if count > 1 else rf"\d{{1,{most}}}"


def _words(names: tuple[str, ...], count: int) -> str:
    return "|".join(name if count > 3 else name[:3] for name in names)


_READERS: Final[dict[str, Callable[[int], str]]] = {
    "G": lambda _count: "AD",
    "y": lambda count: r"\d{2}" if count == 2 else rf"\d{{{count},9}}" if count != 4 else r"\d{4}",
    "u": lambda count: r"\d{2}" if count == 2 else rf"\d{{{count},9}}" if count != 4 else r"\d{4}",
    "M": lambda count: _words(MONTHS, count) if count > 2 else _digits(count),
    "L": lambda count: _words(MONTHS, count) if count > 2 else _digits(count),
    "d": _digits,
    "D": lambda count: _digits(count, 3),
    "E": lambda count: _words(DAYS, count),
    "a": lambda _count: "AM|PM",
    "H": _digits,
    "k": _digits,
    "K": _digits,
    "h": _digits,
    "m": _digits,
    "s": _digits,
    "S": lambda count: rf"\d{{{count}}}",
    "n": lambda count: _digits(count, 9),
    "z": lambda _count: r"[A-Za-z][A-Za-z0-9_/+:-]*",
    "V": lambda _count: r"[A-Za-z][A-Za-z0-9_/+:-]*|[+-]\d\d:\d\d",
    "X": lambda _count: r"Z|[+-]\d{2}(?::?\d{2})?",
    "x": lambda _count: r"[+-]\d{2}(?::?\d{2})?",
    "Z": lambda _count: r"Z|[+-]\d{2}:?\d{2}",
    "O": lambda _count: r"GMT(?:[+-]\d{1,2}(?::\d{2})?)?",
}


def _reader(pattern: str) -> "tuple[regex.Pattern, list[tuple[str, int]]] | None":
    return _made_reader(pattern) if len(pattern) <= MAX_PATTERN else None


@lru_cache(maxsize=128)
def _made_reader(pattern: str) -> "tuple[regex.Pattern, list[tuple[str, int]]] | None":
    source, fields = "", []
    try:
        for text, count in pieces(pattern):
            if count:
                source += f"({_READERS[text](count)})"
                fields.append((text, count))
            else:
                source += re.escape(text)
    except (PatternError, KeyError):
        return None
    if _objection(fields):
        return None
    return regex.ascii_only(source), fields


def _objection(fields: Sequence[tuple[str, int]]) -> str:
    """Each field at most once: with repeated fields a text could be parsed in billions of ways."""
    letters = ["z" if letter in _ZONES else letter for letter, _count in fields]
    again = next((letter for letter in letters if letters.count(letter) > 1), None)
    if again is None:
        return ""
    return "the zone stands in it more than once" if again == "z" else f"the letter {again} stands in it more than once"


def _pattern_objection(texts: Sequence[str | None]) -> str:
    pattern = texts[1]
    if pattern is None or len(pattern) > MAX_PATTERN:
        return ""
    try:
        problem = _objection([piece for piece in pieces(pattern) if piece[1]])
    except PatternError:
        return ""
    return problem and f"no date can be read by the pattern {pattern!r}: {problem}"


def _hour(found: dict[str, str]) -> int:
    if "H" in found:
        return int(found["H"])
    if "k" in found:
        return int(found["k"]) % 24
    half = 12 if found.get("a") == "PM" else 0
    if "h" in found:
        if not 1 <= int(found["h"]) <= 12 or "a" not in found:
            raise ValueError("hour")
        return int(found["h"]) % 12 + half
    return int(found["K"]) + half if "K" in found else 0


def _month(text: str) -> int:
    return int(text) if text.isdigit() else next(n for n, name in enumerate(MONTHS, 1) if name.startswith(text))


def _moment(found: dict[str, str], short_year: bool) -> datetime | None:
    year_text = found.get("y", found.get("u"))
    month = found.get("M", found.get("L"))
    if year_text is None or not ("D" in found or (month and "d" in found)):
        return None
    year = int(year_text) + (2000 if short_year else 0)
    place = zone(next((found[letter] for letter in _ZONES if letter in found), "UTC"))
    if place is None:
        return None
    micros = int(found.get("S", "0").ljust(6, "0")[:6]) if "S" in found else int(found.get("n", "0")) // 1000
    clock = (_hour(found), int(found.get("m", 0)), int(found.get("s", 0)), micros)
    if "D" in found and "d" not in found:
        start = datetime(year, 1, 1, *clock, tzinfo=place) + timedelta(days=int(found["D"]) - 1)
        return start if start.year == year else None
    return datetime(year, _month(month or "1"), int(found.get("d", "1")), *clock, tzinfo=place)


def epoch_from_text(text: str, pattern: str) -> int | None:
    """Milliseconds since 1970; None when the pattern means nothing or the text does not follow it."""
    reader = _reader(pattern)
    if reader is None or len(text) > MAX_TEXT or (match := regex.full_match(reader[0], text)) is None:
        return None
    fields = reader[1]
    found = {letter: match[index] for index, (letter, _count) in enumerate(fields, 1)}
    short_year = any(letter in "yu" and count == 2 for letter, count in fields)
    try:
        moment = _moment(found, short_year)
        if moment is None or not DAYS[moment.weekday()].startswith(found.get("E", "")):
            return None
        return (moment - _EPOCH) // timedelta(milliseconds=1)
    except (ValueError, OverflowError):
        return None


@function("parse_time", 2, 3, since=2, cost=Cost.TIME)
def parse_time(pattern: Value, timestamp: Value, zone: Value = "UTC") -> Value:
    """Milliseconds since 1970 as a text; the pattern as in Joda-Time."""
    letters, moment, place = to_text(pattern), to_int_down(timestamp), to_text(zone)
    if UNDEFINED in (letters, moment, place):
        return UNDEFINED
    text = text_from_epoch(letters, moment, place)
    return UNDEFINED if text is None else text


@function("time_to_epoch", 2, since=2, cost=Cost.TIME, objection=_pattern_objection)
def time_to_epoch(text: Value, pattern: Value) -> Value:
    """A text as milliseconds since 1970; the pattern as in java.time, UTC unless the text names a zone."""
    written, letters = to_text(text), to_text(pattern)
    if UNDEFINED in (written, letters):
        return UNDEFINED
    moment = epoch_from_text(written, letters)
    return UNDEFINED if moment is None else moment
