"""What the main thread can be asked, from a signal handler and from any thread of a house.

    signals ───────▶ Door ──requests──▶ Supervisor (main thread)
    workers, control ▶         answers ◀──

A configuration from outside becomes the house's in two steps: `plan` finds it right or raises, `keep` makes it last
once its house stands. If the house cannot be built, the old one comes back and nothing was kept.
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
    """A configuration that has been read and found right; it can be built more than once."""

    def build(self, door: "Door") -> House:
        """Every part made, none started. Raises an EdgeMaskError when one cannot be made."""
        ...


def nothing() -> None:
    """Do it."""


@dataclass(frozen=True, slots=True)
class Stop:
    """End the program."""


@dataclass(frozen=True, slots=True)
class Failed:
    """A worker has ended with an error; the house is looked at."""

    worker: str


@dataclass(frozen=True, slots=True, eq=False)
class Rebuild:
    """Build the house that `plan` describes in the place of the one that stands."""

    plan: Callable[[], Blueprint]
    keep: Callable[[], object] = nothing
    """Called in the main thread once the new house stands."""
    done: "Future[None]" = field(default_factory=Future)
    """Ends when the new house stands, or with why the old one stays."""


Request = Stop | Failed | Rebuild


class Door:
    """Leaves requests for the main thread; nothing here waits."""

    def __init__(self, plan: Callable[[], Blueprint]) -> None:
        """`plan` reads the configuration again, for `reload`."""
        self._plan = plan
        # SimpleQueue.put is re-entrant, so it is safe in a signal handler; queue.Queue is not.
        self._requests: SimpleQueue[Request] = SimpleQueue()

    def stop(self) -> None:
        """End the program."""
        self._requests.put(Stop())

    def reload(self) -> "Future[None]":
        """Read the configuration again and build what it says."""
        return self.rebuild(self._plan)

    def rebuild(self, plan: Callable[[], Blueprint], keep: Callable[[], object] = nothing) -> "Future[None]":
        """Build another house: see Rebuild. `plan` and `keep` are called in the main thread.

        The future ends in the main thread, after the house of whoever asked has stopped: do not wait for it in a step.
        """
        request = Rebuild(plan, keep)
        request.done.set_running_or_notify_cancel()
        self._requests.put(request)
        return request.done

    def failed(self, worker: Worker) -> None:
        """A worker has ended with an error."""
        self._requests.put(Failed(worker.job.name))

    def take(self, timeout: float) -> Request | None:
        """For the main thread: the next request; None after `timeout` seconds. Raises nothing."""
        try:
            return self._requests.get(timeout=timeout) if timeout > 0 else self._requests.get_nowait()
        except Empty:
            return None

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
