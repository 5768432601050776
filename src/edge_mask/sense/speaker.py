"""One configured sensor of a feed: whether it is heard, and the series of its quantities and ids."""

import logging
from collections.abc import Callable, Mapping
from typing import Final

from edge_mask.messages import Fault, Quality, Reading
from edge_mask.runtime.clock import Clock
from edge_mask.runtime.outage import Outage
from edge_mask.sense.family import Family
from edge_mask.sense.listener import Listener, hear
from edge_mask.sense.quality import QualityPolicy, QualityWatch
from edge_mask.sense.series import IsOutlier, Series, State
from edge_mask.sense.tap import Tap
from edge_mask.units import Seconds

log = logging.getLogger(__name__)

_NONSENSE_IN_A_ROW: Final = 10
_NONSENSE_FOR: Final = 5.0
"""So many in a row that give no value, over so many seconds, mean that it is lost: half lines alone do not."""
_CALM: Final = Seconds(10.0)
"""A doubt lasts at least so long: a sensor may speak 200 times a second."""


class Speaker:
    """Not for two threads: its owner locks."""

    def __init__(
        self,
        name: str,
        policies: Mapping[str, QualityPolicy],
        silent_after: Seconds,
        keep_every: Seconds,
        report: Callable[[Fault], None],
        clock: Clock,
        listener: Listener | None = None,
        is_outlier: IsOutlier | None = None,
    ) -> None:
        self.series: dict[tuple[str, str], Series] = {}
        self.taps: dict[tuple[str, str], Tap] = {}
        """For decisions, by name and quantity."""
        self._listener = listener
        self._is_outlier = is_outlier
        self._name = name
        self._policies = policies
        self._silent_after = silent_after
        self._keep_every = keep_every
        self._report = report
        self._clock = clock
        self._away = Outage(f"sensor {name}", log, report, clock)
        self._family = Family(name, report, clock)
        self.newcomers: list[str] = []
        """Names that readings came under for the first time; whoever tells of them takes them out."""
        self._has_spoken = False
        self._heard_at = clock.now().mono
        self._nonsense = 0
        self._last = ""

    def say(self, reading: Reading, now: Seconds) -> Reading | None:
        """A value; the judged reading when it is to be passed on."""
        self.return_(now)
        self._nonsense, self._last = 0, ""
        self._hear_member(reading.sensor, now)
        series = self._series_of(reading)
        judged = series.judge(reading)
        series.doubt(judged, reading.quantity)
        if self._listener is not None:
            hear(self._listener, judged)
        return judged if series.is_due(judged) else None

    def stand(self, reading: Reading) -> None:
        """What it said some time ago."""
        if self._listener is not None and self._judges_good(reading):
            self._listener.stands(reading)

    def babble(self, reason: str, now: Seconds) -> None:
        """Something came that gives no value."""
        self._nonsense += 1
        self._last = reason
        if self._nonsense >= _NONSENSE_IN_A_ROW and now - self._heard_at >= _NONSENSE_FOR:
            self.leave("sensor_lost", f"{self._nonsense} times in a row nothing that gives a value; {reason}")

    def crowd(self, reason: str, now: Seconds) -> None:
        """A line of an id more than there may be."""
        self._family.crowd(reason, now)
        self.babble(reason, now)

    def leave(self, code: str, reason: str) -> None:
        """It is away: nothing that it said decides any more."""
        if self._away.begin(code, reason):
            for series in self.series.values():
                series.forget()
            if self._listener is not None:
                self._listener.gone(self._clock.now())

    def return_(self, now: Seconds) -> None:
        """It is there."""
        self._heard_at = now
        if self._away.end():
            self.wait_anew(now)

    def wait_anew(self, now: Seconds) -> None:
        """Count silence from now on."""
        self._heard_at = now
        self._nonsense = 0
        self._family.wait_anew(now)

    def miss(self, now: Seconds) -> None:
        """Look whether it, or one of its ids, has been silent for too long."""
        limit = self._silent_after
        if limit <= 0.0 or self._away.is_open:
            return
        if now - self._heard_at > limit:
            came = f"; what came gives no value: {self._last}" if self._nonsense else ""
            self.leave("sensor_lost", f"no reading for {limit:g} s{came}")
            return
        for name in self._family.fall_silent(now, limit):
            for (sensor, _), series in self.series.items():
                if sensor == name:
                    series.forget()

    def states(self) -> dict[str, State]:
        """Its own, and that of each of its ids."""
        found: dict[str, State] = {self._name: "away" if self._away.is_open else "ok"}
        for name, is_silent in self._family.states():
            found[name] = "away" if self._away.is_open or is_silent else "ok"
        for (name, _), series in self.series.items():
            if found[name] == "ok":
                found[name] = series.state
        return found

    def _hear_member(self, name: str, now: Seconds) -> None:
        if name == self._name:
            if not self._has_spoken:
                self.newcomers.append(name)
            self._has_spoken = True
            return
        if self._family.hear(name, now):
            self.newcomers.append(name)

    def _judges_good(self, reading: Reading) -> bool:
        return QualityWatch(self._policies[reading.quantity]).judge(reading) is Quality.GOOD

    def _series_of(self, reading: Reading) -> Series:
        key = (reading.sensor, reading.quantity)
        if key not in self.series:
            policy = self._policies[reading.quantity]
            self.series[key] = Series(
                reading.sensor,
                policy,
                self._report,
                self._clock,
                keep_every=self._keep_every,
                calm=_CALM,
                tap=self.taps.get(key),
                is_outlier=self._is_outlier,
            )
        return self.series[key]
