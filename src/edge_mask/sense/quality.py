"""The quality of a reading, judged by its limits and by the readings before it: good, out of range, or stuck."""

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
    is_state: bool = False
    """1 or 0, and nothing in between or beyond."""


class QualityWatch:
    """Judges the readings of one sensor in order. It has no clock and no sensor."""

    def __init__(self, policy: QualityPolicy) -> None:
        self._policy = policy
        self._range = policy.range
        self._same = 0
        self._value: float | None = None
        self._since = Seconds(0.0)

    def judge(self, reading: Reading) -> Quality:
        """The quality of the newest reading."""
        if self._policy.is_state and reading.value not in (0.0, 1.0):
            return Quality.OUT_OF_RANGE
        if self._range is None:
            self._range = physical_range(reading.quantity, reading.unit)
        if reading.value not in self._range:
            return Quality.OUT_OF_RANGE
        if self._is_stuck(reading):
            return Quality.STUCK
        return Quality.GOOD

    def _is_stuck(self, reading: Reading) -> bool:
        if reading.value != self._value:
            self._value, self._same, self._since = reading.value, 1, reading.at.mono
            return False
        self._same += 1
        limit = self._policy.stuck_after
        return limit > 0 and self._same >= self._policy.stuck_reads and reading.at.mono - self._since >= limit
