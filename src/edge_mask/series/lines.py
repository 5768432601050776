"""What a day may look like: as forecast, an hour earlier or later, or as a Sunday, as holidays do."""

from typing import Final

import numpy as np

from edge_mask.series.detector import Forecaster
from edge_mask.series.grid import DAY, WEEK, Grid, Reals, Whole, hour_of_day, weekday
from edge_mask.series.nouns import BLOCK, Hours
from edge_mask.series.profile import middle

PER_HOUR: Final = 60 // BLOCK
LINES: Final = 4
"""The forecast first, then what else would be no wonder."""

_CHANGE: Final = 3
"""Hours before and after a change of the clock of which nothing is said: meters that count by the wall's hours show two
in one then, or none."""
_SUNDAYS: Final = 4


class Lines:
    """Of one day, from an hour of UTC to its midnight on the wall."""

    def __init__(self, first: int, lines: Reals, shown: Whole) -> None:
        self._first = first
        self._lines = lines  # the lines' middles of hours, up to the second one of the next day
        self._shown = shown

    @classmethod
    def none(cls) -> "Lines":
        """Holds no hour."""
        return cls(0, np.empty((LINES, 0)), np.empty(0, np.int64))

    @classmethod
    def of(cls, model: Forecaster, grid: Grid, hour: int, hours: Hours) -> "Lines":
        """From this hour on, by what was known before it."""
        wall = grid.wall(hour - _CHANGE, 2 * DAY + 2 * _CHANGE)
        shown = wall[_CHANGE:-_CHANGE]
        count = int((shown // DAY == shown[0] // DAY).sum()) + 2
        line = model.forecast(hour * 3600.0, hours).values[:count].astype(float)
        jumps = np.flatnonzero(np.diff(wall) != 1)
        for jump in jumps:  # between the hours jump and jump + 1 of `wall`
            line[max(0, jump + 1 - 2 * _CHANGE) : jump + 1] = np.nan
        later = np.concatenate((line[:1], line[:-1]))
        earlier = np.concatenate((line[1:], line[-1:]))
        sunday = _sunday(grid, int(shown[0]), hours)[hour_of_day(shown[:count])]
        others = [np.where(np.isnan(each), line, each) for each in (later, earlier, sunday)]
        return cls(hour, np.array([line, *others]), hour_of_day(shown))

    def hold(self, hour: int) -> bool:
        """Whether this hour of UTC is one of the day."""
        return self._first <= hour < self._first + len(self._lines[0]) - 2

    def shown(self, hour: int) -> int:
        """The hour of the day on the wall."""
        return int(self._shown[hour - self._first])

    def at(self, number: int) -> Reals:
        """Each line in the middle of this block, between the middles of the hours."""
        place = max((number + 0.5) / PER_HOUR - 0.5 - self._first, 0.0)
        before = int(place)
        part = place - before
        found: Reals = self._lines[:, before] * (1 - part) + self._lines[:, before + 1] * part
        return found


def _sunday(grid: Grid, wall: int, hours: Hours) -> Reals:
    """The median of the last Sundays, by hour of the day; NaN where none is known."""
    kept = (_SUNDAYS + 1) * WEEK
    laid = grid.lay(Hours(max(hours.first, hours.end - kept), hours.values[-kept:]))
    midnight = wall - wall % DAY
    back = int(weekday(np.array([wall]))[0]) + 1
    sundays = midnight - DAY * (back + 7 * np.arange(_SUNDAYS))
    return middle(laid.at(np.arange(DAY)[:, None] + sundays))
