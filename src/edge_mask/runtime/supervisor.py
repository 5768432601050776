"""The main thread: builds the house, watches it, and recovers in four steps.

1  expected faults are states inside the workers: nothing reaches this file
2  a worker raised                → stop the house, build it again in this process, after a growing delay
3  a worker hangs or does not stop → execv: the same process id, a fresh program
4  too many of step 3 in an hour   → exit 70, and let the service manager see it
"""

import logging
import os
import signal
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from edge_mask.errors import EdgeMaskError, Refused, TryLater
from edge_mask.runtime.clock import Clock
from edge_mask.runtime.door import Blueprint, Door, Failed, Rebuild, Request, Stop
from edge_mask.runtime.house import House
from edge_mask.runtime.outage import Backoff
from edge_mask.units import Moment

log = logging.getLogger(__name__)

EXIT_DONE = 0
EXIT_INTERNAL = 70
STOP_WITHIN = 4.5
"""Seconds; service managers and users are promised 5."""
_RESTARTS = "EDGE_MASK_RESTARTS"
_MOST_RESTARTS_AN_HOUR = 3
_TICK, _TICK_UNTIL_IDLE = 2.0, 0.25
"""Seconds between two checks of the workers; shorter while a caller waits for the end."""


class Notifier(Protocol):
    """Tells the service manager about our state (observe.notify)."""

    def ready(self) -> None: ...
    def watchdog(self) -> None: ...
    def stopping(self) -> None: ...
    def reloading(self, now: Moment) -> None: ...


class SilentNotifier:
    """For a process without a service manager."""

    def ready(self) -> None: ...
    def watchdog(self) -> None: ...
    def stopping(self) -> None: ...
    def reloading(self, now: Moment) -> None: ...


@dataclass(frozen=True, slots=True)
class Limits:
    """When to stop without a signal."""

    max_seconds: float | None = None
    until_idle: bool = False


class _StopNow(BaseException):
    """A signal to stop came while a configuration was read."""


class Supervisor:
    """Runs one house after the other until it is stopped."""

    def __init__(
        self,
        plan: Callable[[], Blueprint],
        clock: Clock,
        *,
        notifier: Notifier | None = None,
        limits: Limits | None = None,
        feed_every: float | None = None,
        execute: Callable[[str, list[str]], object] = os.execv,
    ) -> None:
        self._plan = plan
        self._clock = clock
        self._notifier = notifier or SilentNotifier()
        self._limits = limits or Limits()
        self._feed_every = feed_every or _TICK
        self._execute = execute
        self.door = Door(plan)
        self._stop = threading.Event()
        self._is_reading = False
        self._backoff = Backoff(base=1.0, cap=60.0, settled_after=300.0)
        self._started_at = clock.now().mono
        self._fed = float("-inf")

    def install_signals(self) -> None:
        """SIGTERM and SIGINT stop, SIGHUP reads the configuration again; a handler only leaves a request."""
        signal.signal(signal.SIGTERM, lambda _number, _frame: self._told_to_stop())
        signal.signal(signal.SIGINT, lambda _number, _frame: self._told_to_stop())
        signal.signal(signal.SIGHUP, lambda _number, _frame: self.door.reload())

    def _told_to_stop(self) -> None:
        self.door.stop()
        if self._is_reading:
            raise _StopNow

    def _read(self, plan: Callable[[], Blueprint]) -> Blueprint:
        """What `plan` says; a signal to stop ends a read that would wait for ever (a pipe, a hung network disk)."""
        self._is_reading = True
        try:
            return plan()
        finally:
            self._is_reading = False

    def run(self) -> int:
        """Run until stopped and return the exit code. Errors of the first build are raised (exit codes 2, 3, 4)."""
        try:
            blueprint = self._read(self._plan)
        except _StopNow:
            return self._close(House(()))
        if self.door.is_told_to_stop():
            return self._close(House(()))
        try:
            house = self._open(blueprint.build(self.door))
        except EdgeMaskError:
            if self.door.is_told_to_stop():
                return self._close(House(()))
            raise
        while True:
            why = self._watch(house)
            try:
                if isinstance(why, Rebuild):
                    blueprint, house = self._rebuild(why, blueprint, house)
                elif isinstance(why, Failed):
                    blueprint, house = self._recover(blueprint, house)
                else:
                    return self._close(house)
            except _StopNow:
                return self._close(house)
            if self._stop.is_set():
                return self._close(house)

    def _open(self, house: House) -> House:
        house.start()
        self._notifier.ready()
        return house

    def _watch(self, house: House) -> Request:
        """Wait for the next request; feed the watchdog while every worker makes progress."""
        while True:
            request = self.door.take(self._tick())
            now = self._clock.now().mono
            if isinstance(request, Stop | Rebuild):
                return request
            if isinstance(request, Failed) and house.failed():
                return request
            house.check(now)
            if stuck := house.stuck(now):
                names = ", ".join(w.job.name for w in stuck)
                log.error("stuck: %s", names)
                return Failed(names)
            self._feed(now)
            if self._is_over(house):
                return Stop()

    def _tick(self) -> float:
        """How long to wait for a request: until the next check of the workers, or until the time limit."""
        tick = _TICK_UNTIL_IDLE if self._limits.until_idle else min(_TICK, self._feed_every)
        if self._limits.max_seconds is None:
            return tick
        return max(0.001, min(tick, self._started_at + self._limits.max_seconds - self._clock.now().mono))

    def _feed(self, now: float) -> None:
        """Feed the watchdog, no more often than needed."""
        if now - self._fed >= self._feed_every:
            self._fed = now
            self._notifier.watchdog()

    def _is_over(self, house: House) -> bool:
        now = self._clock.now().mono
        return self._is_late(now) or (self._limits.until_idle and house.is_idle(now))

    def _is_late(self, now: float) -> bool:
        limit = self._limits.max_seconds
        return limit is not None and now - self._started_at >= limit

    def _close(self, house: House) -> int:
        self._notifier.stopping()
        self._stop.set()
        self.door.refuse_all()
        stuck = house.stop(STOP_WITHIN, lambda: self._clock.now().mono)
        if stuck:
            log.error("stopped without %s", ", ".join(w.job.name for w in stuck))
        else:
            log.info("stopped")
        return EXIT_DONE

    def _rebuild(self, request: Rebuild, old: Blueprint, house: House) -> tuple[Blueprint, House]:
        """Switch to another configuration; the old one stays when the new one is wrong or cannot be built."""
        self._notifier.reloading(self._clock.now())
        new = self._planned(request, house.complain)
        if new is None or self._stays(house, request):
            self._notifier.ready()
            return old, house
        self._stop_or_start_over(house)
        try:
            return new, self._opened(new, request)
        except Exception as error:  # noqa: BLE001 (whatever it is, the old configuration worked)
            _say("the new configuration cannot be built, back to the old one", error)
            blueprint, house = self._build_again(old, delay=False)
            house.complain("configuration", "refused", str(error))
            request.done.set_exception(error)
            return blueprint, house

    def _planned(self, request: Rebuild, complain: Callable[[str, str, str], None]) -> Blueprint | None:
        """The validated plan; None when the configuration is wrong, which is then reported."""
        try:
            return self._read(request.plan)
        except _StopNow:
            request.done.set_exception(TryLater("the program is stopping"))
            raise
        except Exception as error:  # noqa: BLE001 (as above)
            _say("the configuration was not taken over, the old one stays", error)
            if not (request.is_answered and isinstance(error, Refused)):
                complain("configuration", "refused", str(error))
            request.done.set_exception(error)
            return None

    def _stays(self, house: House, request: Rebuild) -> bool:
        """Whether the running house would lose something by its end; then it goes on, and the request is refused."""
        if not (why := house.why_stay()):
            return False
        error = TryLater(why)
        _say("the configuration was not taken over, the old one stays", error)
        request.done.set_exception(error)
        return True

    def _opened(self, blueprint: Blueprint, request: Rebuild | None) -> House:
        """Store the plan of a house that runs and resolve the request."""
        house = self._open(blueprint.build(self.door))
        if request is not None:
            try:
                request.keep()
            except Exception:  # raised again; what cannot be kept must not run until the next start only
                self._stop_or_start_over(house)
                raise
            request.done.set_result(None)
        return house

    def _recover(self, blueprint: Blueprint, house: House) -> tuple[Blueprint, House]:
        """Step 2: rebuild the same house, after a delay that grows with each failure."""
        failed = house.failed()
        self._stop_or_start_over(house)
        blueprint, house = self._build_again(blueprint, delay=True)
        for worker in failed:
            house.complain(worker.job.name, "failed", f"{worker.failure}; everything was built again")
        return blueprint, house

    def _stop_or_start_over(self, house: House) -> None:
        if house.stop(STOP_WITHIN, lambda: self._clock.now().mono):
            self._start_over()

    def _build_again(self, blueprint: Blueprint, *, delay: bool) -> tuple[Blueprint, House]:
        """Build until it succeeds or a stop comes; a repaired configuration is picked up."""
        repaired: Rebuild | None = None
        while True:
            request = self._pause(self._backoff.next_delay()) if delay else None
            if isinstance(request, Stop):
                self._stop.set()
                _refuse(repaired)
                return blueprint, House(())
            if isinstance(request, Rebuild) and (new := self._planned(request, lambda *_: None)) is not None:
                _refuse(repaired)
                blueprint, repaired = new, request
            try:
                return blueprint, self._opened(blueprint, repaired)
            except Exception as error:  # noqa: BLE001 (giving up here would end all messages: try again for ever)
                _say("cannot build again, trying later", error)
                delay = True

    def _pause(self, seconds: float) -> Stop | Rebuild | None:
        """Wait; a stop or rebuild request ends it early. None after the full time."""
        until = self._clock.now().mono + seconds
        while (left := until - (now := self._clock.now().mono)) > 0:
            if self._is_late(now):
                return Stop()
            request = self.door.take(min(left, self._tick()))
            if isinstance(request, Stop | Rebuild):
                return request
            self._feed(self._clock.now().mono)
        return None

    def _start_over(self) -> None:
        """Step 3, or step 4 when step 3 came too often; just exit when a stop was requested meanwhile."""
        if self.door.is_told_to_stop():
            log.error("stopped without the worker that does not stop")
            logging.shutdown()
            os._exit(EXIT_DONE)  # a normal exit would wait for the stuck thread
        now = self._clock.now().mono
        recent = [t for t in _restart_times(os.environ.get(_RESTARTS, "")) if 0 <= now - t < 3600]
        if len(recent) >= _MOST_RESTARTS_AN_HOUR:
            log.critical("a part hangs again and again; giving up so that the service manager sees it")
            logging.shutdown()
            os._exit(EXIT_INTERNAL)  # a normal exit would wait for the stuck thread
        # Monotonic time continues across execv, and setting the wall clock does not disturb the count.
        os.environ[_RESTARTS] = ",".join(f"{t:.0f}" for t in (*recent, now))
        log.error("a worker does not stop; starting the program afresh")
        logging.shutdown()
        self._execute(sys.executable, [sys.executable, "-m", "edge_mask", *sys.argv[1:]])


def _refuse(request: Rebuild | None) -> None:
    """Another request came before this one's house was built."""
    if request is not None:
        request.done.set_exception(TryLater("another configuration came meanwhile"))


def _say(what: str, error: Exception) -> None:
    """Log an expected error as a sentence, any other error with its traceback."""
    log.error("%s: %s", what, error, exc_info=None if isinstance(error, EdgeMaskError) else error)


def _restart_times(text: str) -> list[float]:
    try:
        return [float(part) for part in text.split(",") if part]
    except ValueError:
        return []
