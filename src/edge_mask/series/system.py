"""What is wrong with the sensor itself: it is silent, says the same for too long, or what it cannot measure."""

import math
from typing import Any, Final

from edge_mask.series.criteria import Criteria
from edge_mask.series.detector import Seen
from edge_mask.series.nouns import Outlier, Site

SILENT_AFTER: Final = 7
"""Minutes without a reading, of a sensor that is read each minute or two."""
RUN_UNKNOWN: Final = 60
"""Minutes that a value may stay the same where nothing was learned."""


class System:
    """Silent, stuck, out of range."""

    def __init__(self, site: Site, criteria: Criteria) -> None:
        self._limits = site.limits
        self._empty = 0
        self._same = 0
        self._since = 0.0
        self._value = math.nan
        self.use(criteria)

    def use(self, criteria: Criteria) -> None:
        """Judge by these from now on."""
        self._run = criteria.run or RUN_UNKNOWN
        self._zero_run = criteria.zero_run or self._run
        self._silent_after = max(SILENT_AFTER, 2 * (criteria.gap or 1) + 3)

    def reading(self, at: float, value: float) -> Outlier | None:
        """What this reading is by itself."""
        low, high = self._limits
        if not low <= value <= high:
            return Outlier("system", "out_of_range", value, self._limits, at)
        if value == self._value and self._same > self._limit(value):
            return Outlier("system", "stuck", value, None, at)
        return None

    def minute(self, seen: Seen) -> tuple[Outlier, ...]:
        """What is wrong at the end of this minute."""
        if seen.after_pause and self._empty < self._silent_after:  # silent before it and after it is one silence
            self._empty = 0
        if seen.count == 0:
            self._empty += 1
            if self._empty < self._silent_after:
                return ()
            return (Outlier("system", "silent", None, None, seen.end - 60.0 * self._empty),)
        self._empty = 0
        if seen.low != seen.high or seen.last != self._value:
            self._same, self._since = 0, seen.end - 60.0
        self._same += 1
        self._value = seen.last
        low, high = self._limits
        if seen.low < low or seen.high > high:
            value = seen.low if seen.low < low else seen.high
            return (Outlier("system", "out_of_range", value, self._limits, seen.end - 60.0),)
        if self._same > self._limit(seen.last):
            return (Outlier("system", "stuck", seen.last, None, self._since),)
        return ()

    def _limit(self, value: float) -> int:
        return self._zero_run if value == 0 else self._run

    def dump(self) -> dict[str, Any]:
        """How long it is silent, and how long it says the same."""
        value = None if math.isnan(self._value) else self._value
        return {"empty": self._empty, "same": self._same, "since": self._since, "value": value}

    def load(self, state: dict[str, Any]) -> None:
        """Go on from a `dump`."""
        self._empty, self._same, self._since = int(state["empty"]), int(state["same"]), float(state["since"])
        self._value = math.nan if state["value"] is None else float(state["value"])
