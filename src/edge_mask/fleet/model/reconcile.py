"""From the model that is wished to the one that looks. Read this first.

 desired ─▶ pulling ─▶ verifying ─▶ trial ─▶ (its window) ─▶ active ──5 minutes──▶ settled
              ▲ └away: again, later    └──────┴─▶ refused       └─ breaks ─▶ rolled_back

 a package that cannot be loaded ─▶ the one before, else a fresh copy ─▶ restored

A table of states without threads; time is an argument. One order at a time is given out, and `ended` tells what became
of it. It lives over all houses, as an activation builds another one; and what must be known after a kill is on the disk
before it is begun.
"""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import Any, Final

from edge_mask.fleet.model.book import Book, folder_of, origin_of
from edge_mask.fleet.model.memory import Failed, Memory, Origin, Probation, Report
from edge_mask.fleet.model.orders import Activate, GoBack, Order, Prepare, Repair, Repaired, Tidy, Try
from edge_mask.fleet.model.sentences import is_outage, sentence
from edge_mask.runtime.outage import Backoff
from edge_mask.units import Seconds
from edge_mask.wire.fleet_models import Desired

log = logging.getLogger(__name__)

PROBATION: Final = Seconds(300.0)
"""How long a new package may still be taken back by itself."""
MOST_TRIES: Final = 5
"""How often the process may end while a package is verified or tried."""
MOST_STARTS: Final = 3
"""How often it may end within a package's probation."""
_BETWEEN, _MOST_BETWEEN = 1.0, 30.0
_TRIES_AGAIN_AFTER: Final = 5.0


class _Phase(Enum):
    IDLE = auto()
    PREPARING = auto()
    TRIAL = auto()
    WAITING = auto()
    """For its window, or until it can be activated."""
    ACTIVATING = auto()
    RETURNING = auto()
    REPAIRING = auto()


@dataclass(frozen=True, slots=True)
class Stands:
    """The house that stands now."""

    model: tuple[str, str] | None = None
    """Name and version of what looks."""
    broken: str = ""
    """Why its package cannot be loaded."""
    can_try: bool = False
    """There are cameras that look, and time for a trial."""
    digest: Callable[[], str | None] = lambda: None
    """Of the package that looks, worked out when it is asked for; None when that cannot be said."""


class Reconciler:
    """`wish`, `stands`, `tried`, `fails` and `ended` tell it what happened; `turn` says what to do."""

    def __init__(self, memory: Memory, backoff: Backoff | None = None) -> None:
        """The process begins."""
        self._book = Book(memory)
        self.is_open: Callable[[Desired], bool] = lambda _wanted: True
        """Whether it may be activated now."""
        self._wanted: Desired | None = None
        self._work: Desired | None = None
        self._phase = _Phase.IDLE
        self._is_asked = False
        self._stop = threading.Event()
        self._here = Stands()
        self._failing = ""
        self._probation_until = float("-inf")
        self._backoff = backoff or Backoff(base=4.0, cap=300.0, settled_after=0.0)
        self._attempt = 1
        self._begun_at, self._pause, self._is_hurried = float("-inf"), _BETWEEN, False
        self._next_at = self._repair_at = self._back_at = float("-inf")
        self._repairs = 0
        self._why_broken = ""
        self._is_untidy = True
        if (probation := memory.now.probation) is not None:
            self._book.keep(probation=replace(probation, starts=probation.starts + 1))

    @property
    def probation(self) -> Probation | None:
        """Of what was activated a short while ago."""
        return self._book.now.probation

    @property
    def trying(self) -> Desired | None:
        """What looks beside the others now, or should."""
        return self._work if self._phase is _Phase.TRIAL else None

    @property
    def report(self) -> Report | None:
        """What stands on `model/reported`; None when there is nothing to say yet."""
        return self._book.now.report

    # -- what happens ------------------------------------------------------------------------------------

    def wish(self, desired: Desired | None) -> None:
        """The newest wish; None when there is none any more."""
        if desired == self._wanted:
            return
        self._wanted = desired
        self._is_hurried |= self._work is not None
        self._attempt = 1
        self._next_at = self._begun_at + self._pause  # not what an outage made it
        self._stop.set()  # what is being fetched is not wanted any more
        if self._phase in (_Phase.TRIAL, _Phase.WAITING):
            self._over()

    def stands(self, here: Stands, now: float) -> None:
        """Another house stands."""
        self._here = here
        if not here.broken:
            self._repairs, self._repair_at = 0, float("-inf")
        if self._phase is _Phase.TRIAL:
            self._is_asked = False  # the trial ended with the house before
        probation = self._book.now.probation
        if probation is None or self._phase in (_Phase.ACTIVATING, _Phase.RETURNING):
            return
        if here.broken:
            self.fails(here.broken)
        if here.model == (probation.name, probation.version):
            self._is_on_probation(now)
        elif not here.broken:  # somebody chose another, or it was never activated
            self._book.keep(probation=None)

    def fails(self, reason: str) -> None:
        """What looks since a short while does not do."""
        if self._book.now.probation is None or self._failing:
            return
        self._failing = reason
        self._stop.set()
        if self._phase in (_Phase.TRIAL, _Phase.WAITING):  # first the way back, then the next wish
            self._over()

    def verifying(self) -> None:
        """It is here, and is looked at as soon as this returns: the process may end by it."""
        if (work := self._work) is not None and self._phase is _Phase.PREPARING and not self._stop.is_set():
            self._book.begin(work)
            self._say(work, "verifying")

    def tried(self, problem: str, now: float) -> None:
        """The trial is over; without a problem it is good."""
        if self._phase is not _Phase.TRIAL or (work := self._work) is None:
            return
        self._is_asked = False
        if problem:
            self._refuse(work, problem)
        else:
            self._phase = _Phase.WAITING
            self._next_at = now

    def ended(self, order: Order, error: BaseException | None, result: Any, now: float) -> None:
        """What was ordered has ended."""
        self._is_asked = False
        match order:
            case Prepare(wanted=wanted):
                self._prepared(wanted, error, now)
            case Activate(wanted=wanted):
                self._activated(wanted, error, now)
            case GoBack():
                self._is_back(error, now)
            case Repair():
                self._repaired(error, result, now)
            case Tidy() if error is None and result is not None:
                left = {name: origin for name, origin in self._book.now.origins.items() if name in result}
                self._book.keep(origins=left)
            case _:
                pass

    def stopped(self) -> None:
        """The process ends as it should: that was no try."""
        known = self._book.now
        if known.begun is not None and self._phase is not _Phase.IDLE:
            self._book.keep(begun=replace(known.begun, tries=max(0, known.begun.tries - 1)))
        if known.probation is not None:
            self._book.keep(probation=replace(known.probation, starts=max(0, known.probation.starts - 1)))

    # -- what to do --------------------------------------------------------------------------------------

    def turn(self, now: float) -> Order | None:
        """The next order, once."""
        if self._is_asked:
            return None
        order = self._continued(now) if self._phase is not _Phase.IDLE else self._next(now)
        self._is_asked = order is not None
        return order

    def due(self, now: float) -> float:
        """When there is something to do even if nothing happens."""
        if self._is_asked:
            return float("inf")
        later = [self._repair_at] if self._here.broken else []
        later += [self._next_at, self._probation_until, self._back_at]
        if self._phase is _Phase.WAITING:
            later.append(now + _TRIES_AGAIN_AFTER)
        return min((at for at in later if at > now), default=float("inf"))

    def _continued(self, now: float) -> Order | None:
        work = self._work
        assert work is not None
        if self._phase is _Phase.TRIAL:
            return Try(work)
        if self._phase is _Phase.WAITING and now >= self._next_at and self.is_open(work):
            probation = Probation(work.revision, work.name, work.version, work.digest)
            if not self._book.keep(probation=probation, begun=None):
                self._book.keep(probation=None)
                self._next_at = now + _TRIES_AGAIN_AFTER
                return None
            self._phase, self._failing = _Phase.ACTIVATING, ""
            return Activate(work)
        return None

    def _next(self, now: float) -> Order | None:
        if self._failing and now >= self._back_at:
            self._phase = _Phase.RETURNING
            return GoBack()
        if self._here.broken and now >= self._repair_at:
            self._phase = _Phase.REPAIRING
            self._repairs += 1
            self._why_broken = sentence(self._here.broken)
            return Repair(self._origins(), is_first=self._repairs == 1)
        if self._wanted is not None and self._is_new(self._wanted) and now >= self._next_at:
            return self._begin(self._wanted, now)
        if self._book.now.probation is not None and now >= self._probation_until and self._here.model is not None:
            log.info("model: %s has proved itself", " ".join(self._here.model))
            self._book.keep(probation=None)
            self._is_untidy = True
        if self._is_untidy and self._book.now.probation is None and not self._here.broken:
            self._is_untidy = False
            return Tidy(self._book.now.origins) if self._book.now.origins else None
        return None

    def _origins(self) -> dict[str, Origin]:
        """Those that are known, and that of the wish, which may never have been here."""
        wanted = self._wanted
        return {**self._book.now.origins, **({} if wanted is None else {folder_of(wanted): origin_of(wanted)})}

    def _is_new(self, wanted: Desired) -> bool:
        """Whether there is anything to do for it; what ended once is told again, and not done again."""
        if self._book.is_over(wanted):
            return False
        if (failed := self._book.failed(wanted)) is not None:
            self._say(wanted, failed.state, failed.error)
            return False
        return True

    def _begin(self, wanted: Desired, now: float) -> Order | None:
        if self._here.model == (wanted.name, wanted.version) and self._is_that(wanted):
            self._book.remember(wanted)
            self._say(wanted, "active")
            return None
        if (tries := self._book.tries(wanted)) >= MOST_TRIES:
            self._refuse(wanted, f"the daemon ended {tries} times while this package was verified or tried")
            return None
        if self._here.model == (wanted.name, wanted.version):
            text = "looks already with another digest; a package never changes, give it another version"
            self._refuse(wanted, f"{wanted.name} {wanted.version}: {text}")
            return None
        self._slow_down(now)
        self._work, self._phase, self._stop = wanted, _Phase.PREPARING, threading.Event()
        self._say(wanted, "pulling")
        return Prepare(wanted, self._book.now.origins.get(folder_of(wanted)), self._here.model, self._stop)

    def _is_that(self, wanted: Desired) -> bool:
        """Whether the package that looks has the wanted digest, as far as is known."""
        origin = self._book.now.origins.get(folder_of(wanted))
        found = self._here.digest() if origin is None else origin.digest  # one that was installed by hand has no origin
        return found in (None, wanted.digest)

    # -- how it ended ------------------------------------------------------------------------------------

    def _prepared(self, wanted: Desired, error: BaseException | None, now: float) -> None:
        if self._stop.is_set():
            self._over()
        elif error is None:
            self._backoff.succeeded(0.0)
            self._book.remember(wanted)
            if self._here.can_try:
                self._phase = _Phase.TRIAL
                self._say(wanted, "trial")
            else:
                self._phase, self._next_at = _Phase.WAITING, now
        elif is_outage(error):
            self._again(wanted, error, now)
        else:
            self._refuse(wanted, sentence(error))

    def _again(self, wanted: Desired, error: BaseException, now: float) -> None:
        """It was this device, or the other side was away: that was no try."""
        self._attempt += 1
        self._next_at = now + 1.0 + self._backoff.next_delay()
        self._say(wanted, "pulling", sentence(error))
        log.log(
            logging.WARNING if self._attempt == 2 else logging.DEBUG,
            "model: %s %s cannot be fetched yet: %s", wanted.name, wanted.version, sentence(error),
        )  # fmt: skip
        self._over()

    def _activated(self, wanted: Desired, error: BaseException | None, now: float) -> None:
        if error is None:
            log.info("model: %s %s looks now, as wished in revision %d", wanted.name, wanted.version, wanted.revision)
            self._is_on_probation(now)
            self._over()
        elif is_outage(error):
            self._phase, self._next_at = _Phase.WAITING, now + _TRIES_AGAIN_AFTER
        else:
            self._book.keep(probation=None)
            self._refuse(wanted, sentence(error))

    def _is_on_probation(self, now: float) -> None:
        probation, report = self._book.now.probation, self._book.now.report
        if probation is None:
            return
        self._probation_until = now + PROBATION
        if report is None or report.revision != probation.revision or report.state != "active":
            told = Report("active", probation.revision, probation.name, probation.version, probation.digest)
            self._book.keep(report=replace(told, previous=None if report is None else report.previous), begun=None)

    def _is_back(self, error: BaseException | None, now: float) -> None:
        self._phase = _Phase.IDLE
        if error is not None and is_outage(error):  # another choice is being carried out
            self._back_at = now + _TRIES_AGAIN_AFTER
            return
        why, probation = self._failing, self._book.now.probation
        self._failing = ""
        if probation is None:
            return
        told = Report("rolled_back", probation.revision, probation.name, probation.version, probation.digest)
        if error is None:
            told = replace(told, previous=" ".join(self._here.model or ()) or None)
            self._book.fail(probation.digest, Failed(probation.revision, "rolled_back", sentence(why)))
        else:
            why = f"{why}; and there is no way back: {sentence(error)}"
            told = replace(told, state="active")
        log.warning("model: %s %s: %s", probation.name, probation.version, why)
        self._book.keep(report=replace(told, error=sentence(why)), probation=None)

    def _repaired(self, error: BaseException | None, result: Any, now: float) -> None:
        self._phase = _Phase.IDLE
        if error is not None:
            delay = _TRIES_AGAIN_AFTER * 2.0 ** min(self._repairs - 1, 6)
            self._repair_at = now + delay
            log.log(
                logging.WARNING if self._repairs == 1 else logging.DEBUG,
                "model: cannot be restored yet: %s", sentence(error),
            )  # fmt: skip
            return
        assert isinstance(result, Repaired)
        report = self._book.now.report
        revision = None if report is None else report.revision
        told = Report("restored", revision, *result.model, result.digest, attempt=self._repairs or 1)
        log.info("model: restored: %s", result.how)
        self._book.keep(report=replace(told, error=f"{self._why_broken}; {result.how}"), probation=None)

    # -- small parts -------------------------------------------------------------------------------------

    def _refuse(self, wanted: Desired, why: str) -> None:
        text = sentence(why)
        log.warning("model: %s %s of revision %d is refused: %s", wanted.name, wanted.version, wanted.revision, text)
        self._book.fail(wanted.digest, Failed(wanted.revision, "refused", text))
        self._say(wanted, "refused", text)
        self._over()

    def _say(self, wanted: Desired, state: str, error: str | None = None) -> None:
        self._book.say(wanted, state, self._here.model, attempt=self._attempt, error=error)

    def _over(self) -> None:
        """Whatever was being worked on is not any more."""
        self._book.keep(begun=None)
        self._work, self._phase, self._is_asked, self._is_untidy = None, _Phase.IDLE, False, True

    def _slow_down(self, now: float) -> None:
        """Wishes that do not wait for each other are begun at growing distances."""
        self._pause = min(_MOST_BETWEEN, 2 * self._pause) if self._is_hurried else max(_BETWEEN, self._pause / 2)
        self._is_hurried = False
        self._begun_at, self._next_at = now, now + self._pause
