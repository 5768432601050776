"""The worker that looks after the model: it hears wishes, has them carried out, and says how far they are.

 broker, shadow, jobs ──wishes──▶ ┌───────┐ ──▶ Reconciler ──orders──▶ Hands, in threads of their own
 ends of what was ordered ──────▶ │ queue │                  └───────▶ Trial, here: between two looks of the lanes
                                  └───────┘

It belongs to one house; what lives over all of them is the Desk.
"""

import logging
import os
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from queue import Empty
from typing import Any, Final

from edge_mask.errors import EdgeMaskError, Refused
from edge_mask.fleet.model.desk import Desk
from edge_mask.fleet.model.hands import Hands
from edge_mask.fleet.model.memory import Report
from edge_mask.fleet.model.orders import Activate, GoBack, Order, Prepare, Repair, Tidy, Try
from edge_mask.fleet.model.reconcile import Stands
from edge_mask.fleet.model.sentences import sentence
from edge_mask.fleet.model.trial import Trial
from edge_mask.runtime.apart import apart
from edge_mask.runtime.clock import Clock
from edge_mask.runtime.worker import Job
from edge_mask.units import Seconds
from edge_mask.wire.fleet_models import Desired, read_desired

log = logging.getLogger(__name__)

_IDLE: Final = 10.0
_NICE: Final = 10
_NOTED_WITHIN: Final = 10.0


class Caretaker(Job):
    """`heard` and `state_changed` may be called from any thread."""

    name = "packages"
    patience = Seconds(120.0)

    def __init__(
        self,
        desk: Desk,
        hands: Hands,
        here: Stands,
        say: Callable[[Report], object],
        clock: Clock,
        *,
        open_trial: Callable[[Desired], Trial],
    ) -> None:
        """`here` is the house to which it belongs; `say` returns at once; `open_trial` loads both models."""
        self._desk = desk
        self._reconciler = desk.reconciler
        self._hands = hands
        self._here = here
        self._say = say
        self._clock = clock
        self._open_trial = open_trial
        self._wake = threading.Event()
        self._trial: Trial | None = None
        self._tried: Desired | None = None
        self._said: Report | None = None
        self._is_online = True

    # -- from other threads ------------------------------------------------------------------------------

    def state_changed(self, connected: bool) -> None:
        """The connection to the broker came or went: what is retained there is told anew."""
        if connected:
            self._said = None
            self._wake.set()

    def heard(self, payload: bytes) -> None:
        """A document on `model/desired`; an empty one takes the wish away."""
        try:
            desired = read_desired(payload) if payload else None
        except Refused as error:
            text = sentence(error)
            self._desk.post(lambda _now: self._not_understood(text))
        else:
            self._desk.wish(desired, "broker")

    def interrupt(self) -> None:
        self._wake.set()

    # -- the worker --------------------------------------------------------------------------------------

    def begin(self) -> None:
        with suppress(OSError):  # of this thread, and of those that it starts
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICE)
        self._desk.ring = self._wake.set
        self._reconciler.stands(self._here, self._clock.now().mono)
        self._wake.set()

    def step(self, stop: threading.Event) -> None:
        now = self._clock.now().mono
        self._clock.wait(self._wake, Seconds(max(0.0, min(_IDLE, self._due(now) - now))))
        self._wake.clear()
        if not stop.is_set():
            self.turn()

    def turn(self) -> None:
        """Take in what happened and do what can be done, without waiting for anybody."""
        self._take_events()
        if self._desk.tap.trouble:
            self._reconciler.fails(self._desk.tap.trouble)
            self._desk.tap.trouble = ""
        self._try()
        while (order := self._reconciler.turn(self._clock.now().mono)) is not None:
            self._carry_out(order)
            self._tell()  # before the next step: how far it was is worth knowing if that one ends the process
        self._tell()

    def end(self) -> None:
        self._end_trial()

    def _due(self, now: float) -> float:
        if not self._desk.events.empty():
            return now
        due = self._reconciler.due(now)
        return due if self._trial is None else min(due, max(now + 1.0, self._trial.next_at))

    def _take_events(self) -> None:
        while True:
            try:
                event = self._desk.events.get_nowait()
            except Empty:
                return
            event(self._clock.now().mono)

    def _tell(self) -> None:
        report = self._reconciler.report
        if report is not None and report != self._said:
            self._said = report
            self._say(report)
        self._desk.tell()

    def _not_understood(self, text: str) -> None:
        log.warning("model: a wish is refused: %s", text)
        self._desk.take_away("broker")
        self._say(Report("refused", None, "", "", error=text))

    # -- orders ------------------------------------------------------------------------------------------

    def _carry_out(self, order: Order) -> None:
        match order:
            case Try(wanted=wanted):
                self._begin_trial(wanted)
            case Prepare():
                self._apart(order, lambda: self._hands.prepare(order, self._verifying))
            case Activate(wanted=wanted):
                self._apart(order, lambda: self._hands.choose("activate", wanted.name, wanted.version))
            case GoBack():
                self._apart(order, lambda: self._hands.choose("rollback", None, None))
            case Repair():
                self._apart(order, lambda: self._hands.repair(order))
            case Tidy(origins=origins):
                self._apart(order, lambda: self._hands.tidy(origins))

    def _apart(self, order: Order, work: Callable[[], Any]) -> None:
        desk, reconciler = self._desk, self._reconciler

        def ended(future: "Future[Any]") -> None:
            error = future.exception()
            result = None if error is not None else future.result()
            if error is not None and not isinstance(error, EdgeMaskError | OSError):
                log.error("packages: %s", type(order).__name__.lower(), exc_info=error)
            desk.post(lambda now: reconciler.ended(order, error, result, now))

        apart(f"packages-{type(order).__name__.lower()}", work).add_done_callback(ended)

    def _verifying(self) -> None:
        """In the thread that prepares: it goes on once that is known."""
        noted = threading.Event()

        def note(_now: float) -> None:
            self._reconciler.verifying()
            noted.set()

        self._desk.post(note)
        noted.wait(_NOTED_WITHIN)

    # -- the trial ---------------------------------------------------------------------------------------

    def _begin_trial(self, wanted: Desired) -> None:
        self._end_trial()
        try:
            self._trial, self._tried = self._open_trial(wanted), wanted
        except (EdgeMaskError, OSError) as error:
            self._reconciler.tried(str(error), self._clock.now().mono)
        else:
            self._desk.tap.open(self._wake.set)

    def _try(self) -> None:
        """One look of the trial, if it is time for one."""
        trial, now = self._trial, self._clock.now().mono
        if trial is None:
            return
        if self._reconciler.trying != self._tried:
            self._end_trial()
            return
        if now >= trial.next_at and (look := self._desk.tap.take()) is not None:
            trial.look(look)
        if (problem := trial.verdict(self._clock.now().mono)) is not None:
            self._end_trial()
            self._reconciler.tried(problem, now)

    def _end_trial(self) -> None:
        if self._trial is not None:
            self._desk.tap.close()
            self._trial.close()
            self._trial = self._tried = None
