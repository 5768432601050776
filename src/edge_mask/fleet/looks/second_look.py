"""Second looks: who was judged narrowly is looked at again, by another device, while the gate goes on.

lane ──visit, look──▶ offer: an id, the part around the face ──▶ kept until the visit is on the disk
recorder ──visit recorded──▶ queue ──worker──▶ budget, breaker ──▶ blur, JPEG ──▶ analyser
                                                   recorder ◀── Amendment ◀── the same face? ◀─┘

A picture never leaves before its visit is recorded, and an amendment never comes before it. What is erased, or does not
fit, is dropped and counted: it was a frame. An amendment is an event, and is not lost.
"""

import logging
import threading
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from edge_mask.decide.second_look import is_narrow, reconsidered
from edge_mask.fleet.frames.answer import PeerAnswer
from edge_mask.fleet.looks.asker import Asker, NoAnswer, Question
from edge_mask.fleet.looks.face_picture import Cut, cut, picture_of, same_face
from edge_mask.fleet.looks.standing import Standing
from edge_mask.kinds import VISITS, Kind
from edge_mask.messages import Amendment, Event, Face, Message, Shot, Visit
from edge_mask.runtime.clock import Clock
from edge_mask.runtime.worker import Job
from edge_mask.units import Moment, Seconds

log = logging.getLogger(__name__)

MOST_WAITING: Final = 8
"""Faces in memory at a time; newer ones are dropped."""
_OUTLIVED: Final = 300.0
"""Seconds after which nobody wants to know any more; a passage is waited for a minute at most."""
_IDLE: Final = 10.0
_TO_CLOSE: Final = Seconds(1.0)


@dataclass(frozen=True, slots=True, eq=False)
class _Narrow:
    """One visit that shall be looked at again."""

    visit: Visit
    face: Cut


class SecondLooks(Job):
    """`offer` is called by a lane, `recorded` and `forget` by the recorder; all return at once and never raise."""

    name = "second look"

    def __init__(
        self,
        asker: Asker,
        standing: Standing,
        emit: Callable[[Amendment], None],
        new_id: Callable[[Moment], str],
        clock: Clock,
        *,
        band: float,
        per_hour: int,
        pass_score: float,
        patience: Seconds,
    ) -> None:
        """`patience`: seconds that one question takes at most."""
        self.patience = Seconds(30.0 + patience)
        self._asker = asker
        self._standing = standing
        self._emit = emit
        self._new_id = new_id
        self._clock = clock
        self._band = band
        self._per_hour = per_hour
        self._pass_score = pass_score
        self._changed = threading.Condition()
        self._held: OrderedDict[str, _Narrow] = OrderedDict()
        """By id, until they are recorded."""
        self._ready: deque[_Narrow] = deque()
        self._erasures = 0
        self._is_ending = False

    # -- from other threads ------------------------------------------------------------------------------

    def offer(self, event: Event, shot: Shot | None) -> Event:
        """The event; a visit that shall be looked at again has an id from now on."""
        if not isinstance(event, Visit) or not is_narrow(event, self._band):
            return event
        face = None if shot is None else cut(shot, event.track)
        with self._changed:
            self._forget_outlived()
            if face is None or len(self._held) + len(self._ready) >= MOST_WAITING:
                self._count("dropped")
                return event
            named = replace(event, id=event.id or self._new_id(event.at))
            self._held[named.id] = _Narrow(replace(named, record=None), face)
        return named

    def recorded(self, kind: Kind, message: Message) -> None:
        """An event is on the disk."""
        if kind is not VISITS:
            return
        with self._changed:
            if (narrow := self._held.pop(message.id, None)) is not None:
                self._ready.append(narrow)
                self._changed.notify_all()

    def forget(self) -> None:
        """Something was erased: perhaps one of these."""
        with self._changed:
            for _ in range(len(self._held) + len(self._ready)):
                self._count("erased")
            self._erasures += 1
            self._held.clear()
            self._ready.clear()

    def interrupt(self) -> None:
        with self._changed:
            self._is_ending = True
            self._changed.notify_all()
        self._asker.interrupt()

    # -- the worker --------------------------------------------------------------------------------------

    def begin(self) -> None:
        self._asker.open()

    def step(self, stop: threading.Event) -> None:  # noqa: ARG002 (`interrupt` wakes it)
        with self._changed:
            if not self._changed.wait_for(lambda: self._ready or self._is_ending, _IDLE) or self._is_ending:
                return
            narrow, erasures = self._ready.popleft(), self._erasures
        self._count(self._look_again(narrow, erasures))

    def end(self) -> None:
        self._asker.close(_TO_CLOSE)

    def _look_again(self, narrow: _Narrow, erasures: int) -> str:
        """One question, and what comes of it: an outcome."""
        breaker = self._standing.breaker
        if not self._asker.can_ask:
            return "offline"  # the connection to the broker is away, which is told elsewhere
        if not breaker.lets_through():
            return "paused"
        if not self._standing.budget.take(self._per_hour, self._clock.now().mono):
            return "over_budget"
        picture = picture_of(narrow.face)
        if picture is None:
            return "dropped"
        sent, box = picture
        try:
            answer = self._asker.ask(Question(sent, narrow.face.camera, narrow.face.frame))
        except NoAnswer as error:
            log.debug("second look: %s", error)
            if error.code not in ("busy", "dropped"):  # nobody is at fault
                breaker.failed(error.code, str(error))
            return error.code
        breaker.answered()
        with self._changed:
            if erasures != self._erasures:
                return "erased"
        face = same_face(answer.faces, box)
        return "nobody" if face is None else self._amend(narrow.visit, answer, face)

    def _amend(self, visit: Visit, answer: PeerAnswer, face: Face) -> str:
        now = self._clock.now()
        verdict, reasons = reconsidered(visit.mask, visit.reasons, face.label, face.score, self._pass_score)
        amendment = Amendment(
            at=now,
            amends=visit.id,
            camera=visit.camera,
            was=visit.verdict,
            verdict=verdict,
            reasons=reasons,
            mask=face.label,
            mask_score=face.score,
            by=self._asker.who,
            model=answer.model,
            delay_ms=max(0, round(1000 * (now.mono - visit.at.mono))),
        )
        self._emit(amendment)
        return "agreed" if verdict == visit.verdict else "changed"

    def _forget_outlived(self) -> None:
        """What was never recorded, and what waited too long."""
        now = self._clock.now().mono
        for narrow in [each for each in self._held.values() if now - each.visit.at.mono > _OUTLIVED]:
            del self._held[narrow.visit.id]
            self._count("dropped")

    def _count(self, outcome: str) -> None:
        self._standing.counts[outcome] += 1
