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
from queue import Empty, SimpleQueue
from types import FrameType
from typing import Protocol

from edge_mask.errors import EdgeMaskError
from edge_mask.runtime.backoff import Backoff
from edge_mask.runtime.clock import Clock
from edge_mask.runtime.house import House
from edge_mask.runtime.worker import Worker
from edge_mask.units import Moment

log = logging.getLogger(__name__)

EXIT_DONE = 0
EXIT_INTERNAL = 70
STOP_WITHIN = 4.5
"""Seconds; service managers and users are promised 5."""
_RESTARTS = "EDGE_MASK_RESTARTS"
_MOST_RESTARTS_AN_HOUR = 3
_TICK = 0.25


class Notifier(Protocol):
    """The service manager's ear (observe.notify)."""

    def ready(self) -> None: ...
    def watchdog(self) -> None: ...
    def stopping(self) -> None: ...
    def reloading(self, now: Moment) -> None: ...


class Blueprint(Protocol):
    """A configuration that has been read and found right; it can be built more than once."""

    def build(self, on_failure: Callable[[Worker], None]) -> House:
        """Every part made, none started. Raises an EdgeMaskError when one cannot be made."""
        ...


class SilentNotifier:
    """Nobody listens."""

    def ready(self) -> None: ...
    def watchdog(self) -> None: ...
    def stopping(self) -> None: ...
    def reloading(self, now: Moment) -> None: ...


@dataclass(frozen=True, slots=True)
class Limits:
    """When to stop without being told."""

    max_seconds: float | None = None
    until_idle: bool = False


class Supervisor:
    """Runs houses one after the other until it is told to stop."""

    def __init__(
        self,
        plan: Callable[[], Blueprint],
        clock: Clock,
        *,
        notifier: Notifier | None = None,
        limits: Limits | None = None,
        feed_every: float = 1.0,
        execute: Callable[[str, list[str]], object] = os.execv,
    ) -> None:
        self._plan = plan
        self._clock = clock
        self._notifier = notifier or SilentNotifier()
        self._limits = limits or Limits()
        self._feed_every = feed_every
        self._execute = execute
        self._control: SimpleQueue[str] = SimpleQueue()
        self._stop = threading.Event()
        self._backoff = Backoff(base=1.0, cap=60.0, settled_after=300.0)
        self._started_at = clock.now().mono
        self._fed = float("-inf")

    def install_signals(self) -> None:
        """SIGTERM and SIGINT stop, SIGHUP reads the configuration again; a handler only leaves a word."""

        def leave(word: str) -> Callable[[int, FrameType | None], None]:
            # SimpleQueue.put is re-entrant, so it is safe in a signal handler; queue.Queue is not.
            return lambda _number, _frame: self._control.put(word)

        signal.signal(signal.SIGTERM, leave("stop"))
        signal.signal(signal.SIGINT, leave("stop"))
        signal.signal(signal.SIGHUP, leave("reload"))

    def request(self, word: str) -> None:
        """`stop` or `reload`, from any thread."""
        self._control.put(word)

    def run(self) -> int:
        """Until told to stop; the exit code. The first build's errors are the caller's (exit codes 2, 3, 4)."""
        blueprint = self._plan()
        if self._is_told_to_stop():
            return self._close(House(()))
        try:
            house = self._open(blueprint.build(self._worker_failed))
        except EdgeMaskError:
            if self._is_told_to_stop():
                return self._close(House(()))
            raise
        while True:
            why = self._watch(house)
            if why == "stop":
                return self._close(house)
            if why == "reload":
                blueprint, house = self._reload(blueprint, house)
            else:
                blueprint, house = self._recover(blueprint, house)
            if self._stop.is_set():
                return self._close(house)

    def _is_told_to_stop(self) -> bool:
        """Whether the stop came while the house was not there yet; another word has found what it asked for."""
        while not self._control.empty():
            if self._control.get() == "stop":
                return True
        return False

    def _worker_failed(self, worker: Worker) -> None:
        self._control.put(f"failed {worker.job.name}")

    def _open(self, house: House) -> House:
        house.start()
        self._notifier.ready()
        return house

    def _watch(self, house: House) -> str:
        """Wait for a reason to do something; feed the watchdog while every worker makes progress."""
        while True:
            try:
                word = self._control.get(timeout=_TICK)
            except Empty:
                word = ""
            now = self._clock.now().mono
            if word in {"stop", "reload"}:
                return word
            if word.startswith("failed") and house.failed():
                return "failed"
            house.check(now)
            if stuck := house.stuck(now):
                log.error("stuck: %s", ", ".join(w.job.name for w in stuck))
                return "stuck"
            self._feed(now)
            if self._is_over(house):
                return "stop"

    def _feed(self, now: float) -> None:
        """The watchdog, not more often than it needs."""
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
        stuck = house.stop(STOP_WITHIN, lambda: self._clock.now().mono)
        if stuck:
            log.error("stopped without %s", ", ".join(w.job.name for w in stuck))
        else:
            log.info("stopped")
        return EXIT_DONE

    def _reload(self, old: Blueprint, house: House) -> tuple[Blueprint, House]:
        """Read the configuration again; one that is wrong, or cannot be built, leaves the old one in force."""
        self._notifier.reloading(self._clock.now())
        new = self._read_again(house.complain)
        if new is None:
            self._notifier.ready()
            return old, house
        self._stop_or_start_over(house)
        try:
            return new, self._open(new.build(self._worker_failed))
        except Exception as error:  # noqa: BLE001 (whatever it is, the old configuration worked)
            _say("the new configuration cannot be built, back to the old one", error)
            blueprint, house = self._build_again(old, delay=False)
            house.complain("configuration", "refused", str(error))
            return blueprint, house

    def _read_again(self, complain: Callable[[str, str, str], None]) -> Blueprint | None:
        try:
            return self._plan()
        except Exception as error:  # noqa: BLE001 (as above)
            _say("the configuration was not taken over, the old one stays", error)
            complain("configuration", "refused", str(error))
            return None

    def _recover(self, blueprint: Blueprint, house: House) -> tuple[Blueprint, House]:
        """Step 2: the same house again, after a delay that grows while it keeps falling down."""
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
        """Until it stands, or until told to stop; a configuration that was repaired meanwhile is taken."""
        while True:
            word = self._pause(self._backoff.next_delay()) if delay else ""
            if word == "stop":
                self._stop.set()
                return blueprint, House(())
            if word == "reload":
                blueprint = self._read_again(lambda *_: None) or blueprint
            try:
                return blueprint, self._open(blueprint.build(self._worker_failed))
            except Exception as error:  # noqa: BLE001 (who gives up here sends no more messages: try again for ever)
                _say("cannot build again, trying later", error)
                delay = True

    def _pause(self, seconds: float) -> str:
        """Wait, but hear a stop or a reload, which end it; "" when the time has passed."""
        until = self._clock.now().mono + seconds
        while (left := until - (now := self._clock.now().mono)) > 0:
            if self._is_late(now):
                return "stop"
            try:
                word = self._control.get(timeout=min(left, _TICK))
            except Empty:
                self._feed(self._clock.now().mono)
            else:
                if word in {"stop", "reload"}:
                    return word
        return ""

    def _start_over(self) -> None:
        """Step 3, or step 4 when it has happened too often; nothing of both for who was told to stop meanwhile."""
        if self._is_told_to_stop():
            log.error("stopped without the worker that does not stop")
            logging.shutdown()
            os._exit(EXIT_DONE)  # a normal exit would wait for the stuck thread
        now = self._clock.now().mono
        recent = [t for t in _restart_times(os.environ.get(_RESTARTS, "")) if 0 <= now - t < 3600]
        if len(recent) >= _MOST_RESTARTS_AN_HOUR:
            log.critical("a part hangs again and again; giving up so that the service manager sees it")
            logging.shutdown()
            os._exit(EXIT_INTERNAL)  # a normal exit would wait for the stuck thread
        # Monotonic time runs on over execv, so the count survives a clock that is set meanwhile.
        os.environ[_RESTARTS] = ",".join(f"{t:.0f}" for t in (*recent, now))
        log.error("a worker does not stop; starting the program afresh")
        logging.shutdown()
        self._execute(sys.executable, [sys.executable, "-m", "edge_mask", *sys.argv[1:]])


def _say(what: str, error: Exception) -> None:
    """A sentence for what is expected to go wrong; of anything else the traceback, too."""
    log.error("%s: %s", what, error, exc_info=None if isinstance(error, EdgeMaskError) else error)


def _restart_times(text: str) -> list[float]:
    try:
        return [float(part) for part in text.split(",") if part]
    except ValueError:
        return []
