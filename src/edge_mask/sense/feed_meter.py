"""The worker of what speaks by itself: one thread listens to a port, a topic or a line, for all sensors on it.

feed ──said──▶ series by (sensor, quantity) ──▶ emit (to the ledger)
  │                └─ good ones only ──▶ taps, for decisions
  ├─ nonsense, gone, or nothing for too long: that sensor is lost, reported once
  └─ TryLater: all of them are lost, reported once, backoff
"""

import logging
import random
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from edge_mask.errors import Refused, TryLater
from edge_mask.messages import Event, Fault, Reading
from edge_mask.runtime.clock import Clock
from edge_mask.runtime.outage import Backoff
from edge_mask.runtime.worker import Finished, Job
from edge_mask.sense.feed import Back, Crowd, Feed, Gone, Nonsense, Said, Stands, Utterance
from edge_mask.sense.listener import Listener
from edge_mask.sense.quality import QualityPolicy
from edge_mask.sense.series import IsOutlier, State
from edge_mask.sense.speaker import Speaker
from edge_mask.sense.tap import Tap
from edge_mask.units import Seconds

log = logging.getLogger(__name__)

_TURN = Seconds(1.0)
"""A step listens at most this long before it looks whether somebody is silent."""
_SETTLED = 5.0
"""Seconds after which an opened device counts as there; one that goes at once is opened less and less often."""
_LONGEST_WAIT = 15.0


@dataclass(frozen=True, slots=True)
class Voice:
    """One configured sensor of a feed."""

    name: str
    policies: Mapping[str, QualityPolicy]
    """By quantity."""
    silent_after: Seconds = Seconds(0.0)
    """Nothing for so long means lost; 0 is never."""
    keep_every: Seconds = Seconds(0.0)


class FeedMeter(Job):
    """Listens to one feed until it is stopped. Each fault is reported once, when it begins."""

    patience = Seconds(60.0)

    def __init__(
        self,
        feed: Feed,
        voices: Sequence[Voice],
        clock: Clock,
        emit: Callable[[Event], object],
        *,
        listeners: Mapping[str, Listener] | None = None,
        is_outlier: IsOutlier | None = None,
        hung_after: Seconds = Seconds(10.0),
        rng: random.Random | None = None,
    ) -> None:
        """`listeners` hear single sensors, by name."""
        self.name = f"sensor {', '.join(voice.name for voice in voices)}"
        self._feed = feed
        self._clock = clock
        self._emit = emit
        self._hung_after = hung_after
        self._lock = threading.Lock()
        self._faults: deque[Fault] = deque()
        self._speakers = {
            each.name: Speaker(
                each.name,
                each.policies,
                each.silent_after,
                each.keep_every,
                self._faults.append,
                clock,
                None if listeners is None else listeners.get(each.name),
                is_outlier,
            )
            for each in voices
        }
        self._backoff = Backoff(base=0.5, cap=_LONGEST_WAIT, settled_after=_SETTLED, rng=rng)
        self._due = self._looks_at = self._opened = clock.now().mono
        self._listening_since: float | None = None
        self._is_wanted = True
        self.on_newcomer: Callable[[str, str], None] = lambda _voice, _sensor: None
        """Told once of each name that a voice speaks under: its own, or one with an id. It must not wait."""

    def step(self, stop: threading.Event) -> None:
        """Wait a little, or listen once."""
        early = self._due - self._clock.now().mono
        if early > 0.0:
            self._clock.wait(stop, Seconds(min(early, _TURN)))
            if self._feed.may_be_back():
                self._due = self._opened = self._clock.now().mono
            return
        try:
            heard = self._listen()
        except TryLater as error:
            self._lose(str(error))
        except Refused as error:
            self._all_away("sensor_refused", str(error))
            raise Finished from error
        else:
            for each in heard:
                self._take(each)
            self._look_for_silence()

    def interrupt(self) -> None:
        self._feed.wake()

    def end(self) -> None:
        self._feed.close()

    def tap(self, voice: str, sensor: str, quantity: str) -> Tap:
        """Where the good readings of one series wait for decisions: `sensor` is the voice's name, or with an id.

        Asked for before the start."""
        return self._speakers[voice].taps.setdefault((sensor, quantity), Tap())

    def states(self, name: str) -> Mapping[str, State]:
        """How a configured sensor is, and each of its ids; any thread may ask."""
        with self._lock:
            return self._speakers[name].states()

    def is_hung(self, now: Seconds) -> bool:
        """True when the device has kept us waiting for longer than `hung_after`."""
        since = self._listening_since
        return since is not None and now - since > self._hung_after

    def check(self, now: Seconds) -> None:
        """Report a device that hangs. The main thread calls this; the feed's own thread is inside it."""
        if self.is_hung(now):
            self._all_away("sensor_hung", f"the sensor has not answered for {self._hung_after:g} s")

    def _listen(self) -> Sequence[Utterance]:
        self._listening_since = self._clock.now().mono
        try:
            return self._feed.listen(_TURN)
        finally:
            self._listening_since = None

    def _take(self, heard: Utterance) -> None:
        speaker = self._speakers[heard.by]
        now = self._clock.now().mono
        passed_on: Reading | None = None
        newcomers: list[str] = []
        with self._lock:
            match heard:
                case Said(reading=reading):
                    passed_on = speaker.say(reading, now)
                    newcomers, speaker.newcomers = speaker.newcomers, []
                case Stands(reading=reading):
                    speaker.stand(reading)
                case Nonsense(reason=reason):
                    speaker.babble(reason, now)
                case Crowd(reason=reason):
                    speaker.crowd(reason, now)
                case Gone(reason=reason):
                    speaker.leave("sensor_lost", reason)
                case Back():
                    speaker.return_(now)
        self._tell()
        for sensor in newcomers:
            self.on_newcomer(heard.by, sensor)
        if passed_on is not None:
            self._emit(passed_on)

    def _look_for_silence(self) -> None:
        now = self._clock.now().mono
        if now < self._looks_at:
            return
        self._looks_at = Seconds(now + _TURN)
        with self._lock:
            for speaker in self._speakers.values():
                speaker.miss(now)
        self._tell()

    def _lose(self, reason: str) -> None:
        """The device is away: report it once for each sensor, and open it again after the backoff."""
        now = self._clock.now().mono
        self._backoff.succeeded(now - self._opened)
        self._all_away("sensor_lost", reason)
        self._due = self._opened = Seconds(now + self._backoff.next_delay())
        with self._lock:
            for speaker in self._speakers.values():
                speaker.wait_anew(self._due)

    def _all_away(self, code: str, reason: str) -> None:
        with self._lock:
            for speaker in self._speakers.values():
                speaker.leave(code, reason)
        self._tell()

    def _tell(self) -> None:
        """Pass faults on without the lock: the mailbox may be full, and others ask for readings meanwhile."""
        while self._faults:
            with suppress(IndexError):  # the main thread tells of a device that hangs
                self._emit(self._faults.popleft())
