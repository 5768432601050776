"""The quality of a reading, judged by its limits and by the readings before it: good, out of range, or stuck."""

import statistics
from collections import deque
from dataclasses import dataclass

from edge_mask.messages import Quality, Reading
from edge_mask.sense.scale import Range, physical_range
from edge_mask.units import Seconds


@dataclass(frozen=True, slots=True)
class QualityPolicy:
    """Which readings are not believed."""

    range: Range | None = None
    """None means the physical limits of the reading's quantity."""
    stuck_after: Seconds = Seconds(3600.0)
    """A value that has not changed for this long, and over `stuck_reads` reads, is stuck; 0 means never."""
    stuck_reads: int = 10
    median_of: int = 3
    """A decision uses the median of this many readings, so that a single spike decides nothing; 1 uses each reading."""


class QualityWatch:
    """Judges the readings of one sensor in order. It has no clock and no sensor."""

    def __init__(self, policy: QualityPolicy) -> None:
        self._policy = policy
        self._range = policy.range
        self._same = 0
        self._value: float | None = None
        self._since = Seconds(0.0)
        self._recent: deque[Reading] = deque(maxlen=max(1, policy.median_of))

    def judge(self, reading: Reading) -> Quality:
        """The quality of the newest reading; a good one joins those that decisions are made of."""
        if self._range is None:
            self._range = physical_range(reading.quantity, reading.unit)
        if reading.value not in self._range:
            return Quality.OUT_OF_RANGE
        if self._is_stuck(reading):
            self._recent.clear()
            return Quality.STUCK
        self._recent.append(reading)
        return Quality.GOOD

    def middle(self, now: Seconds, max_age: Seconds) -> Reading | None:
        """The median of the good readings younger than `max_age`; the newest while there are too few for one."""
        fresh = [reading for reading in self._recent if now - reading.at.mono <= max_age]
        if len(fresh) < self._policy.median_of:
            return fresh[-1] if fresh else None
        value = statistics.median_low(reading.value for reading in fresh)
        return next(reading for reading in reversed(fresh) if reading.value == value)

    def forget(self) -> None:
        """Decide on nothing that was measured so far."""
        self._recent.clear()

    def _is_stuck(self, reading: Reading) -> bool:
        if reading.value != self._value:
            self._value, self._same, self._since = reading.value, 1, reading.at.mono
            return False
        self._same += 1
        limit = self._policy.stuck_after
        return limit > 0 and self._same >= self._policy.stuck_reads and reading.at.mono - self._since >= limit
