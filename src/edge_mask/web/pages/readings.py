"""Readings: a line for each sensor, one drawing for each quantity, the same numbers in a table behind it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from edge_mask.ledger.curves import Curve, Point
from edge_mask.web.access import Needs
from edge_mask.web.pages.frame import render, words_for
from edge_mask.web.pages.lines import HEIGHT, LEFT, WIDTH, Line, columns_for, lines_of, together
from edge_mask.web.pages.page import page
from edge_mask.web.pages.thermometer import fever_of
from edge_mask.web.site import Site, site_of
from edge_mask.web.threads import in_thread
from edge_mask.web.words import NOTHING, Words

_MINUTE: Final = 60.0
_HOUR: Final = 3600.0
_SPANS: Final = {"hours": 6 * _HOUR, "day": 24 * _HOUR, "week": 168 * _HOUR, "month": 720 * _HOUR}
_SHORTEST: Final = 10 * _MINUTE
"""Of a drawing that begins with the first reading."""
_TICKS: Final = (1, 5, 15, 30, 60, 180, 360, 1440, 5760)
"""Minutes between two labels; at most so many are written:"""
_MOST_TICKS: Final = 9
_WIDTHS: Final = (10, 30, 60, 120, 180, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400, 172800)
"""Seconds that one point of a line, or one row of a table, may stand for."""
_ROWS: Final = 30
_CELLS: Final = 200
"""Of all tables of a page together, about: it must not grow with the number of sensors."""
_DIGITS: Final = 2


@dataclass(frozen=True, slots=True)
class Tick:
    """A label below the drawing."""

    x: float
    text: str


async def readings(request: Request) -> Response:
    """`?span=hours|day|week|month`, up to now."""
    site, words = site_of(request), words_for(request)
    span = next((name for name in _SPANS if name == request.query_params.get("span")), "day")
    until = site.clock.now().wall
    since = until - _SPANS[span]
    curves = await in_thread(lambda: site.reader.curves(since, until))
    since = _begins(curves, since, until)
    found = await in_thread(lambda: _quantities(site, curves, (since, until), words))
    return await render(
        request,
        "readings.html",
        room="readings",
        live="reading",
        span=span,
        first=since,
        last=until,
        mean_of=_mean_of(curves, until - since),
        quantities=found,
        ticks=_ticks(since, until, words),
        size={"width": WIDTH, "height": HEIGHT, "left": LEFT},
    )


def _begins(curves: Sequence[Curve], since: float, until: float) -> float:
    """With the first reading, where the device is younger than the period."""
    first = min((curve.points[0].first for curve in curves if curve.points), default=since)
    return min(first, until - _SHORTEST) if first - since > (until - since) / 10 else since


def _width(length: float, most: int) -> int:
    """Seconds that one of at most so many parts lasts."""
    return next((width for width in _WIDTHS if length / width <= most), _WIDTHS[-1])


def _columns(lines: int, length: float) -> float:
    return length / _width(length, columns_for(lines))


def _mean_of(curves: Sequence[Curve], length: float) -> int:
    """Seconds of which a point of a line is the mean; 0 where each is one reading."""
    most = columns_for(len(curves))
    if any(len(curve.points) > most for curve in curves):
        return _width(length, most)
    return max((curve.step_s for curve in curves), default=0)


def _quantities(site: Site, curves: Sequence[Curve], period: tuple[float, float], words: Words) -> list[dict[str, Any]]:
    names = list(dict.fromkeys(curve.quantity for curve in curves))
    found = []
    for name in names:
        ours = [curve for curve in curves if curve.quantity == name]
        limits = [fever_of(site.settings, curve.sensor, name) for curve in ours]
        limit = next((each for each in limits if each is not None), None)
        found.append(_quantity(name, ours, period, len(curves), limit, words))
    return found


def _quantity(
    name: str, curves: Sequence[Curve], period: tuple[float, float], lines: int, limit: float | None, words: Words
) -> dict[str, Any]:
    since, until = period
    drawn = lines_of(curves, since, until, _columns(lines, until - since), limit)
    unit = curves[0].unit
    digits = min(_DIGITS, drawn.digits + 1)
    wide = _width(until - since, max(4, min(_ROWS, _CELLS // lines)))
    return {
        "name": name,
        "unit": unit,
        "newest": [_newest(curve, unit, digits, words) for curve in curves],
        "limit": None if drawn.limit is None else words.measure(limit, unit),
        "lines": drawn,
        "outliers": sum(len(curve.outliers) for curve in curves),
        "says": " ".join(
            _says(line, curve, unit, digits, words)
            for line, curve in zip(drawn.lines, curves, strict=True)
            if line.points
        ),
        "wide": words.lasting(wide),
        "rows": _rows(curves, wide, digits, words),
        "why": [[_why(mark.outlier, unit, digits, words) for mark in line.outliers] for line in drawn.lines],
    }


def _newest(curve: Curve, unit: str, digits: int, words: Words) -> dict[str, Any]:
    at, value = curve.newest or (None, None)
    return {"at": at, "value": words.measure(value, unit, digits)}


def _says(line: Line, curve: Curve, unit: str, digits: int, words: Words) -> str:
    low = min(point.low for point in line.points if point.low is not None)
    high = max(point.high for point in line.points if point.high is not None)
    shown = {"low": low, "high": high, "last": curve.newest[1] if curve.newest else None}
    told = {name: words.measure(value, unit, digits) for name, value in shown.items()}
    return words.t("readings.says", name=line.name, **told)


def _why(outlier: Any, unit: str, digits: int, words: Words) -> str:
    return words.t(
        "readings.outlier",
        value=words.measure(outlier.value, unit, digits),
        time=words.moment(outlier.at),
        why=words.word("quality", outlier.quality),
    )


def _rows(curves: Sequence[Curve], wide: int, digits: int, words: Words) -> list[dict[str, Any]]:
    """Newest first; three numbers for each sensor: the lowest, the mean, the highest. Full hours are the site's."""
    rows: dict[int, list[list[Point]]] = {}
    for place, curve in enumerate(curves):
        for point in curve.points:
            if point.mean is not None:
                local = point.at + (words.at(point.at).utcoffset() or timedelta()).total_seconds()
                rows.setdefault(int(local // wide), [[] for _ in curves])[place].append(point)
    return [_row(rows[each], digits, words) for each in sorted(rows, reverse=True)]


def _row(cells: Sequence[Sequence[Point]], digits: int, words: Words) -> dict[str, Any]:
    joined = [together(points) if points else None for points in cells]
    first = min(point.first for point in joined if point is not None)
    last = max(point.last for point in joined if point is not None)
    is_one_day = words.at(first).date() == words.at(last).date()
    return {
        "from": words.moment(first),
        "to": "" if last == first else words.time(last) if is_one_day else words.moment(last),
        "cells": [
            NOTHING if point is None else words.number(value, digits)
            for point in joined
            for value in ((None,) * 3 if point is None else (point.low, point.mean, point.high))
        ],
    }


def _ticks(since: float, until: float, words: Words) -> list[Tick]:
    """At full hours or minutes of the site, at midnights where the steps are days."""
    length = (until - since) / _MINUTE
    minutes = next((each for each in _TICKS if length / each <= _MOST_TICKS), _TICKS[-1])
    step = timedelta(minutes=min(minutes, 60))
    first = words.at(since).replace(minute=0, second=0, microsecond=0)
    found = []
    for each in range(int((until - first.timestamp()) / step.total_seconds()) + 1):
        local = words.at(first.timestamp() + each * step.total_seconds())
        x = LEFT + (WIDTH - LEFT) * (local.timestamp() - since) / (until - since)
        if LEFT + 16 <= x <= WIDTH - 16 and _is_due(local, minutes):
            text = words.short_day(local.date()) if minutes >= 1440 else f"{local:%H:%M}"
            found.append(Tick(round(x, 1), text))
    return found


def _is_due(local: datetime, minutes: int) -> bool:
    if minutes < 1440:
        return (60 * local.hour + local.minute) % minutes == 0
    return local.hour == local.minute == 0 and local.toordinal() % (minutes // 1440) == 0


def routes(_site: Site) -> Sequence[BaseRoute]:
    """One page."""
    return [page("/readings", readings, needs=Needs.VIEWER)]
