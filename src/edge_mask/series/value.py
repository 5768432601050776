"""Values that the criteria do not allow: outside of the limits, or too far from the minute before."""

import math
from typing import Any

from edge_mask.series.criteria import Criteria
from edge_mask.series.detector import Seen
from edge_mask.series.nouns import Outlier


class Value:
    """Spikes and steps."""

    def __init__(self, criteria: Criteria) -> None:
        self._before = float("nan")
        self.use(criteria)

    def use(self, criteria: Criteria) -> None:
        """Judge by these from now on."""
        self._low = -math.inf if criteria.min is None else criteria.min
        self._high = math.inf if criteria.max is None else criteria.max
        self._step = math.inf if criteria.max_step is None else criteria.max_step
        self._expected = (criteria.min, criteria.max)

    def reading(self, at: float, value: float) -> Outlier | None:
        """What this reading is by itself."""
        if not self._low <= value <= self._high:
            return Outlier("value", "spike", value, self._expected, at)
        if abs(value - self._before) > self._step:
            return Outlier("value", "step", value, (self._before - self._step, self._before + self._step), at)
        return None

    def minute(self, seen: Seen) -> tuple[Outlier, ...]:
        if seen.count == 0 or seen.after_pause:
            self._before = seen.mean
            return ()
        found = self.reading(seen.end - 60.0, seen.mean)
        self._before = seen.mean
        return () if found is None else (found,)

    def dump(self) -> dict[str, Any]:
        return {"before": None if math.isnan(self._before) else self._before}

    def load(self, state: dict[str, Any]) -> None:
        self._before = float("nan") if state["before"] is None else float(state["before"])
