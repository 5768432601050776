"""One quantity of one sensor over time: each reading is judged, and each doubt is told once."""

import logging
from collections.abc import Callable
from dataclasses import replace
from typing import Final, Literal

from edge_mask.messages import Fault, Quality, Reading
from edge_mask.runtime.clock import Clock
from edge_mask.runtime.outage import Outage
from edge_mask.sense.quality import QualityPolicy, QualityWatch
from edge_mask.sense.tap import Tap
from edge_mask.units import Seconds

log = logging.getLogger(__name__)

IsOutlier = Callable[[Reading], bool]
State = Literal["ok", "away", "out_of_range", "stuck"]
_DOUBTED: Final[dict[Quality, State]] = {Quality.OUT_OF_RANGE: "out_of_range", Quality.STUCK: "stuck"}
_GOOD_AGAIN = 3
"""Good readings in a row that end a doubt: a loose contact alternates between sense and nonsense."""


class Series:
    """Judges readings in order. The owner locks: others may ask for `state` meanwhile."""

    def __init__(
        self,
        sensor: str,
        policy: QualityPolicy,
        report: Callable[[Fault], None],
        clock: Clock,
        *,
        keep_every: Seconds = Seconds(0.0),
        calm: Seconds = Seconds(0.0),
        tap: Tap | None = None,
        is_outlier: IsOutlier | None = None,
    ) -> None:
        """`keep_every`: the least time between two readings that are passed on. `calm`: how long a doubt lasts at
        least after the last bad reading. `tap`: where the good ones are put, for decisions. `is_outlier` is asked of
        each reading."""
        self.tap = tap
        self._is_outlier = is_outlier
        self._watch = QualityWatch(policy)
        self._doubts = {
            each: Outage(f"sensor {sensor}", log, report, clock) for each in (Quality.OUT_OF_RANGE, Quality.STUCK)
        }
        self._keep_every = keep_every
        self._calm = calm
        self._kept_at = float("-inf")
        self._kept = Quality.GOOD
        self._good = 0
        self._bad_at = float("-inf")

    def judge(self, reading: Reading) -> Reading:
        """The same reading with its quality; decisions get the good ones."""
        judged = replace(reading, quality=self._quality_of(reading))
        if self.tap is not None and judged.quality is Quality.GOOD:
            self.tap.fill(judged)
        elif judged.quality is Quality.STUCK:
            self.forget()
        return judged

    def doubt(self, judged: Reading, what: str = "") -> None:
        """Tell of a doubt that begins or ends; `what` names the quantity where a sensor has several."""
        quality, at = judged.quality, judged.at.mono
        if quality in (Quality.GOOD, Quality.OUTLIER):  # an outlier is an alert, and told by whoever found it
            self._good += 1
            if self._good >= _GOOD_AGAIN and at - self._bad_at >= self._calm:
                self._end_all()
            return
        self._good, self._bad_at = 0, at
        self._end_all(but=quality)
        self._doubts[quality].begin(f"sensor_{quality.value}", _sentence(judged, what))

    def is_due(self, judged: Reading) -> bool:
        """Whether it is passed on: in time, and no number that the sensor cannot have measured."""
        if judged.quality is Quality.OUT_OF_RANGE:
            return False
        at = judged.at.mono
        if at - self._kept_at < self._keep_every and judged.quality is self._kept:
            return False
        self._kept_at, self._kept = at, judged.quality
        return True

    @property
    def state(self) -> State:
        """What is doubted now."""
        return next((_DOUBTED[quality] for quality, outage in self._doubts.items() if outage.is_open), "ok")

    def forget(self) -> None:
        """Nothing that was measured so far decides any more."""
        if self.tap is not None:
            self.tap.empty()

    def _quality_of(self, reading: Reading) -> Quality:
        """Whoever looks for outliers sees each reading, also one that is bad anyway."""
        is_outlier = self._is_outlier is not None and self._is_outlier(reading)
        quality = self._watch.judge(reading)
        return Quality.OUTLIER if quality is Quality.GOOD and is_outlier else quality

    def _end_all(self, but: Quality | None = None) -> None:
        for quality, outage in self._doubts.items():
            if quality is not but:
                outage.end()


def _sentence(reading: Reading, what: str) -> str:
    value = f"{what} {reading.value:g} {reading.unit}".strip()
    if reading.quality is Quality.STUCK:
        return f"has said {value} for too long: nothing is decided on it until it moves"
    return f"says {value}, outside of what it can measure: the value is not used"
