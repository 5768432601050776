"""Means of ten minutes and of hours, kept for half a year in a few kilobytes."""

import math
from collections.abc import Iterator
from typing import Final

import numpy as np

from edge_mask.series.detector import Blocks
from edge_mask.series.nouns import BLOCK, Block, Floats, Hours, Minutes

LEAST_OF_BLOCK: Final = 5
"""Minutes in line without which ten minutes have no mean."""
LEAST_OF_HOUR: Final = 20
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

    def fill(self, first: int, values: Floats) -> None:
        """Begin with what was before."""
        kept = values[-HOURS_KEPT:]
        self._values[: len(kept)] = kept
        self._end = len(kept)
        self._first = first + len(values) - len(kept)

    def put(self, hour: int, mean: float) -> None:
        """An hour is over; hours between the last one and this are unknown, one that was before is replaced."""
        if self._first is None:
            self._first = hour
        end = self._first + self._end
        if hour - end >= HOURS_KEPT or hour < self._first:  # another time altogether
            self._first, self._end, end = hour, 0, hour
        for _ in range(hour - end):
            self._append(float("nan"))
        if hour < end:
            self._values[hour - self._first] = mean
        else:
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

    def __init__(self) -> None:
        self._block: list[float] = []
        self._all: list[float] = []
        self._hour: list[float] = []

    def forget(self) -> None:
        """The minutes before were not watched."""
        self._block, self._all, self._hour = [], [], []

    def put(self, mean: float, *, doubted: bool) -> None:
        """A minute that was read."""
        if not math.isnan(mean):
            self._all.append(mean)
        if not doubted:
            self._block.append(mean)
            self._hour.append(mean)

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
    return Blocks(*means(minutes, BLOCK, LEAST_OF_BLOCK))


def hours(minutes: Minutes) -> Hours:
    """The hourly means of a history."""
    return Hours(*means(minutes, 60, LEAST_OF_HOUR))


def days(minutes: Minutes, last: int = 14) -> Iterator[tuple[int, float, float]]:
    """The lowest and highest minute of each of the last whole days (since 1970); days without one are left out."""
    end = minutes.end // 1440
    for day in range(max(end - last, -(-minutes.first // 1440)), end):
        values = minutes.values[day * 1440 - minutes.first :][:1440]
        if not np.isnan(values).all():
            yield day, float(np.nanmin(values)), float(np.nanmax(values))
