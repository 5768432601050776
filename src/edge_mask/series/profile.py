"""A series' usual week, and what its last days tell about the next ones: the features of the forecast."""

from typing import Final

import numpy as np

from edge_mask.series.grid import DAY, WEEK, Laid, Reals, Whole, hour_of_day, weekday

WEEKS: Final = 20
"""How many weeks the usual week is made of; each older one counts a tenth less."""
REACH: Final = 2 * WEEK
"""The hours before its origin that a forecast looks at, beside those of the usual week."""
FEATURES: Final = 20

_WEIGHTS: Final = 0.9 ** np.arange(WEEKS)
_MEANS: Final = (3, 6, 12, 24, 48, 72, WEEK, REACH)
_CLIP: Final = 2.0
"""What is further from the usual, in deviations, tells no more: a burst of an hour is not tomorrow's weather."""
_FAR: Final = 3.0


def usual(laid: Laid, start: int, stop: int, scale: float) -> Reals:
    """The mean of the same hour of the weeks before, for the wall hours `start` to `stop` (at most a week ahead).

    A week in which that hour was far from its median, measured by `scale`, counts as not so far: it was a burst or a
    broken sensor. With 0 it is the median itself."""
    at = np.arange(start, stop)
    seen = laid.at(at[:, None] - WEEK * np.arange(1, WEEKS + 1))
    known = ~np.isnan(seen)
    weight = np.where(known, _WEIGHTS, 0.0)
    centre = middle(seen)[:, None]
    seen = np.where(known, np.clip(seen, centre - _FAR * scale, centre + _FAR * scale), 0.0)
    total = weight.sum(axis=1)
    mean = (weight * seen).sum(axis=1) / np.maximum(total, 1e-9)
    return np.where(total > 0, mean, _of_day(laid)[hour_of_day(at)])


def middle(rows: Reals) -> Reals:
    """The (lower) median of what is known of each row; NaN where nothing is."""
    ordered = np.sort(rows, axis=1)  # NaN at the end
    known = (~np.isnan(rows)).sum(axis=1)
    found: Reals = ordered[np.arange(len(rows)), np.maximum(known - 1, 0) // 2]
    return found


def _of_day(laid: Laid) -> Reals:
    """The mean of each hour of the day: what is usual where no week before has that hour."""
    known = ~np.isnan(laid.values)
    hours = hour_of_day(laid.first + np.arange(len(laid.values)))[known]
    count = np.bincount(hours, minlength=DAY)
    total = np.bincount(hours, laid.values[known], DAY)
    whole = total.sum() / count.sum() if count.any() else np.nan
    return np.where(count > 0, total / np.maximum(count, 1), whole)


class Residuals:
    """How far each hour was from the usual, in deviations; hours without a reading are as usual."""

    def __init__(self, first: int, residuals: Reals) -> None:
        self.first = first
        known = ~np.isnan(residuals)
        self.values = np.clip(np.nan_to_num(residuals), -_CLIP, _CLIP)
        self._sums = np.concatenate(([0.0], np.cumsum(self.values)))
        self._counts = np.concatenate(([0], np.cumsum(known)))

    def of_origins(self, origins: Whole) -> Reals:
        """What is known when the wall hours `origins` begin; one row each."""
        end = origins - self.first
        columns = [self._at(end - 1), *(self._mean(end, length) for length in _MEANS)]
        columns += [self._at(end - back) for back in (DAY, 2 * DAY, WEEK)]
        turn = 2 * np.pi * hour_of_day(origins) / DAY
        return np.column_stack([*columns, np.sin(turn), np.cos(turn), np.ones(len(origins))])

    def of_targets(self, targets: Whole, ahead: Whole) -> Reals:
        """What is known of the wall hours `targets`, `ahead` hours after their origins; one row each."""
        place = targets - self.first
        days = (ahead // DAY + 1) * DAY
        weeks = (ahead // WEEK + 1) * WEEK
        same = [self._at(place - back) for back in (days, days + DAY, weeks, np.full(len(place), 2 * WEEK))]
        return np.column_stack([*same, (weekday(targets) >= 5).astype(float)])

    def _at(self, place: Whole) -> Reals:
        there = (place >= 0) & (place < len(self.values))
        return np.where(there, self.values[np.where(there, place, 0)], 0.0)

    def _mean(self, end: Whole, length: int) -> Reals:
        end = np.clip(end, 0, len(self.values))
        start = np.maximum(end - length, 0)
        count = self._counts[end] - self._counts[start]
        return np.where(count > 0, (self._sums[end] - self._sums[start]) / np.maximum(count, 1), 0.0)
