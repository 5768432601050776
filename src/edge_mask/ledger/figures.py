"""How many were judged, passed and refused: in all, by reason, by hours, days and weeks of the site.

visits ──SQL over one index──▶ steps of a quarter of an hour or more ──▶ hours, days, weeks (site_time.py)
"""

import json
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime, tzinfo
from math import gcd
from typing import Any, Final

from sqlalchemy import Connection

from edge_mask.ledger.site_time import QUARTER, Unit, span
from edge_mask.redact import legible

SOUND: Final = "typeof(wall) IN ('real', 'integer') AND wall BETWEEN 0 AND 2.5e11 AND typeof(camera) = 'text'"
"""SQL: a damaged row must not stop the others from being counted."""
JUDGED: Final = "ispass IN (0, 1)"
SPLIT: Final = "coalesce(sum(ispass = 1), 0), coalesce(sum(ispass = 0), 0)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Which:
    """Which visits: the period in Unix seconds, `until` excluded, and the filters of the list."""

    since: float | None = None
    until: float | None = None
    camera: str | None = None
    is_pass: bool | None = None
    reason: str | None = None
    """A word such as `no_mask`."""

    def where(self, *tests: str) -> tuple[str, tuple[Any, ...]]:
        """Behind FROM, with its arguments."""
        bounds = [
            ("wall >= ?", self.since), ("wall < ?", self.until), ("camera = ?", self.camera),
            ("ispass = ?", None if self.is_pass is None else int(self.is_pass)),
            # Only JSON of words stands there, so that the word in its quotes is found nowhere else.
            ("instr(reasons, ?) > 0", None if self.reason is None else json.dumps(self.reason)),
        ]  # fmt: skip
        given = [(test, limit) for test, limit in bounds if limit is not None]
        every = [*tests, *(test for test, _ in given)]
        return f"WHERE {' AND '.join(every)}" if every else "", tuple(limit for _, limit in given)


@dataclass(slots=True)
class Bar:
    """One hour, day or week."""

    begins: datetime
    """In the site's zone."""
    passed: int = 0
    refused: int = 0


def summary(connection: Connection, which: Which) -> dict[str, Any]:
    """`{judged, passed, refused, by_reason: {word: n}, by_camera: {name: {passed, refused}}}`, the most frequent first.

    A visit with two reasons counts for both. `damaged` counts rows that do not say; absent when there are none.
    """
    where, arguments = which.where(SOUND, JUDGED)
    query = f"SELECT camera, reasons, {SPLIT} FROM visits {where} GROUP BY camera, reasons"
    reasons: dict[str, int] = {}
    cameras: dict[str, dict[str, int]] = {}
    for camera, text, passed, refused in connection.exec_driver_sql(query, arguments):
        for reason in _reasons(text):
            reasons[reason] = reasons.get(reason, 0) + passed + refused
        told = cameras.setdefault(legible(camera), {"passed": 0, "refused": 0})
        told["passed"] += passed
        told["refused"] += refused
    return {
        **_judged(connection, which, *(sum(told[key] for told in cameras.values()) for key in ("passed", "refused"))),
        "by_reason": dict(sorted(reasons.items(), key=lambda each: (-each[1], each[0]))),
        "by_camera": dict(sorted(cameras.items())),
    }


def stats(connection: Connection, zone: tzinfo, which: Which) -> dict[str, Any]:
    """`{judged, passed, refused, by_hour: […], by_date: […]}`: hours of the site's day (0..23), local dates."""
    hours = {hour: {"hour": hour, "passed": 0, "refused": 0} for hour in range(24)}
    days: dict[str, dict[str, Any]] = {}
    for quarter, passed, refused in _counted(connection, which, QUARTER):
        local = datetime.fromtimestamp(quarter * QUARTER, zone)
        date = local.date().isoformat()
        for told in (hours[local.hour], days.setdefault(date, {"date": date, "passed": 0, "refused": 0})):
            told["passed"] += passed
            told["refused"] += refused
    totals = [sum(hour[key] for hour in hours.values()) for key in ("passed", "refused")]
    judged = _judged(connection, which, *totals)
    return {**judged, "by_hour": list(hours.values()), "by_date": list(days.values())}


def bars(connection: Connection, zone: tzinfo, which: Which, unit: Unit) -> list[Bar]:
    """One for each hour, day or week of the period, also for those in which nobody came. Needs both ends of it.

    Raises Refused for more of them than anybody can look at.
    """
    assert which.since is not None
    assert which.until is not None
    found = [Bar(begins) for begins in span(unit, which.since, which.until, zone)]
    beginnings = [int(bar.begins.timestamp()) for bar in found]
    # The longest step of which each of them is a whole number: a day where all have 24 hours, an hour elsewhere.
    grain = gcd(*(each - beginnings[0] for each in beginnings[1:])) or round(which.until - beginnings[0]) + 1
    for step, passed, refused in _counted(connection, which, grain, beginnings[0]):
        bar = found[bisect_right(beginnings, beginnings[0] + step * grain) - 1]
        bar.passed += passed
        bar.refused += refused
    return found


def as_fields(bar: Bar) -> dict[str, Any]:
    """A bar as JSON tells it."""
    return {**asdict(bar), "begins": bar.begins.isoformat()}


def _counted(connection: Connection, which: Which, grain: int, begins: int = 0) -> Iterator[tuple[int, int, int]]:
    """Number of the step of `grain` seconds since `begins`, passed, refused; oldest first."""
    where, arguments = which.where(SOUND, JUDGED)
    step = f"CAST((wall - {begins}) / {grain} AS INTEGER)"
    query = f"SELECT {step} AS step, {SPLIT} FROM visits {where} GROUP BY step"
    yield from (tuple(row) for row in connection.exec_driver_sql(query, arguments))


def _judged(connection: Connection, which: Which, passed: int, refused: int) -> dict[str, int]:
    where, arguments = which.where()
    damaged = connection.exec_driver_sql(f"SELECT count(*) FROM visits {where}", arguments).scalar_one()
    damaged -= passed + refused
    told = {"judged": passed + refused, "passed": passed, "refused": refused}
    return {**told, "damaged": damaged} if damaged else told


def _reasons(text: Any) -> list[str]:
    try:
        found = json.loads(text)
    except (ValueError, TypeError, RecursionError):  # a damaged row is counted, but says not why
        return []
    words = [legible(each) for each in found if isinstance(each, str)] if isinstance(found, list) else []
    return list(dict.fromkeys(words))
