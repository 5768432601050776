"""A level that is not as forecast for hours: a burst, a valve that was closed, a sensor that was moved."""

from typing import Any, Final

import numpy as np

from edge_mask.series.detector import Blocks, Forecaster
from edge_mask.series.grid import DAY, WEEK, Grid, Reals, Whole
from edge_mask.series.lines import LINES, PER_HOUR, Lines
from edge_mask.series.nouns import BLOCK, Block, Hours, Outlier, Site

PER_DAY: Final = DAY * PER_HOUR

_SPANS: Final = np.array([2, 4, 8]) * PER_HOUR
"""Blocks that a mean is made of."""
_LIMITS: Final = np.array([5.25, 4.75, 4.25])
"""For each of these means: how many deviations from the forecast are a level of its own."""
_LONGEST: Final = int(_SPANS[-1])
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
_SEEN: Final = 14 * PER_DAY
"""Blocks without which nothing is said."""


class Level:
    """Compares the last two, four and eight hours with what was forecast at midnight, and what else was no wonder."""

    def __init__(self, site: Site, model: Forecaster) -> None:
        self._model = model
        self._grid = Grid(site.zone)
        self._lines = Lines.none()
        self._errors = np.full(_KEPT, np.nan, np.float32)
        """From the forecast, the last block at `_count - 1`, modulo the length as all three."""
        self._hours = np.zeros(_KEPT, np.int8)
        self._recent = np.full((_LONGEST, LINES), np.nan)
        """From each line."""
        self._count = 0
        self._next: int | None = None
        self._scales: Reals | None = None
        self._began: float | None = None
        self._told = False

    def warm_up(self, hours: Hours, blocks: Blocks) -> None:
        """Learn how far the last season was from its forecasts."""
        end = blocks.first + len(blocks.values)
        start = max(blocks.first, end - _KEPT, (hours.first + WEEK) * PER_HOUR)
        self._lines = Lines.none()
        self._count, self._next = 0, None
        for number in range(start, end):
            self._put(number, float(blocks.values[number - blocks.first]), _until(hours, number // PER_HOUR))
        self._learn()

    def block(self, block: Block, hours: Hours) -> tuple[Outlier, ...]:
        """The level, while it is not as forecast."""
        number = block.first // BLOCK
        self._put(number, block.mean, hours)
        if self._count % (_RELEARNED if self._count > _KEPT else PER_DAY) == 0:
            self._learn()
        parts = self._parts(self._lines.shown(number // PER_HOUR))
        now, worst = float(parts[0]), float(parts.max())
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
        self._lines = Lines.none()

    def dump(self) -> dict[str, Any]:
        """Whether a level is open; the rest is learned again from what is stored."""
        return {"began": self._began, "told": self._told}

    def load(self, state: dict[str, Any]) -> None:
        """Go on from a `dump`."""
        self._began, self._told = state["began"], state["told"]

    def _put(self, number: int, mean: float, hours: Hours) -> None:
        hour = number // PER_HOUR
        if not self._lines.hold(hour):
            self._lines = Lines.of(self._model, self._grid, hour, hours)
        gap = 0 if self._next is None else number - self._next
        shown = self._lines.shown(hour)
        for _ in range(min(max(gap, 0), _LONGEST)):
            self._append(np.full(LINES, np.nan), shown)
        self._append(mean - self._lines.at(number), shown)
        self._next = number + 1

    def _append(self, errors: Reals, hour: int) -> None:
        self._recent[self._count % _LONGEST] = errors
        place = self._count % _KEPT
        self._errors[place], self._hours[place] = errors[0], hour
        self._count += 1

    def _learn(self) -> None:
        """How far the means usually are from nought, by hour of the day."""
        kept = min(self._count, _KEPT)
        order = np.arange(self._count - kept, self._count) % _KEPT
        errors, hours = self._errors[order].astype(float), self._hours[order].astype(int)
        self._scales = None
        if (~np.isnan(errors)).sum() >= _SEEN:
            self._scales = np.array([_by_hour(np.abs(_means(errors, int(span))), hours) for span in _SPANS])

    def _parts(self, hour: int) -> Reals:
        """How far each mean is from the nearest that is no wonder, in parts of its limit; the last two hours first.

        Nought when the lines are on both sides of what came."""
        if self._scales is None:
            return np.zeros(len(_SPANS))
        recent = self._recent[np.arange(self._count - 1, self._count - 1 - _LONGEST, -1) % _LONGEST]
        known = ~np.isnan(recent[:, 0])
        totals = np.cumsum(np.where(known[:, None], recent, 0.0), axis=0)[_SPANS - 1]
        counts = np.cumsum(known)[_SPANS - 1]
        means = totals / np.maximum(counts, 1)[:, None]
        away = np.maximum(np.maximum(means.min(axis=1), -means.max(axis=1)), 0.0)
        return np.where(counts * 2 >= _SPANS, away / (self._scales[:, hour] * _LIMITS), 0.0)

    def _outlier(self, number: int, block: Block) -> Outlier:
        assert self._began is not None
        scale = 0.0 if self._scales is None else float(self._scales[0, self._lines.shown(number // PER_HOUR)])
        around = float(_LIMITS[0]) * scale
        lines = self._lines.at(number)
        value = None if np.isnan(block.mean) else block.mean
        expected = None if np.isnan(lines[0]) else (float(lines.min()) - around, float(lines.max()) + around)
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
