"""The clock protocol: the only way the house learns what time it is, and the only way it waits."""

import threading
import time
from collections.abc import Callable
from typing import Protocol

from edge_mask.runtime.timesync import wall_clock_is_set
from edge_mask.units import Moment, Seconds, Unix


class Clock(Protocol):
    """What time it is, and how to wait without missing a stop."""

    def now(self) -> Moment:
        """The present on both clocks."""
        ...

    def wait(self, stop: threading.Event, seconds: Seconds) -> bool:
        """Wait until `seconds` have passed (False) or `stop` is set (True)."""
        ...


class SystemClock:
    """The machine's own clocks; whether the wall clock is set is asked at most every ten seconds."""

    def __init__(self, is_set: Callable[[], bool] = wall_clock_is_set) -> None:
        self._is_set = is_set
        self._asked = float("-inf")
        self._synced = False

    def now(self) -> Moment:
        mono = time.monotonic()
        if mono - self._asked >= 10.0:
            self._asked = mono
            self._synced = self._is_set()
        return Moment(Seconds(mono), Unix(time.time()), self._synced)

    def wait(self, stop: threading.Event, seconds: Seconds) -> bool:
        return stop.wait(seconds)


class ManualClock:
    """A clock that tests turn by hand; waiting moves it forward and returns at once."""

    def __init__(self, mono: float = 1000.0, wall: float = 1_790_000_000.0, *, synced: bool = True) -> None:
        self._mono = mono
        self._wall = wall
        self.synced = synced

    def now(self) -> Moment:
        return Moment(Seconds(self._mono), Unix(self._wall), self.synced)

    def wait(self, stop: threading.Event, seconds: Seconds) -> bool:
        self.advance(seconds)
        return stop.is_set()

    def advance(self, seconds: float) -> Moment:
        """Let both clocks run on by `seconds`."""
        self._mono += seconds
        self._wall += seconds
        return self.now()

    def set_wall(self, wall: float) -> None:
        """The device learned the time: the wall clock jumps, the monotonic one does not."""
        self._wall = wall
        self.synced = True
