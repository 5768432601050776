"""Means of ten minutes and of hours, kept for half a year in a few kilobytes."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from edge_mask.series.detector import Blocks
from edge_mask.series.nouns import BLOCK, Block, Floats, Hours, Minutes

LEAST_OF_BLOCK: Final = 5
"""Minutes in line without which ten minutes have no mean."""
LEAST_OF_HOUR: Final = 20
_BELIEVED: Final = 24
LONGEST_GAP: Final = 60
HOURS_KEPT: Final = 26 * 168


def means(minutes: Minutes, size: int, least: int) -> tuple[int, Floats]:
    """The first whole block of `size` minutes, and the mean of each; NaN where fewer than `least` minutes are known."""
    skip = -minutes.first % size
    whole = (len(minutes.values) - skip) // size
    if whole <= 0:
        return (minutes.first + skip) // size, np.empty(0, np.float32)
    grid = minutes.values[skip : skip + whole * size].reshape(whole, size)
    known = ~np.isnan(grid)
    count = known.sum(axis=1)
    total = np.where(known, grid, 0.0).sum(axis=1, dtype=np.float64)
    with np.errstate(invalid="ignore"):
        found = np.where(count >= least, total / np.maximum(count, 1), np.nan)
    return (minutes.first + skip) // size, found.astype(np.float32)


class Recent:
    """The hours of the last half year, in order; a ring that can be seen as one piece."""

    def __init__(self) -> None:
        self._values = np.full(2 * HOURS_KEPT, np.nan, np.float32)
        self._end = 0
        self._first: int | None = None
        self._far = 0
        """Hours in a row that were far from those that are kept."""

    def fill(self, first: int, values: Floats) -> None:
        """Begin with what was before."""
        kept = values[-HOURS_KEPT:]
        self._values[: len(kept)] = kept
        self._end = len(kept)
        self._first = first + len(values) - len(kept)

    def put(self, hour: int, mean: float) -> None:
        """An hour is over. Hours between the last one and this are unknown; after one that was before, so are those
        that came then. One far away is that of a wrong clock, unless a day of such hours comes."""
        if self._first is None:
            self._first = hour
        end = self._first + self._end
        self._far = self._far + 1 if hour - end >= HOURS_KEPT or hour < self._first else 0
        if self._far >= _BELIEVED:
            self._first, self._end, self._far, end = hour, 0, 0, hour
        elif self._far:
            return
        self._end = min(self._end, hour - self._first)
        for _ in range(hour - end):
            self._append(math.nan)
        self._append(mean)

    def hours(self) -> Hours:
        """All that is kept."""
        gone = max(0, self._end - HOURS_KEPT)
        return Hours((self._first or 0) + gone, self._values[gone : self._end])

    def _append(self, mean: float) -> None:
        assert self._first is not None
        if self._end == len(self._values):
            gone = self._end - HOURS_KEPT
            self._values[:HOURS_KEPT] = self._values[gone:].copy()
            self._first += gone
            self._end = HOURS_KEPT
        self._values[self._end] = mean
        self._end += 1


class Gathering:
    """Minutes on their way into a block and an hour."""

    gap = 1
    """Minutes that a reading stands for."""

    def __init__(self) -> None:
        self._block: list[float] = []
        self._all: list[float] = []
        self._hour: list[float] = []
        self._last, self._age = math.nan, 0

    def forget(self) -> None:
        """The minutes before were not watched."""
        self._block, self._all, self._hour = [], [], []
        self._last = math.nan

    def put(self, mean: float, *, doubted: bool) -> None:
        """A minute that was read."""
        self._last, self._age = math.nan if doubted else mean, 0
        self._all.append(mean)
        if not doubted:
            self._block.append(mean)
            self._hour.append(mean)

    def hold(self) -> None:
        """A minute without a reading; the one before may stand for it."""
        self._age += 1
        if self._age < self.gap and not math.isnan(self._last):
            self._all.append(self._last)
            self._block.append(self._last)
            self._hour.append(self._last)

    def block(self, minute: int) -> Block:
        """The block that ends with this minute."""
        kept, every = self._block, self._all
        self._block, self._all = [], []
        mean = sum(kept) / len(kept) if len(kept) >= LEAST_OF_BLOCK else float("nan")
        raw = sum(every) / len(every) if every else float("nan")
        return Block(minute + 1 - BLOCK, mean, raw, len(kept))

    def hour(self) -> float:
        """The mean of the hour that ends with this minute."""
        kept, self._hour = self._hour, []
        return sum(kept) / len(kept) if len(kept) >= LEAST_OF_HOUR else float("nan")


def blocks(minutes: Minutes) -> Blocks:
    """The ten-minute means of a history."""
    return Blocks(*means(held(minutes), BLOCK, LEAST_OF_BLOCK))


def hours(minutes: Minutes) -> Hours:
    """The hourly means of a history."""
    return Hours(*means(held(minutes), 60, LEAST_OF_HOUR))


def gap(values: Floats) -> int:
    """Minutes from one reading to the next, which nine in ten do not exceed."""
    apart = np.diff(np.flatnonzero(np.isfinite(values)))
    return min(max(1, int(np.quantile(apart, 0.9))), LONGEST_GAP) if len(apart) else 1


def held(minutes: Minutes) -> Minutes:
    """Where readings come each few minutes only, each stands for the minutes until the next one is due."""
    due = gap(minutes.values)
    if due == 1:
        return minutes
    place = np.arange(len(minutes.values))
    last = np.maximum.accumulate(np.where(np.isfinite(minutes.values), place, -LONGEST_GAP))
    held = minutes.values[np.maximum(last, 0)]
    return Minutes(minutes.first, np.where(place - last < due, held, np.float32(np.nan)))


@dataclass(frozen=True, slots=True)
class Day:
    """What was usual on a whole day (counted since 1970)."""

    day: int
    low: float
    high: float
    step: float
    """The largest from one reading to the next."""


def days(minutes: Minutes, last: int = 14) -> Iterator[Day]:
    """The last whole days, but for those without readings."""
    end = minutes.end // 1440
    for day in range(max(end - last, -(-minutes.first // 1440)), end):
        values = minutes.values[day * 1440 - minutes.first :][:1440]
        values = values[np.isfinite(values)]
        if len(values) > 1:
            yield Day(day, float(values.min()), float(values.max()), float(np.abs(np.diff(values)).max()))
