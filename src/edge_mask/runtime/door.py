"""Requests to the main thread, from a signal handler or any thread of a house.

    signals ───────▶ Door ──requests──▶ Supervisor (main thread)
    workers, control ▶         answers ◀──

A configuration from outside takes effect in two steps: `plan` validates it or raises, `keep` stores it once its house
runs. If the house cannot be built, the old one comes back and nothing is stored.
"""

from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import Protocol

from edge_mask.errors import TryLater
from edge_mask.runtime.house import House
from edge_mask.runtime.worker import Worker


class Blueprint(Protocol):
    """A validated configuration; it can be built more than once."""

    def build(self, door: "Door") -> House:
        """Build every part, start none. Raises an EdgeMaskError when one cannot be built."""
        ...


def nothing() -> None:
    """Do it."""


@dataclass(frozen=True, slots=True)
class Stop:
    """End the program."""


@dataclass(frozen=True, slots=True)
class Failed:
    """A worker has ended with an error; the supervisor checks the house."""

    worker: str


@dataclass(frozen=True, slots=True, eq=False)
class Rebuild:
    """Replace the running house by the one that `plan` describes."""

    plan: Callable[[], Blueprint]
    keep: Callable[[], object] = nothing
    """Called in the main thread once the new house runs."""
    done: "Future[None]" = field(default_factory=Future)
    """Resolves when the new house runs, or fails with the reason why the old one stays."""
    is_answered: bool = False
    """Who asks is told what is wrong with the wish: then it is no fault of the device."""


Request = Stop | Failed | Rebuild


class Door:
    """Leaves requests for the main thread; nothing here waits."""

    def __init__(self, plan: Callable[[], Blueprint]) -> None:
        """`plan` reads the configuration again, for `reload`."""
        self._plan = plan
        # SimpleQueue.put is re-entrant, so it is safe in a signal handler; queue.Queue is not.
        self._requests: SimpleQueue[Request] = SimpleQueue()
        self._reload: Rebuild | None = None
        """The one that waits."""

    def stop(self) -> None:
        """End the program."""
        self._requests.put(Stop())

    def reload(self) -> "Future[None]":
        """Read the configuration again and build what it says. One that still waits serves all who ask meanwhile."""
        if self._reload is None:
            self._reload = self._asked(Rebuild(self._plan))
        return self._reload.done

    def rebuild(
        self, plan: Callable[[], Blueprint], keep: Callable[[], object] = nothing, *, is_answered: bool = False
    ) -> "Future[None]":
        """Build another house: see Rebuild. `plan` and `keep` are called in the main thread.

        The future resolves in the main thread, after the caller's house has stopped: do not wait for it in a step.
        """
        return self._asked(Rebuild(plan, keep, is_answered=is_answered)).done

    def failed(self, worker: Worker) -> None:
        """A worker has ended with an error."""
        self._requests.put(Failed(worker.job.name))

    def _asked(self, request: Rebuild) -> Rebuild:
        request.done.set_running_or_notify_cancel()
        self._requests.put(request)
        return request

    def take(self, timeout: float) -> Request | None:
        """For the main thread: the next request; None after `timeout` seconds. Raises nothing."""
        try:
            request = self._requests.get(timeout=timeout) if timeout > 0 else self._requests.get_nowait()
        except Empty:
            return None
        if request is self._reload:
            self._reload = None  # before the file is read: who asks from now on may have changed it
        return request

    def is_told_to_stop(self) -> bool:
        """For the main thread: whether a stop is among the requests; if not, they stay."""
        requests: list[Request] = []
        while (request := self.take(0.0)) is not None:
            requests.append(request)
        for each in requests:
            self._requests.put(each)
        return any(isinstance(request, Stop) for request in requests)

    def refuse_all(self) -> None:
        """For the main thread: nothing more is built."""
        while (request := self.take(0.0)) is not None:
            if isinstance(request, Rebuild):
                request.done.set_exception(TryLater("the program is stopping"))
