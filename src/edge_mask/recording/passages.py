"""The desk where visits wait until it is known whether their persons go through.

vision ──verdict──▶ Held ──▶ recorder (committed at once)
   └──────────────▶ Mailbox ──▶ PassageWatch ──Settled, tailgating──▶ recorder
sensor ──passage──────▲
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from edge_mask.decide.passage import PassagePolicy, PassageWatch
from edge_mask.messages import Alert, Held, Reading, Settled, Visit
from edge_mask.runtime.clock import Clock
from edge_mask.runtime.handoff import Closed, Mailbox
from edge_mask.runtime.worker import Finished, Job, keep_waiting
from edge_mask.units import Moment

_CAPACITY: Final = 1000
_AT_A_TIME: Final = 100
_LONGEST_WAIT: Final = 10.0
_SIGN_OF_LIFE: Final = 0.5


@dataclass(frozen=True, slots=True)
class _Heard:
    """What the sensor said, or that it is gone."""

    at: Moment
    value: float | None = None
    is_change: bool = True


class PassageDesk(Job):
    """`hold` is called by vision; `said`, `stands` and `gone` by the sensor's thread (a Listener)."""

    name = "passages"
    drains = True

    def __init__(
        self,
        policy: PassagePolicy,
        emit: Callable[[Held | Settled | Alert], None],
        new_id: Callable[[Moment], str],
        clock: Clock,
    ) -> None:
        """`emit` may wait."""
        self._watch = PassageWatch(policy)
        self._emit = emit
        self._new_id = new_id
        self._clock = clock
        self._mailbox: Mailbox[Held | _Heard] = Mailbox(_CAPACITY)
        self._was_connected = False
        self._has_missed = False
        """The sensor said more than could be taken."""
        self._given = self._done = 0
        self._is_quiet = True

    @property
    def is_settled(self) -> bool:
        """Whether nobody is waited for. Any thread may ask."""
        return self._done == self._given and self._is_quiet

    def hold(self, visit: Visit) -> None:
        """Keep a visit until it is known whether its person goes through. One thread at a time calls it."""
        held = Held(id=visit.id or self._new_id(visit.at), visit=visit)
        self._given += 1
        self._emit(held)  # on the disk first: whatever happens, it becomes a visit
        if not self._is_taken(held):
            self._done += 1
            self._emit(Settled(id=held.id, visit=visit))

    def said(self, reading: Reading) -> None:
        self._hear(_Heard(reading.at, reading.value))

    def stands(self, reading: Reading) -> None:
        self._hear(_Heard(reading.at, reading.value, is_change=False))

    def gone(self, at: Moment) -> None:
        self._hear(_Heard(at))

    def connection_changed(self, connected: bool) -> None:
        """For a sensor that speaks through the broker: without a connection nobody hears it."""
        if self._was_connected and not connected:
            self.gone(self._clock.now())
        self._was_connected = connected

    # -- the worker --------------------------------------------------------------------------------------

    def step(self, stop: threading.Event) -> None:  # noqa: ARG002 (it drains: it ends when its mailbox is empty)
        entries = self._mailbox.take_many(_AT_A_TIME, self._patience())
        self._is_quiet = False
        for entry in entries:
            self._take(entry)
        self._say(self._watch.tick(self._clock.now().mono))
        self._is_quiet = self._watch.is_empty
        self._done += sum(isinstance(entry, Held) for entry in entries)
        if not entries and self._mailbox.is_closed:
            raise Finished

    def interrupt(self) -> None:
        self._mailbox.close()

    def end(self) -> None:
        """Nobody looks any more: what waits is settled now, as not known."""
        self._say(self._watch.finish())

    def _patience(self) -> float:
        due = self._watch.next_due
        return _LONGEST_WAIT if due is None else min(_LONGEST_WAIT, max(0.0, due - self._clock.now().mono))

    def _take(self, entry: Held | _Heard) -> None:
        match entry:
            case Held(id=visit_id, visit=visit):
                self._say(self._watch.judged(visit_id, visit))
            case _Heard(at=at, value=None):
                self._watch.gone(at)
            case _Heard(at=at, value=float(value), is_change=True):
                self._say(self._watch.said(value, at))
            case _Heard(at=at, value=float(value)):
                self._watch.stands(value, at)

    def _is_taken(self, held: Held) -> bool:
        """Waits for room; False when the desk has ended, or the house stops meanwhile."""
        try:
            while not self._mailbox.put(held, _SIGN_OF_LIFE):
                if not keep_waiting():
                    return False
        except Closed:
            return False
        return True

    def _hear(self, heard: _Heard) -> None:
        """Never waits: a sensor that says more than anybody can follow is as good as away."""
        try:
            if self._has_missed and self._mailbox.put(_Heard(heard.at), 0.0):
                self._has_missed = False
            self._has_missed = self._has_missed or not self._mailbox.put(heard, 0.0)
        except Closed:
            pass

    def _say(self, events: list[Settled | Alert]) -> None:
        for event in events:
            self._emit(event)
