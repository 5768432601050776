"""Readings as lines: the path of each sensor, its gaps, its outliers. Drawn by `templates/readings.html`.

More readings than the drawing has columns become the mean of each column; the highest and lowest are kept as a band.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median
from typing import Final

from edge_mask.ledger.curves import Curve, Outlier, Point
from edge_mask.web.pages.scale import Grid, lines, step_of

WIDTH: Final = 560
HEIGHT: Final = 220
LEFT: Final = 30
_TOP: Final = 18
_BOTTOM: Final = 26
_COLUMNS: Final = 130
_POINTS: Final = 390
"""Of all lines on a page together: it must not grow with the number of sensors."""
_FEWEST: Final = 16
_FEW_FOR_A_BAND: Final = 40
"""With fewer points than these to a line, its band is left out."""
_GAP: Final = 3.5
"""Pauses so many times as long as usual are shown as gaps."""
_FLATTEST: Final = 1e-9


@dataclass(frozen=True, slots=True)
class Mark:
    """An outlier in the drawing."""

    x: float
    y: float
    outlier: Outlier


@dataclass(frozen=True, slots=True)
class Line:
    """One sensor."""

    name: str
    path: str
    band: str
    """Between the highest and lowest of each column; empty where each column is one reading."""
    outliers: Sequence[Mark]
    points: Sequence[Point]
    """What is drawn, for the table."""


@dataclass(frozen=True, slots=True)
class Lines:
    """A drawing."""

    grid: Sequence[Grid]
    digits: int
    lines: Sequence[Line]
    limit: float | None = None
    """The height of the line above which a visitor has a fever."""


@dataclass(frozen=True, slots=True)
class _Frame:
    since: float
    until: float
    low: float
    high: float

    def x(self, at: float) -> float:
        return round(LEFT + (WIDTH - LEFT) * (at - self.since) / (self.until - self.since), 1)

    def y(self, value: float) -> float:
        """What lies outside stands at the edge."""
        part = (min(max(value, self.low), self.high) - self.low) / (self.high - self.low)
        return round(HEIGHT - _BOTTOM - (HEIGHT - _BOTTOM - _TOP) * part, 1)


def columns_for(lines: int) -> int:
    """How many points each line has room for, where a page shows so many of them."""
    return max(_FEWEST, min(_COLUMNS, _POINTS // max(1, lines)))


def lines_of(
    curves: Sequence[Curve], since: float, until: float, columns: float = _COLUMNS, limit: float | None = None
) -> Lines:
    """The sensors of one quantity in one drawing, the newest outliers marked; a `limit` that is near is drawn too."""
    thinned = [thin(curve.points, since, until, columns) for curve in curves]
    low, high = _range([point for points in thinned for point in points], curves, limit)
    step = step_of(high - low, is_whole=False)
    frame = _Frame(since, until, math.floor(low / step) * step, math.ceil(high / step) * step)
    drawn = [_line(curve, points, frame, columns) for curve, points in zip(curves, thinned, strict=True)]
    digits = max(0, min(4, -math.floor(math.log10(step)) + (step * 10 ** -math.floor(math.log10(step)) == 2.5)))
    is_seen = limit is not None and frame.low <= limit <= frame.high
    line = frame.y(limit) if limit is not None and is_seen else None
    return Lines(lines(frame.low, frame.high, step, _TOP, HEIGHT - _BOTTOM), digits, drawn, line)


def thin(points: Sequence[Point], since: float, until: float, columns: float) -> list[Point]:
    """At most so many points: those of one column become one. What has no good reading is left out."""
    good = [point for point in points if point.mean is not None]
    if len(good) <= columns:
        return good
    wide = (until - since) / columns
    found: dict[int, list[Point]] = {}
    for point in good:
        found.setdefault(int((point.at - since) / wide), []).append(point)
    return [together(each) for each in found.values()]


def together(points: Sequence[Point]) -> Point:
    """Readings of which each has a mean, as one point."""
    counts = [max(1, point.count - point.doubtful) for point in points]
    total = sum(counts)
    mean = sum((point.mean or 0.0) * count for point, count in zip(points, counts, strict=True)) / total
    return Point(
        at=points[len(points) // 2].at,
        mean=mean,
        low=min(point.low for point in points if point.low is not None),
        high=max(point.high for point in points if point.high is not None),
        count=sum(point.count for point in points),
        doubtful=sum(point.doubtful for point in points),
        first=min(point.first for point in points),
        last=max(point.last for point in points),
    )


def runs(points: Sequence[Point]) -> Iterator[list[Point]]:
    """Cut where readings are missing for longer than they usually do."""
    if not points:
        return
    pauses = [later.at - earlier.at for earlier, later in pairwise(points)]
    longest = _GAP * median(pauses) if pauses else 0.0
    run = [points[0]]
    for pause, point in zip(pauses, points[1:], strict=True):
        if pause > longest:
            yield run
            run = []
        run.append(point)
    yield run


def _range(points: Sequence[Point], curves: Sequence[Curve], limit: float | None) -> tuple[float, float]:
    """What is drawn; outliers too, as long as they leave the rest a third of the height."""
    values = [value for point in points for value in (point.low, point.high) if value is not None]
    far = [outlier.value for curve in curves for outlier in curve.outliers if math.isfinite(outlier.value)]
    if not values:
        values = far or [0.0]
    low, high = min(values), max(values)
    room = max(high - low, abs(high) * 0.02, _FLATTEST)
    near = [value for value in (*far, *([] if limit is None else [limit])) if low - room <= value <= high + room]
    low, high = min([low, *near]), max([high, *near])
    rest = max((high - low) * 0.08, abs(high) * 0.01, _FLATTEST)
    return low - rest, high + rest


def _line(curve: Curve, points: Sequence[Point], frame: _Frame, columns: float) -> Line:
    path, band = [], []
    has_band = columns >= _FEW_FOR_A_BAND and any(point.low != point.high for point in points)
    for run in runs(points):
        steps = [f"{frame.x(point.at)} {frame.y(point.mean or 0.0)}" for point in run]
        path.append("M" + "L".join(steps) + ("h.1" if len(steps) == 1 else ""))
        if has_band and len(run) > 1:
            upper = [f"{frame.x(point.at)} {frame.y(point.high or 0.0)}" for point in run]
            lower = [f"{frame.x(point.at)} {frame.y(point.low or 0.0)}" for point in reversed(run)]
            band.append("M" + "L".join([*upper, *lower]) + "z")
    marks = [Mark(frame.x(each.at), frame.y(each.value), each) for each in curve.outliers[-max(1, int(columns / 4)) :]]
    return Line(curve.sensor, "".join(path), "".join(band), marks, points)
