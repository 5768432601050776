"""A worker: one thread, one job, one owner; a thin loop around `step`."""

import logging
import threading
from collections.abc import Callable

from edge_mask.runtime.clock import Clock
from edge_mask.units import Seconds

log = logging.getLogger(__name__)


class Finished(Exception):
    """A job has nothing more to do: its source is exhausted, or its mailbox is closed and empty."""


class Job:
    """The work of a worker. Everything but `interrupt` runs in the worker's own thread."""

    name = "job"
    patience = Seconds(30.0)
    """A step that takes longer counts as stuck."""
    group = ""
    """Workers with the same group wait for each other, so they are stopped together."""
    drains = False
    """After a stop, continue until Finished instead of ending at once."""

    def begin(self) -> None:
        """Before the first step."""

    def step(self, stop: threading.Event) -> None:
        """One turn; may wait, but returns soon after `stop` is set or `interrupt` was called. Raises Finished."""
        raise NotImplementedError

    def interrupt(self) -> None:
        """Called from another thread at a stop: make a waiting step return."""

    def end(self) -> None:
        """After the last step, also after an error."""


_here = threading.local()


def keep_waiting() -> bool:
    """A step that waits on purpose calls this repeatedly, so it does not count as stuck. False at a stop."""
    worker: Worker | None = getattr(_here, "worker", None)
    return worker is None or worker.waits()


class Worker:
    """Runs a job in its own thread until it is stopped, finished or failed."""

    def __init__(self, job: Job, clock: Clock, on_failure: Callable[["Worker"], None]) -> None:
        self.job = job
        self.failure: Exception | None = None
        self.is_finished = False
        self._clock = clock
        self._on_failure = on_failure
        self._stop = threading.Event()
        self._beat = clock.now().mono
        self._thread = threading.Thread(target=self._run, name=job.name, daemon=True)

    def start(self) -> None:
        self._beat = self._clock.now().mono
        self._thread.start()

    def request_stop(self) -> None:
        """Ask it to stop; returns at once."""
        self._stop.set()
        self.job.interrupt()

    def join(self, within: float) -> bool:
        """Wait for the thread; False when it is still running after `within` seconds."""
        if self._thread.ident is not None:
            self._thread.join(max(0.0, within))
        return not self._thread.is_alive()

    @property
    def is_alive(self) -> bool:
        return self._thread.is_alive()

    def is_stuck(self, now: Seconds) -> bool:
        """True when a step takes longer than the job's `patience`."""
        return self.is_alive and now - self._beat > self.job.patience

    def held_up_for(self, now: Seconds) -> float:
        """How long its current step has taken so far; 0 for one that has ended."""
        return now - self._beat if self.is_alive else 0.0

    def waits(self) -> bool:
        """Sign of life, from the worker's own thread (`keep_waiting`); False when it should stop."""
        self._beat = self._clock.now().mono
        return not self._stop.is_set()

    def _run(self) -> None:
        _here.worker = self
        try:
            self.job.begin()
            self._loop()
        except Finished:
            self.is_finished = True
        except Exception as error:  # noqa: BLE001 (the supervisor decides what any failure means)
            self._fail(error)
        finally:
            self._end()

    def _loop(self) -> None:
        while self.job.drains or not self._stop.is_set():
            self.job.step(self._stop)
            self._beat = self._clock.now().mono

    def _end(self) -> None:
        try:
            self.job.end()
        except Exception as error:  # noqa: BLE001 (as above)
            self._fail(error)

    def _fail(self, error: Exception) -> None:
        log.error("worker %s failed: %s: %s", self.job.name, type(error).__name__, error, exc_info=error)
        self.failure = self.failure or error
        self._on_failure(self)
