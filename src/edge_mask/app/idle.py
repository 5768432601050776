"""Whether anything is left to do: `--until-idle` ends the daemon when not."""

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Protocol

from edge_mask.recording.requests import Barrier
from edge_mask.runtime.worker import Worker
from edge_mask.units import Seconds
from edge_mask.vision.shared import Vision

AWAY_LONG_ENOUGH = Seconds(5.0)
"""`--until-idle` stops waiting for a broker that has been away for this time."""


class Carrier(Protocol):
    """A courier, or several."""

    @property
    def is_idle(self) -> bool: ...
    def away_for(self, now: float) -> Seconds: ...


class Settling(Protocol):
    """What may still wait for somebody to go through the gate."""

    @property
    def is_settled(self) -> bool: ...


class IdleCheck:
    """Whether all finite sources have ended and all their messages have left. Used by the main thread."""

    def __init__(
        self,
        sources: Sequence[Worker],
        vision: Vision | None,
        post: Callable[[Barrier], bool],
        carriers: Sequence[Carrier],
        has_looked: Callable[[], bool] = lambda: True,
        gate: Settling | None = None,
    ) -> None:
        """`sources`: the workers of files, folders and replays; live cameras and sensors never end. `post` says
        whether there was room, `has_looked` whether the database was looked through: damage may look like an empty
        outbox."""
        self._sources = sources
        self._vision = vision
        self._post = post
        self._carriers = carriers
        self._has_looked = has_looked
        self._gate = gate
        self._recorded: Future[None] | None = None

    def is_complete(self, now: Seconds) -> bool:
        """True once sources, vision and ledger are done and the outbox is empty or its broker long away."""
        if not all(worker.is_finished for worker in self._sources):
            return False
        if self._vision is not None and not self._vision.is_done:
            self._vision.finish_when_empty()
            return False
        if self._gate is not None and not self._gate.is_settled:
            return False
        if self._recorded is None:
            barrier = Barrier()
            if not self._post(barrier):
                return False
            self._recorded = barrier.answer
        if not self._recorded.done() or not self._has_looked():
            return False
        return all(each.is_idle or each.away_for(now) >= AWAY_LONG_ENOUGH for each in self._carriers)
