"""Readings: a line for each sensor, one drawing for each quantity, the same numbers in a table behind it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from edge_mask.ledger.curves import Curve
from edge_mask.web.access import Needs
from edge_mask.web.pages.frame import render, words_for
from edge_mask.web.pages.lines import HEIGHT, LEFT, WIDTH, Line, columns_for, lines_of, thin
from edge_mask.web.pages.page import page
from edge_mask.web.site import Site, site_of
from edge_mask.web.threads import in_thread
from edge_mask.web.words import NOTHING, Words

_HOUR: Final = 3600.0
_SPANS: Final = {"hours": 6 * _HOUR, "day": 24 * _HOUR, "week": 168 * _HOUR, "month": 720 * _HOUR}
_TICKS: Final = {"hours": 1, "day": 3, "week": 24, "month": 96}
"""Hours between two labels."""
_ROWS: Final = 48
"""Of a table: each stands for so many parts of the period."""
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
    found = await in_thread(lambda: _quantities(curves, since, until, words))
    return await render(
        request,
        "readings.html",
        room="readings",
        live="reading",
        span=span,
        first=since,
        last=until,
        is_means=any(curve.step_s for curve in curves),
        quantities=found,
        ticks=_ticks(since, until, _TICKS[span], words),
        size={"width": WIDTH, "height": HEIGHT, "left": LEFT},
    )


def _quantities(curves: Sequence[Curve], since: float, until: float, words: Words) -> list[dict[str, Any]]:
    names = list(dict.fromkeys(curve.quantity for curve in curves))
    columns = columns_for(len(curves))
    return [
        _quantity(name, [curve for curve in curves if curve.quantity == name], (since, until), columns, words)
        for name in names
    ]


def _quantity(
    name: str, curves: Sequence[Curve], period: tuple[float, float], columns: int, words: Words
) -> dict[str, Any]:
    drawn = lines_of(curves, *period, columns)
    unit = curves[0].unit
    digits = min(_DIGITS, drawn.digits + 1)
    return {
        "name": name,
        "unit": unit,
        "last": [words.measure(line.points[-1].mean if line.points else None, unit, digits) for line in drawn.lines],
        "digits": digits,
        "lines": drawn,
        "outliers": sum(len(curve.outliers) for curve in curves),
        "says": " ".join(_says(line, unit, digits, words) for line in drawn.lines if line.points),
        "rows": _rows(curves, period, min(_ROWS, columns), digits, words),
        "why": [[_why(mark.outlier, unit, digits, words) for mark in line.outliers] for line in drawn.lines],
    }


def _says(line: Line, unit: str, digits: int, words: Words) -> str:
    low = min(point.low for point in line.points if point.low is not None)
    high = max(point.high for point in line.points if point.high is not None)
    shown = {"low": low, "high": high, "last": line.points[-1].mean}
    told = {name: words.measure(value, unit, digits) for name, value in shown.items()}
    return words.t("readings.says", name=line.name, **told)


def _why(outlier: Any, unit: str, digits: int, words: Words) -> str:
    return words.t(
        "readings.outlier",
        value=words.measure(outlier.value, unit, digits),
        time=words.moment(outlier.at),
        why=words.word("quality", outlier.quality),
    )


def _rows(
    curves: Sequence[Curve], period: tuple[float, float], count: int, digits: int, words: Words
) -> list[dict[str, Any]]:
    """Newest first, a cell for each sensor."""
    since, until = period
    wide = (until - since) / count
    cells: dict[int, dict[int, str]] = {}
    for place, curve in enumerate(curves):
        for point in thin(curve.points, since, until, count):
            row = cells.setdefault(int((point.at - since) / wide), {})
            row[place] = words.number(point.mean, digits)
    return [
        {
            "when": words.moment(since + row * wide),
            "cells": [cells[row].get(place, NOTHING) for place in range(len(curves))],
        }
        for row in sorted(cells, reverse=True)
    ]


def _ticks(since: float, until: float, hours: int, words: Words) -> list[Tick]:
    """At full hours of the site, at midnights where the steps are days."""
    first = words.at(since).replace(minute=0, second=0, microsecond=0)
    found = []
    for each in range(int((until - since) / _HOUR) + 2):
        local = words.at((first + timedelta(hours=each)).timestamp())
        x = LEFT + (WIDTH - LEFT) * (local.timestamp() - since) / (until - since)
        if LEFT + 16 <= x <= WIDTH - 16 and _is_due(local, hours):
            text = words.short_day(local.date()) if hours >= 24 else f"{local:%H:%M}"
            found.append(Tick(round(x, 1), text))
    return found


def _is_due(local: datetime, hours: int) -> bool:
    if hours < 24:
        return local.hour % hours == 0
    return local.hour == 0 and local.toordinal() % (hours // 24) == 0


def routes(_site: Site) -> Sequence[BaseRoute]:
    """One page."""
    return [page("/readings", readings, needs=Needs.VIEWER)]
