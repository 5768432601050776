"""How the house is doing: the health message, and whether there is anything left to do."""

import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from typing import Any, Protocol

from edge_mask.ledger.recorder import Barrier
from edge_mask.messages import Event, Health
from edge_mask.runtime.clock import Clock
from edge_mask.runtime.worker import Job, Worker
from edge_mask.units import Seconds
from edge_mask.vision import Vision

AWAY_LONG_ENOUGH = Seconds(5.0)
"""`--until-idle` does not wait for a broker that has been away for so long."""


class Pulse(Job):
    """Emits a `health` event at its interval."""

    name = "health"

    def __init__(
        self,
        measure: Callable[[float], Mapping[str, Any]],
        emit: Callable[[Event], object],
        clock: Clock,
        interval: Seconds,
    ) -> None:
        """`measure(seconds)` gives the values; `seconds` is the time since it was last asked."""
        self._measure = measure
        self._emit = emit
        self._clock = clock
        self._interval = interval
        self._last = clock.now().mono
        self._due: float = self._last
        self._asked = threading.Event()

    def beat_now(self) -> None:
        """From any thread: somebody has begun to listen, do not let them wait for the interval."""
        self._asked.set()

    def step(self, stop: threading.Event) -> None:
        now = self._clock.now()
        if now.mono < self._due and not self._asked.is_set():
            self._clock.wait(stop, Seconds(min(0.5, self._due - now.mono)))
            return
        self._asked.clear()  # before measuring: who asks from now on is answered by the next one
        self._emit(Health(at=now, values=self._measure(max(1e-3, now.mono - self._last))))
        self._last = now.mono
        self._due = now.mono + self._interval


class Carrier(Protocol):
    """A courier, or several."""

    @property
    def is_idle(self) -> bool: ...
    def away_for(self, now: float) -> Seconds: ...


class Rest:
    """Whether everything that can end has ended and everything recorded has left. Asked by the main thread."""

    def __init__(
        self,
        sources: Sequence[Worker],
        vision: Vision | None,
        post: Callable[[Barrier], bool],
        carriers: Sequence[Carrier],
    ) -> None:
        """`sources`: the workers of files, folders and replays; live cameras and sensors never end. `post` says
        whether there was room."""
        self._sources = sources
        self._vision = vision
        self._post = post
        self._carriers = carriers
        self._recorded: Future[None] | None = None

    def is_complete(self, now: Seconds) -> bool:
        """True once sources, vision and ledger are done and the outbox is empty or its broker long away."""
        if not all(worker.is_finished for worker in self._sources):
            return False
        if self._vision is not None and not self._vision.is_done:
            self._vision.finish_when_empty()
            return False
        if self._recorded is None:
            barrier = Barrier()
            if not self._post(barrier):
                return False
            self._recorded = barrier.done
        if not self._recorded.done():
            return False
        return all(each.is_idle or each.away_for(now) >= AWAY_LONG_ENOUGH for each in self._carriers)
