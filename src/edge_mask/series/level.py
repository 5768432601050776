"""A level that is not as forecast for hours: a burst, a valve that was closed, a sensor that was moved."""

from typing import Any, Final

import numpy as np

from edge_mask.series.detector import Blocks, Forecaster
from edge_mask.series.grid import DAY, Grid, Reals, Whole, hour_of_day
from edge_mask.series.nouns import BLOCK, Block, Hours, Outlier, Site

PER_HOUR: Final = 60 // BLOCK
PER_DAY: Final = DAY * PER_HOUR

_LIMITS: Final = {2 * PER_HOUR: 6.0, 4 * PER_HOUR: 5.5, 8 * PER_HOUR: 5.0}
"""For the mean of so many blocks: how many deviations from the forecast are a level of its own."""
_KEPT: Final = 90 * PER_DAY
"""Blocks that the deviations are learned from: a season, not the year with its worst one."""
_RELEARNED: Final = 7 * PER_DAY
_QUARTER: Final = 1.15
"""Three quarters of a normal distribution lie within so many of its deviations: the bulk sets the scale, no tail."""
_OVER: Final = 0.5
"""Of the limit of the last two hours: below it a level is over, however long it was before."""
_LEAST: Final = 0.8
"""Of the deviation of the whole day, what each hour has at least."""
_LEAST_OF_HOUR: Final = 100
_CHANGE: Final = 3
"""Hours before and after a change of the clock."""
_SEEN: Final = 14 * PER_DAY
"""Blocks without which nothing is said."""


class Level:
    """Compares the last two, four and eight hours with what was forecast at midnight."""

    def __init__(self, site: Site, model: Forecaster) -> None:
        self._model = model
        self._grid = Grid(site.zone)
        self._line = _Line()
        self._errors = np.full(_KEPT, np.nan)
        self._hours = np.zeros(_KEPT, np.int64)
        self._count = 0
        self._next: int | None = None
        self._scales: dict[int, Reals] = {}
        self._began: float | None = None
        self._told = False

    def warm_up(self, hours: Hours, blocks: Blocks) -> None:
        """Learn how far the last season was from its forecasts."""
        end = blocks.first + len(blocks.values)
        start = max(blocks.first, end - _KEPT, (hours.first + 3 * 168) * PER_HOUR)
        self._line = _Line()
        self._count, self._next = 0, None
        for number in range(start, end):
            self._put(number, float(blocks.values[number - blocks.first]), _until(hours, number // PER_HOUR))
        self._learn()

    def block(self, block: Block, hours: Hours) -> tuple[Outlier, ...]:
        """The level, while it is not as forecast."""
        number = block.first // BLOCK
        self._put(number, block.mean, hours)
        if self._count % _RELEARNED == 0:
            self._learn()
        parts = self._parts(int(self._hours[(self._count - 1) % _KEPT]))
        now, worst = abs(parts[0]), max(abs(part) for part in parts)
        if now < _OVER:
            self._began = None
        elif self._began is None and worst >= 1.0 and not self._told:
            self._began, self._told = block.end, True
        if worst < 1.0 and self._began is None:
            self._told = False
        return () if self._began is None else (self._outlier(number, block),)

    def retrained(self, model: Forecaster) -> None:
        """Forecast with this one from the next block on."""
        self._model = model
        self._line = _Line()

    def dump(self) -> dict[str, Any]:
        """Whether a level is open; the rest is learned again from what is stored."""
        return {"began": self._began, "told": self._told}

    def load(self, state: dict[str, Any]) -> None:
        """Go on from a `dump`."""
        self._began, self._told = state["began"], state["told"]

    def _put(self, number: int, mean: float, hours: Hours) -> None:
        hour = number // PER_HOUR
        if not self._line.holds(hour):
            self._line = _Line.of(self._model, self._grid, hour, hours)
        gap = 0 if self._next is None else number - self._next
        for _ in range(min(max(gap, 0), max(_LIMITS))):
            self._append(np.nan, self._line.shown(hour))
        self._append(mean - self._line.at(number), self._line.shown(hour))
        self._next = number + 1

    def _append(self, error: float, hour: int) -> None:
        place = self._count % _KEPT
        self._errors[place], self._hours[place] = error, hour
        self._count += 1

    def _learn(self) -> None:
        """How far the means usually are from nought, by hour of the day."""
        kept = min(self._count, _KEPT)
        order = np.arange(self._count - kept, self._count) % _KEPT
        errors, hours = self._errors[order], self._hours[order]
        self._scales = {}
        if (~np.isnan(errors)).sum() >= _SEEN:
            self._scales = {blocks: _by_hour(np.abs(_means(errors, blocks)), hours) for blocks in _LIMITS}

    def _parts(self, hour: int) -> list[float]:
        """The means' distances from the forecast in parts of their limits, that of the last two hours first."""
        longest = min(max(_LIMITS), self._count)
        recent = self._errors[np.arange(self._count - longest, self._count) % _KEPT]
        parts = []
        for blocks, limit in _LIMITS.items():
            errors = recent[-blocks:]
            errors = errors[~np.isnan(errors)]
            enough = blocks in self._scales and len(errors) * 2 >= blocks
            parts.append(float(errors.mean()) / (float(self._scales[blocks][hour]) * limit) if enough else 0.0)
        return parts

    def _outlier(self, number: int, block: Block) -> Outlier:
        assert self._began is not None
        blocks = min(self._scales)
        line = self._line.at(number)
        around = float(self._scales[blocks][int(self._hours[(self._count - 1) % _KEPT])]) * _LIMITS[blocks]
        value = None if np.isnan(block.mean) else block.mean
        expected = None if np.isnan(line) else (line - around, line + around)
        return Outlier("forecast", "level", value, expected, self._began)


def _until(hours: Hours, hour: int) -> Hours:
    """What was known when this hour began."""
    return Hours(hours.first, hours.values[: max(0, hour - hours.first)])


def _means(errors: Reals, blocks: int) -> Reals:
    """The mean of so many blocks up to each; NaN where fewer than half are known."""
    known = ~np.isnan(errors)
    sums = np.concatenate(([0.0], np.cumsum(np.where(known, errors, 0.0))))
    counts = np.concatenate(([0], np.cumsum(known)))
    end = np.arange(1, len(errors) + 1)
    start = np.maximum(end - blocks, 0)
    count = counts[end] - counts[start]
    return np.where(count * 2 >= blocks, (sums[end] - sums[start]) / np.maximum(count, 1), np.nan)


def _by_hour(sizes: Reals, hours: Whole) -> Reals:
    """A robust deviation for each hour of the day, from it and its neighbours."""
    known = ~np.isnan(sizes)
    sizes, hours = sizes[known], hours[known]
    whole = max(float(np.quantile(sizes, 0.75)) / _QUARTER, 1e-9)
    found = np.full(DAY, whole)
    for hour in range(DAY):
        near = sizes[(hours - hour + 1) % DAY <= 2]
        if len(near) >= _LEAST_OF_HOUR:
            found[hour] = max(float(np.quantile(near, 0.75)) / _QUARTER, _LEAST * whole)
    return found


class _Line:
    """What was forecast for a day, between its midnights on the wall."""

    def __init__(self, first: int = 0, values: Reals | None = None, shown: Whole | None = None) -> None:
        self._first = first
        self._values = np.empty(0) if values is None else values
        self._shown = np.empty(0, np.int64) if shown is None else shown

    @classmethod
    def of(cls, model: Forecaster, grid: Grid, hour: int, hours: Hours) -> "_Line":
        """From the hour of UTC on to the end of its day on the wall; nothing is said of the hours around a change of
        the clock: meters that count by the wall's hours show two in one then, or none."""
        values = model.forecast(hour * 3600.0, hours).values[: 2 * DAY].astype(float)
        wall = grid.wall(hour - _CHANGE, 2 * DAY + 2 * _CHANGE)
        jumps = np.diff(wall) != 1
        for ahead in range(2 * DAY):
            if jumps[ahead : ahead + 2 * _CHANGE].any():
                values[ahead] = np.nan
        shown = wall[_CHANGE:-_CHANGE]
        days = shown // DAY
        return cls(hour, values[: int((days == days[0]).sum()) + 1], hour_of_day(shown))

    def holds(self, hour: int) -> bool:
        """Whether this hour of UTC is one of the day; the last value is the next day's, to lead over to it."""
        return self._first <= hour < self._first + len(self._values) - 1

    def shown(self, hour: int) -> int:
        """The hour of the day on the wall."""
        return int(self._shown[hour - self._first])

    def at(self, number: int) -> float:
        """In the middle of this block, between the middles of the hours."""
        place = (number + 0.5) / PER_HOUR - 0.5 - self._first
        before = max(int(np.floor(place)), 0)
        part = max(place - before, 0.0)
        values = self._values
        return float(values[before] * (1 - part) + values[before + 1] * part)
