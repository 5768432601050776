"""The component's side of its nucleus, one worker in each house: configuration, state, deployments.

nucleus ─▶ news (a queue) ─▶ worker ─▶ take a configuration, judge one, defer a deployment, report RUNNING
"""

import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, Final

from edge_mask.control.deferral import Deferral
from edge_mask.control.nucleus_configuration import NucleusConfiguration
from edge_mask.control.nucleus_news import Changed, Document, News
from edge_mask.nucleus.nucleus import Nucleus
from edge_mask.nucleus.requests import (
    ComponentUpdate,
    Proposal,
    Request,
    configuration,
    defer_update,
    judge_proposal,
    update_state,
)
from edge_mask.runtime.clock import Clock
from edge_mask.runtime.worker import Job
from edge_mask.units import Seconds

log = logging.getLogger(__name__)

_SIGN_OF_LIFE: Final = Seconds(10.0)
"""Seconds between two."""
_SETTLED: Final = Seconds(0.5)
"""Seconds without news of a change: a deployment changes one key after the other, and tells of each."""
_AGAIN: Final = Seconds(60.0)
"""Seconds after which the configuration is asked for again when the nucleus did not tell it."""


class NucleusWorker(Job):
    """Everything happens in the worker's thread; what the connection calls back only puts into the news."""

    name = "nucleus"

    def __init__(
        self,
        nucleus: Nucleus,
        news: News,
        taken: NucleusConfiguration,
        deferral: Deferral,
        is_occupied: Callable[[], bool],
        clock: Clock,
    ) -> None:
        """`is_occupied`: somebody stands at a gate, so that a restart would lose a visit."""
        self._nucleus = nucleus
        self._news = news
        self._taken = taken
        self._deferral = deferral
        self._is_occupied = is_occupied
        self._clock = clock
        self._read_at: Seconds | None = None
        """When the configuration is to be asked for."""

    def begin(self) -> None:
        self._arrive()

    def step(self, stop: threading.Event) -> None:
        item = self._news.take(self._pause())
        if stop.is_set() and not isinstance(item, ComponentUpdate | Proposal):  # the next house reads all the rest
            return
        if self._news.has_connected.is_set():
            self._arrive()
        match item:
            case Changed():
                self._read_in(_SETTLED)
            case Document(None):
                self._read_in(_AGAIN)
            case Document() if self._read_at is not None:
                log.debug("greengrass: the configuration changed while it was told; it is read again")
            case Document(content):
                self._taken.take(content)
            case Proposal():
                self._judge(item)
            case ComponentUpdate():
                self._updated(item)
            case None:
                self._read_when_due()

    def interrupt(self) -> None:
        self._news.put(None)

    # -- the configuration -------------------------------------------------------------------------------

    def _arrive(self) -> None:
        """A house runs and the nucleus is there: what it holds may be another than before."""
        self._news.has_connected.clear()
        if self._nucleus.is_connected:
            self._call(update_state("RUNNING"))
            self._read()

    def _pause(self) -> float:
        if self._read_at is None:
            return _SIGN_OF_LIFE
        return max(0.0, min(_SIGN_OF_LIFE, self._read_at - self._clock.now().mono))

    def _read_in(self, pause: Seconds) -> None:
        self._read_at = Seconds(self._clock.now().mono + pause)

    def _read_when_due(self) -> None:
        if self._read_at is not None and self._clock.now().mono >= self._read_at:
            self._read()

    def _read(self) -> None:
        self._read_at = None
        self._nucleus.call(configuration()).add_done_callback(self._told)

    def _told(self, answer: "Future[Any]") -> None:
        if (error := answer.exception()) is not None:
            log.warning("configuration: the nucleus does not tell its own: %s", error)
        self._news.put(Document(None if error is not None else answer.result()))

    # -- deployments -------------------------------------------------------------------------------------

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
        self._call(defer_update(update.deployment, message, pause))

    def _call(self, request: Request[Any]) -> None:
        def answered(answer: "Future[Any]") -> None:
            if (error := answer.exception()) is not None:
                log.debug("greengrass: %s", error)

        self._nucleus.call(request).add_done_callback(answered)
