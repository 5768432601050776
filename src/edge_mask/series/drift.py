"""A sensor that creeps away: day after day it is a little further from what was forecast, and always to one side."""

from collections import deque
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from edge_mask.series.detector import Blocks, Forecaster
from edge_mask.series.grid import DAY, Grid, Reals
from edge_mask.series.nouns import Block, Hours, Outlier, Site

_LEAD: Final = 3
"""Days between a forecast and the day it is held against: it has not yet learned the creeping of these."""
_LEARNED: Final = 90
_NOT_YET: Final = 10
"""The last days, which may creep already, are not what is usual."""
_LEAST: Final = 14
_SLACK: Final = 0.8
_CAP: Final = 3.0
"""Deviations that one day can add: a day of a burst is no drift."""
_LIMIT: Final = 12.0
_SAID: Final = 14
"""Days for which the same drift is not said again."""


@dataclass(frozen=True, slots=True)
class _Day:
    """A forecast made at a midnight: the hour of UTC that it begins with, and the values."""

    first: int
    values: Reals

    def mean(self, first: int, last: int, seen: Reals) -> tuple[float, float]:
        """Of the hours of UTC between: what came and what was forecast, where something came."""
        line = self.values[first - self.first : last - self.first]
        known = ~np.isnan(seen) & ~np.isnan(line) if len(line) == len(seen) else np.zeros(len(seen), bool)
        if known.sum() * 2 < DAY:
            return float("nan"), float("nan")
        return float(seen[known].mean()), float(line[known].mean())


class Drift:
    """Adds up, day by day, how far the day was from its forecast of three days before (CUSUM), to either side."""

    def __init__(self, site: Site, model: Forecaster) -> None:
        self._model = model
        self._grid = Grid(site.zone)
        self._forecasts: deque[_Day] = deque(maxlen=_LEAD + 1)
        self._errors: deque[float] = deque(maxlen=_LEARNED + _NOT_YET)
        self._midnight: int | None = None
        self._hour = -1
        self._up = self._down = 0.0
        self._side = 0
        self._wait = 0
        self._open: Outlier | None = None

    def warm_up(self, hours: Hours, blocks: Blocks) -> None:  # noqa: ARG002 - days are made of hours
        """Learn how far the days of the last season were from their forecasts."""
        self._forecasts.clear()
        self._errors.clear()
        self._midnight = None
        start = max(hours.first + 3 * 7 * DAY, hours.end - (_LEARNED + _NOT_YET + _LEAD) * DAY)
        for hour in range(start, hours.end):
            if self._is_midnight(hour):
                self._day(hour, Hours(hours.first, hours.values[: hour - hours.first]))

    def block(self, block: Block, hours: Hours) -> tuple[Outlier, ...]:
        """The drift, while it goes on."""
        hour = block.first // 60
        if hour != self._hour:
            self._hour = hour
            if self._is_midnight(hour):
                self._judge(self._day(hour, hours), block)
        return () if self._open is None else (self._open,)

    def retrained(self, model: Forecaster) -> None:
        """Forecast with this one from the next midnight on."""
        self._model = model

    def dump(self) -> dict[str, Any]:
        """What was added up; what is usual is learned again from what is stored."""
        found = self._open
        said = None if found is None else [found.value, found.expected, found.began]
        return {"up": self._up, "down": self._down, "side": self._side, "wait": self._wait, "said": said}

    def load(self, state: dict[str, Any]) -> None:
        """Go on from a `dump`."""
        self._up, self._down = state["up"], state["down"]
        self._side, self._wait = state["side"], state["wait"]
        if state["said"] is None:
            self._open = None
        else:
            value, expected, began = state["said"]
            self._open = Outlier("forecast", "drift", value, tuple(expected), began)

    def _is_midnight(self, hour: int) -> bool:
        before, now = self._grid.wall(hour - 1, 2) // DAY
        return bool(before != now)

    def _day(self, hour: int, hours: Hours) -> tuple[float, float]:
        """A day on the wall is over at this hour of UTC: what it was, and what had been forecast of it."""
        found = (float("nan"), float("nan"))
        if self._midnight is not None and len(self._forecasts) == _LEAD + 1 and hour - self._midnight <= DAY + 1:
            seen = hours.values[max(0, self._midnight - hours.first) : hour - hours.first].astype(float)
            if len(seen) == hour - self._midnight:
                found = self._forecasts[0].mean(self._midnight, hour, seen)
        self._errors.append(found[0] - found[1])
        self._midnight = hour
        values = self._model.forecast(hour * 3600.0, hours).values.astype(float)
        self._forecasts.append(_Day(hour, values))
        return found

    def _judge(self, day: tuple[float, float], block: Block) -> None:
        usual = np.array(self._errors)[:-_NOT_YET]
        usual = usual[~np.isnan(usual)]
        came, line = day
        if len(usual) < _LEAST or np.isnan(came):
            return
        deviation = 1.4826 * float(np.median(np.abs(usual))) + 1e-9
        error = min(max((came - line) / deviation, -_CAP), _CAP)
        self._wait = max(0, self._wait - 1)
        if self._open is not None:
            if error * self._side < _SLACK:
                self._open = None
            return
        if self._wait:
            return
        self._up = max(0.0, self._up + error - _SLACK)
        self._down = max(0.0, self._down - error - _SLACK)
        if max(self._up, self._down) > _LIMIT:
            expected = (line - _SLACK * deviation, line + _SLACK * deviation)  # what adds nothing
            self._open = Outlier("forecast", "drift", came, expected, block.first * 60.0)
            self._side = 1 if self._up > self._down else -1
            self._wait = _SAID
            self._up = self._down = 0.0
