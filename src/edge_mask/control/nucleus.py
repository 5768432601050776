"""The component's side of its nucleus, one worker in each house: configuration, state, deployments.

nucleus ─▶ what happened (a queue) ─▶ worker ─▶ take a configuration, judge one, defer a deployment, report RUNNING
"""

import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future
from queue import Empty, Full, Queue
from typing import Any, Final

from edge_mask.control.deferral import Deferral
from edge_mask.control.nucleus_configuration import NucleusConfiguration
from edge_mask.errors import EdgeMaskError
from edge_mask.nucleus.nucleus import Follow, Nucleus
from edge_mask.nucleus.requests import (
    ComponentUpdate,
    Proposal,
    Request,
    component_updates,
    configuration,
    configuration_proposals,
    configuration_updates,
    defer_update,
    judge_proposal,
    update_state,
)
from edge_mask.runtime.clock import Clock
from edge_mask.runtime.worker import Job
from edge_mask.units import Seconds

log = logging.getLogger(__name__)

_MOST_WAITING: Final = 32
_SIGN_OF_LIFE: Final = Seconds(10.0)
"""Seconds between two."""
_SETTLED: Final = Seconds(0.5)
"""Seconds without news of a change: a deployment changes one key after the other, and tells of each."""
_AGAIN: Final = Seconds(60.0)
"""Seconds after which the configuration is asked for again when the nucleus did not tell it."""
Happening = Callable[[], object]
"""What the worker does about something that happened."""


class NucleusWorker(Job):
    """Everything here happens in the worker's thread; what the connection calls back only puts into the queue."""

    name = "nucleus"

    def __init__(
        self,
        nucleus: Nucleus,
        taken: NucleusConfiguration,
        is_occupied: Callable[[], bool],
        clock: Clock,
        *,
        settled: Seconds = _SETTLED,
    ) -> None:
        """`is_occupied`: somebody stands at a gate, so that a restart would lose a visit."""
        self._nucleus = nucleus
        self._taken = taken
        self._is_occupied = is_occupied
        self._clock = clock
        self._settled = settled
        self._deferral = Deferral()
        self._read_at: Seconds | None = None
        """When the configuration is to be asked for."""
        self._happened: Queue[Happening] = Queue(_MOST_WAITING)
        self._follows: list[Follow] = []
        self._leave: Happening = lambda: None

    def begin(self) -> None:
        self._follow(configuration_updates(), lambda _key_path: lambda: self._read_in(self._settled))
        self._follow(component_updates(), lambda update: lambda: self._updated(update))
        self._follow(configuration_proposals(), lambda proposal: lambda: self._judge(proposal))
        self._leave = self._nucleus.watch(lambda connected, _reason: self._put(self._arrive) if connected else None)

    def step(self, stop: threading.Event) -> None:
        try:
            do = self._happened.get(timeout=self._pause())
        except Empty:
            do = self._read_when_due
        if not stop.is_set():
            do()

    def _pause(self) -> float:
        if self._read_at is None:
            return _SIGN_OF_LIFE
        return max(0.0, min(_SIGN_OF_LIFE, self._read_at - self._clock.now().mono))

    def interrupt(self) -> None:
        self._put(lambda: None)

    def end(self) -> None:
        self._leave()
        for follow in self._follows:
            self._nucleus.leave(follow)

    # -- what happened -----------------------------------------------------------------------------------

    def _follow(self, request: Request[Any], about: Callable[[Any], Happening]) -> None:
        def answered(error: EdgeMaskError | None) -> None:
            if error is not None:  # nucleus lite does not know deployments that wait, nor configurations to judge
                log.debug("greengrass: %s", error)

        self._follows.append(self._nucleus.follow(request, lambda event: self._put(about(event)), answered))

    def _put(self, happening: Happening) -> None:
        try:
            self._happened.put_nowait(happening)
        except Full:  # each of them comes again: the nucleus asks again, the next connection reads everything
            log.debug("greengrass: more happens than is worked off")

    def _arrive(self) -> None:
        """Connected, for the first time or again: something may have changed meanwhile."""
        self._call(update_state("RUNNING"))
        self._read()

    def _read_in(self, pause: Seconds) -> None:
        self._read_at = Seconds(self._clock.now().mono + pause)

    def _read_when_due(self) -> None:
        if self._read_at is not None and self._clock.now().mono >= self._read_at:
            self._read()

    def _read(self) -> None:
        self._read_at = None
        self._nucleus.call(configuration()).add_done_callback(self._document)

    def _document(self, answer: "Future[Any]") -> None:
        if (error := answer.exception()) is not None:
            log.warning("configuration: the nucleus does not tell its own: %s", error)
            self._put(lambda: self._read_in(_AGAIN))
        else:
            document = answer.result()
            self._put(lambda: self._taken.take(document))

    def _judge(self, proposal: Proposal) -> None:
        objection = self._taken.objection(proposal.configuration)
        if objection:
            log.warning("configuration: deployment %s is refused: %s", proposal.deployment, objection)
        self._call(judge_proposal(proposal.deployment, objection))

    def _updated(self, update: ComponentUpdate) -> None:
        if update.is_over:
            self._deferral.over(update.deployment)
            return
        pause = self._deferral.pause(update.deployment, self._is_occupied(), self._clock.now().mono)
        message = "a visit is being judged" if pause else "nobody is at the gate"
        log.info("greengrass: deployment %s %s: %s", update.deployment, "waits" if pause else "may go on", message)
        self._call(defer_update(update.deployment, message, Seconds(pause)))

    def _call(self, request: Request[Any]) -> None:
        def answered(answer: "Future[Any]") -> None:
            if (error := answer.exception()) is not None:
                log.debug("greengrass: %s", error)

        self._nucleus.call(request).add_done_callback(answered)
