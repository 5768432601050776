"""Hours, days and weeks of the site's calendar, also where a clock change makes them longer, shorter or come twice.

A quarter of an hour is the grain of all time zones: each offset from UTC, and each change of one, is a whole number of
them. (Before 1972 one zone had another; no device is so old.)
"""

from collections.abc import Iterator
from datetime import datetime, time, timedelta, tzinfo
from typing import Final, Literal

from edge_mask.errors import Refused

QUARTER: Final = 900
"""Seconds."""
Unit = Literal["hour", "day", "week"]
UNITS: Final[tuple[Unit, ...]] = ("hour", "day", "week")
MOST: Final = 1000
"""Hours, days or weeks in one answer: 41 days by hour, nearly three years by day."""
_SHORTEST: Final = {"hour": 3600 - 1800, "day": 86400 - 7200, "week": 7 * 86400 - 7200}


def begin_of(unit: Unit, at: float, zone: tzinfo) -> datetime:
    """When the hour, day or week of the site began in which that Unix time lies; a week begins on Monday."""
    local = datetime.fromtimestamp(at, zone)
    match unit:
        case "hour":
            return _hour_of(local, zone)
        case "day":
            return _midnight(local, zone)
        case "week":
            return _midnight(local - timedelta(days=local.weekday()), zone)


def span(unit: Unit, since: float, until: float, zone: tzinfo) -> Iterator[datetime]:
    """The beginnings of all that lie in the period, also partly. Raises Refused when there are more than MOST."""
    if until - since > (MOST + 1) * _SHORTEST[unit] * 2:  # not even begun: ten years are found out at once
        raise _too_many(unit)
    count, begins = 0, begin_of(unit, since, zone)
    while begins.timestamp() < until:
        if count == MOST:
            raise _too_many(unit)
        yield begins
        count, begins = count + 1, after(unit, begins, zone)


def after(unit: Unit, begins: datetime, zone: tzinfo) -> datetime:
    """When the next one begins."""
    match unit:
        case "hour":
            return _next_hour(begins, zone)
        case "day":
            return _midnight(begins + timedelta(days=1), zone)
        case "week":
            return _midnight(begins + timedelta(days=7), zone)


def earliest(time: datetime, zone: tzinfo) -> float:
    """Unix seconds. Without an offset of its own it is a time of the site; one that occurs twice there, or not at all,
    means the first possible moment."""
    return min(_meant(time, zone))


def latest(time: datetime, zone: tzinfo) -> float:
    """The same with the last possible moment: for the end of a period."""
    return max(_meant(time, zone))


def _meant(time: datetime, zone: tzinfo) -> tuple[float, ...]:
    if time.tzinfo is not None:
        return (time.timestamp(),)
    return tuple(time.replace(tzinfo=zone, fold=fold).timestamp() for fold in (0, 1))


def _too_many(unit: Unit) -> Refused:
    larger = {"hour": "; ask for days or weeks", "day": "; ask for weeks", "week": ""}
    return Refused(f"from, to: more than {MOST} {unit}s{larger[unit]}")


def _midnight(local: datetime, zone: tzinfo) -> datetime:
    """Where clocks are changed at midnight the day begins later; its first moment is told, as its clocks showed it."""
    first = datetime.combine(local.date(), time(), zone)
    return datetime.fromtimestamp(first.timestamp(), zone)


def _hour_of(local: datetime, zone: tzinfo) -> datetime:
    """With the clock changed in the middle of an hour, each of its parts is an hour of its own."""
    begins = datetime.fromtimestamp(local.timestamp() // 60 * 60 - local.minute * 60, zone)
    while begins.utcoffset() != local.utcoffset():
        begins = datetime.fromtimestamp(begins.timestamp() + QUARTER, zone)
    return begins


def _next_hour(begins: datetime, zone: tzinfo) -> datetime:
    at = begins
    while (at.hour, at.utcoffset()) == (begins.hour, begins.utcoffset()):
        at = datetime.fromtimestamp(at.timestamp() + QUARTER, zone)
    return at
