"""How the house is doing: the health message, and whether there is anything left to do."""

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import asdict
from pathlib import Path
from typing import Any, Protocol

from edge_mask.errors import DatabaseError
from edge_mask.ledger.reader import Reader
from edge_mask.messages import Event, Health
from edge_mask.observe.health import Probe, health_values
from edge_mask.recording.mail import Barrier
from edge_mask.rules.rule_set import RuleSet
from edge_mask.runtime.clock import Clock
from edge_mask.runtime.worker import Job, Worker
from edge_mask.units import Moment, Seconds
from edge_mask.vision import Vision

log = logging.getLogger(__name__)

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


class Measure:
    """The values of a `health` message, each time they are asked for."""

    def __init__(
        self, vision: Callable[[], Vision | None], outbox: Path, boot: str, clock: Clock, rules: RuleSet
    ) -> None:
        """`vision`: of this house, None before it is made or without cameras; `outbox`: its database."""
        self._vision, self._outbox, self._boot, self._clock, self._rules = vision, outbox, boot, clock, rules
        self._machine = Probe()
        self._frames = 0

    def __call__(self, seconds: float) -> dict[str, Any]:
        """`seconds`: since it was last asked."""
        vision = self._vision()
        figures = None if vision is None else vision.figures
        frames = figures.frames if figures is not None else 0
        fps, self._frames = (frames - self._frames) / seconds, frames
        now = self._clock.now()
        values = health_values(
            self._machine.read(),
            fps=None if figures is None else fps,
            inference_ms=None if figures is None or not frames else figures.inference_ms,
            outbox=self._waiting(now),
            clock_synced=now.synced,
        )
        counts = {name: asdict(count) for name, count in self._rules.counts.items()}
        return {**values, "rules": counts} if counts else values

    def _waiting(self, now: Moment) -> dict[str, Any]:
        """Nothing while the database cannot be read: how the rest is doing is told all the same."""
        try:
            return Reader(self._outbox).outbox_status(now, self._boot)
        except DatabaseError as error:
            log.debug("health: no figures of the outbox: %s", error)
            return {}


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
        has_looked: Callable[[], bool] = lambda: True,
    ) -> None:
        """`sources`: the workers of files, folders and replays; live cameras and sensors never end. `post` says
        whether there was room, `has_looked` whether the database was looked through: else damage would look like
        an empty outbox."""
        self._sources = sources
        self._vision = vision
        self._post = post
        self._carriers = carriers
        self._has_looked = has_looked
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
            self._recorded = barrier.answer
        if not self._recorded.done() or not self._has_looked():
            return False
        return all(each.is_idle or each.away_for(now) >= AWAY_LONG_ENOUGH for each in self._carriers)
