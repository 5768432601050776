"""Hours by the clock on the wall: people draw water by it, and two days a year have 23 or 25 hours of it."""

from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edge_mask.series.nouns import Hours

DAY: Final = 24
WEEK: Final = 168
_THURSDAY: Final = 3  # 1 January 1970

Whole = NDArray[np.int64]
Reals = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Laid:
    """Hourly means by the wall: `first` is the whole wall hour since 1970 of `values[0]`; hours skipped are NaN."""

    first: int
    values: Reals

    @property
    def end(self) -> int:
        """The wall hour after the last one."""
        return self.first + len(self.values)

    def at(self, wall: Whole) -> Reals:
        """The means of these wall hours; NaN where none is known."""
        if len(self.values) == 0:
            return np.full(wall.shape, np.nan)
        place = wall - self.first
        there = (place >= 0) & (place < len(self.values))
        return np.where(there, self.values[np.where(there, place, 0)], np.nan)


class Grid:
    """From hours of UTC to hours on the wall of one zone."""

    def __init__(self, zone: tzinfo) -> None:
        self._zone = zone
        self._days: dict[int, Whole] = {}

    def wall(self, first: int, count: int) -> Whole:
        """For `count` hours of UTC from `first` on: which hour the wall shows."""
        start, stop = first // DAY, (first + count - 1) // DAY + 1
        days = [self._day(day) for day in range(start, stop)]
        return np.concatenate(days)[first - start * DAY :][:count]

    def lay(self, hours: Hours) -> Laid:
        """The same means by the wall; an hour that it shows twice is their mean."""
        if len(hours.values) == 0:
            return Laid(0, np.empty(0))
        shown = self.wall(hours.first, len(hours.values))
        place = shown - shown[0]
        known = ~np.isnan(hours.values)
        size = int(place[-1]) + 1
        total = np.bincount(place[known], hours.values[known], size)
        count = np.bincount(place[known], minlength=size)
        return Laid(int(shown[0]), np.where(count > 0, total / np.maximum(count, 1), np.nan))

    def _day(self, day: int) -> Whole:
        found = self._days.get(day)
        if found is None:
            hours = np.arange(day * DAY, (day + 1) * DAY)
            before, after = self._offset(int(hours[0])), self._offset(int(hours[-1]) + 1)
            offsets = before if before == after else np.array([self._offset(int(hour)) for hour in hours])
            found = self._days[day] = (hours * 60 + offsets) // 60
        return found

    def _offset(self, hour: int) -> int:
        """Minutes that the wall is ahead of UTC."""
        ahead = datetime.fromtimestamp(hour * 3600, UTC).astimezone(self._zone).utcoffset()
        return 0 if ahead is None else int(ahead.total_seconds()) // 60


def hour_of_day(wall: Whole) -> Whole:
    """0 to 23."""
    return wall % DAY


def weekday(wall: Whole) -> Whole:
    """0 for Monday to 6 for Sunday."""
    return (wall // DAY + _THURSDAY) % 7
