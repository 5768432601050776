"""The sense worker: reads one sensor at its interval and judges every reading before a decision may use it.

sensor ──reading──▶ quality ──▶ emit (to the ledger)
   └─TryLater: reported once, backoff    └─ good ones only ──▶ tap, for decisions
"""

import logging
import random
import threading
from collections.abc import Callable

from edge_mask.errors import Refused, TryLater
from edge_mask.messages import Event, Reading
from edge_mask.runtime.clock import Clock
from edge_mask.runtime.outage import Backoff, Outage
from edge_mask.runtime.worker import Finished, Job
from edge_mask.sense.listener import Listener, hear
from edge_mask.sense.quality import QualityPolicy
from edge_mask.sense.sensor import Sensor
from edge_mask.sense.series import IsOutlier, Series, State
from edge_mask.sense.tap import Tap
from edge_mask.units import Seconds

log = logging.getLogger(__name__)

_TURN = Seconds(10.0)
"""A step waits at most this long before it looks at `stop` again."""
_LONGEST_WAIT = 60.0
"""A lost sensor is asked again after at most this time, or after the backoff where that is longer."""


class Meter(Job):
    """Reads one sensor until it ends. Each fault is reported once, when it begins."""

    patience = Seconds(60.0)

    def __init__(
        self,
        sensor: Sensor,
        clock: Clock,
        emit: Callable[[Event], object],
        *,
        policy: QualityPolicy | None = None,
        listener: Listener | None = None,
        is_outlier: IsOutlier | None = None,
        hung_after: Seconds = Seconds(10.0),
        rng: random.Random | None = None,
    ) -> None:
        self.name = f"sensor {sensor.name}"
        self._sensor = sensor
        self._clock = clock
        self._emit = emit
        self._listener = listener
        self._hung_after = hung_after
        self._series = Series(sensor.name, policy or QualityPolicy(), self._report, clock, is_outlier=is_outlier)
        self._backoff = Backoff(base=0.5, cap=30.0, settled_after=0.0, rng=rng)
        self._away = Outage(self.name, log, self._report, clock)
        self._away_lock = threading.Lock()
        self._reading_since: float | None = None
        self._due = clock.now().mono

    def step(self, stop: threading.Event) -> None:
        """Wait a little, or read once."""
        early = self._due - self._clock.now().mono
        if early > 0.0:
            self._clock.wait(stop, Seconds(min(early, _TURN)))
            return
        try:
            reading = self._read()
        except TryLater as error:
            self._lose(str(error))
        except Refused as error:
            self._note_away("sensor_refused", str(error))
            raise Finished from error
        else:
            self._take(reading)

    def end(self) -> None:
        self._sensor.close()

    def tap(self) -> Tap:
        """Where the good readings wait for decisions, from now on. Asked for before the start."""
        self._series.tap = Tap()
        return self._series.tap

    @property
    def state(self) -> State:
        """How it is now; any thread may ask."""
        if self._away.is_open:
            return "away"
        return self._series.state

    def is_hung(self, now: Seconds) -> bool:
        """True when the sensor has kept a read waiting for longer than `hung_after`."""
        since = self._reading_since
        return since is not None and now - since > self._hung_after

    def check(self, now: Seconds) -> None:
        """Report a read that hangs. The main thread calls this every second or two: the sensor's own is inside it."""
        if not self.is_hung(now) or not self._away_lock.acquire(blocking=False):
            return  # the lock is taken while the sensor's own thread is reporting: then it is not hung
        try:
            if self.is_hung(now):
                self._tell_listener()
                self._away.begin("sensor_hung", f"the sensor has not answered for {self._hung_after:g} s")
        finally:
            self._away_lock.release()

    def _read(self) -> Reading:
        self._reading_since = self._clock.now().mono
        try:
            reading = self._sensor.read()
        finally:
            self._reading_since = None
        if reading is None:
            raise Finished
        return reading

    def _take(self, reading: Reading) -> None:
        now = self._clock.now().mono
        self._due = Seconds(max(self._due + self._sensor.interval, now))
        self._backoff.succeeded(0.0)
        with self._away_lock:
            self._away.end()
        judged = self._series.judge(reading)
        self._series.doubt(judged)
        if self._listener is not None:
            hear(self._listener, judged)
        if self._series.is_due(judged):
            self._emit(judged)

    def _lose(self, reason: str) -> None:
        """No reading came: report it once, and ask again at the next interval or after the backoff."""
        self._note_away("sensor_lost", reason)
        again = self._clock.now().mono + self._backoff.next_delay()
        self._due = Seconds(max(self._due + min(self._sensor.interval, _LONGEST_WAIT), again))

    def _note_away(self, code: str, reason: str) -> None:
        self._tell_listener()
        with self._away_lock:
            self._away.begin(code, reason)

    def _tell_listener(self) -> None:
        if self._listener is not None:
            self._listener.gone(self._clock.now())

    def _report(self, event: Event) -> None:
        self._emit(event)
