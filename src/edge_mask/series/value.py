"""Values that the criteria do not allow: outside of the limits, or too far from the minute before."""

import math
from typing import Any, Final

from edge_mask.series.blocks import Day
from edge_mask.series.criteria import Criteria
from edge_mask.series.detector import Seen
from edge_mask.series.learn import STEP, beyond
from edge_mask.series.nouns import Outlier, Site

_CALM: Final = 10
"""Minutes in line that end a value outside of the limits: one near a limit crosses it again and again."""
_STAYS: Final = 15
"""Minutes after which a step is a new level, which is a matter for the forecast."""
_FORGET: Final = 0.999
"""Of a spread, from minute to minute."""
_DAYS: Final = 14
"""What is usual in the last two weeks is in line, whatever was learned: seasons creep."""


class Value:
    """Spikes and steps."""

    def __init__(self, site: Site, criteria: Criteria) -> None:
        self._site = site
        self._before = math.nan
        self._apart = 0
        """Minutes since `_before`."""
        self._level: float | None = None
        """What it was before a step."""
        self._spread = math.inf
        """How far readings of one minute are apart: what is learned is of means, and single readings scatter more.
        Infinite until a minute was seen."""
        self._mixed = False
        """The minute before was that of a broken sensor, and this one may begin with some of its readings."""
        self._outside: Outlier | None = None
        self._step: Outlier | None = None
        self._calm = 0
        self._age = 0
        self._of_readings: Outlier | None = None
        self._days = _Days()
        self.use(criteria)

    def use(self, criteria: Criteria) -> None:
        """Judge by these from now on."""
        self._criteria = criteria
        self._close = (criteria.gap or 1) + 2
        self._widen()

    def warm_up(self, day: Day) -> None:
        """A day that is over, of which nothing is said."""
        self._days.put(day)
        self._widen()

    def reading(self, at: float, value: float) -> Outlier | None:
        """What this reading is by itself."""
        found = self._judge(at, value, self._tolerance(), self._spread)
        if found is not None and self._of_readings is None:
            self._of_readings = found
        return found

    def skip(self) -> tuple[Outlier, ...]:
        """This minute was that of a broken sensor: what is open stays."""
        self._before, self._of_readings, self._mixed = math.nan, None, True
        return self._wrong()

    def minute(self, seen: Seen) -> tuple[Outlier, ...]:
        """What is wrong at the end of this minute."""
        of_readings, self._of_readings = self._of_readings, None
        self._apart += 1
        if seen.after_pause or self._apart > self._close:
            self._before = math.nan
        if seen.count == 0:
            return self._wrong()
        found = of_readings or self._judge(seen.end - 60.0, seen.mean, 0.0, 0.0)
        step = abs(seen.mean - self._before)
        self._scatter(seen.high - seen.low, usual=found is None)
        self._follow(found, seen)
        self._before, self._apart, self._mixed = math.nan if self._mixed else seen.mean, 0, False
        wrong = self._wrong()
        if not wrong and self._days.see(seen.minute // 1440, seen.mean, step):
            self._widen()
        return wrong

    def _tolerance(self) -> float:
        """How far a single reading may be beyond the limits. Who shipped them means each reading; what was learned is
        of means, and never lets more than its own width through."""
        if self._criteria.version == 0:
            return 0.0
        return min(self._spread, self._high - self._low)

    def _judge(self, at: float, value: float, beyond_limits: float, spread: float) -> Outlier | None:
        if not self._low - beyond_limits <= value <= self._high + beyond_limits:
            return Outlier("value", "spike", value, (_or_none(self._low), _or_none(self._high)), at)
        level = self._before if self._level is None else self._level
        if self._outside is None and abs(value - level) > self._max_step + spread:
            return Outlier("value", "step", value, (level - self._max_step, level + self._max_step), at)
        return None

    def _scatter(self, spread: float, *, usual: bool) -> None:
        if math.isinf(self._spread):
            self._spread = spread
        elif usual:
            self._spread = max(_FORGET * self._spread, spread)
        else:
            self._spread += (1.0 - _FORGET) * (spread - self._spread)

    def _follow(self, found: Outlier | None, seen: Seen) -> None:
        """What is open begins, goes on or ends."""
        was_inside = self._outside is None
        if found is not None and found.reason == "spike":
            self._calm = 0
            self._outside = self._outside or found
        elif self._outside is not None:
            self._calm += 1
            came_back = self._back(seen.mean) or abs(seen.mean - self._before) > self._max_step
            if self._calm >= _CALM or came_back:
                self._outside = None
                self._level = None if self._step is None else self._level  # it is where it was, or in line by now
        if found is not None and was_inside and self._level is None and not math.isnan(self._before):
            self._level, self._age = self._before, 0
        if self._level is not None:
            self._age += 1
            if found is not None and found.reason == "step":
                self._step = self._step or found
            elif self._back(seen.mean):
                self._step = self._level = None
            if self._age > _STAYS:
                self._step = self._level = None

    def _back(self, mean: float) -> bool:
        return self._level is not None and abs(mean - self._level) <= self._max_step

    def _wrong(self) -> tuple[Outlier, ...]:
        return tuple(each for each in (self._outside, self._step) if each is not None)

    def _widen(self) -> None:
        low, high, step = self._criteria.min, self._criteria.max, self._criteria.max_step
        self._low = -math.inf if low is None else low
        self._high = math.inf if high is None else high
        self._max_step = math.inf if step is None else step
        if (usual := self._days.usual()) is not None:
            below, above = beyond(self._site, usual.low, usual.high)
            self._low, self._high = min(self._low, below), max(self._high, above)
            self._max_step = max(self._max_step, STEP * usual.step)

    def dump(self) -> dict[str, Any]:
        """What it was, and what is open."""
        kept = {"apart": self._apart, "spread": _or_none(self._spread), "calm": self._calm, "age": self._age}
        return {"before": _or_none(self._before), "level": self._level, "mixed": self._mixed, **kept}

    def load(self, state: dict[str, Any]) -> None:
        """Go on from a `dump`."""
        self._before = math.nan if state["before"] is None else float(state["before"])
        self._apart, self._mixed = int(state["apart"]), bool(state.get("mixed", False))
        self._spread = math.inf if state["spread"] is None else float(state["spread"])
        self._level, self._calm, self._age = state["level"], int(state["calm"]), int(state["age"])

    def reopen(self, found: Outlier) -> None:
        """It was open before a restart."""
        if found.reason == "step":
            self._step = found
        else:
            self._outside = found


class _Days:
    """What was in line on each of the last days."""

    def __init__(self) -> None:
        self._now = Day(0, math.inf, -math.inf, 0.0)
        self._past: list[Day] = []

    def see(self, day: int, value: float, step: float) -> bool:
        """True when a day is over; `step` NaN: there was no reading before."""
        now = self._now
        if day == now.day and now.low <= value <= now.high and not step > now.step:
            return False
        if over := day != now.day:
            self.put(now)
            now = Day(day, value, value, 0.0)
        self._now = Day(day, min(now.low, value), max(now.high, value), max(now.step, step))
        return over

    def put(self, day: Day) -> None:
        """A day that is over."""
        if day.low <= day.high:
            self._past = [each for each in self._past if day.day - _DAYS < each.day < day.day] + [day]

    def usual(self) -> Day | None:
        """Of all days but the most unusual one; None while there are too few."""
        if len(self._past) < _DAYS // 2:
            return None
        lows, highs, steps = (sorted(getattr(each, name) for each in self._past) for name in ("low", "high", "step"))
        return Day(self._past[-1].day, lows[1], highs[-2], steps[-2])


def _or_none(value: float) -> float | None:
    return value if math.isfinite(value) else None
