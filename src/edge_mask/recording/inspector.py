"""The inspector: looks through the database beside the recorder, and asks it to mend what is damaged.

after the start · at intervals · when a courier stumbles over a row
    └─▶ pages, counts, rows ──Mend, Condemn──▶ recorder
"""

import logging
import threading
from collections.abc import Callable
from concurrent.futures import CancelledError, Future, wait
from typing import Any

from edge_mask.errors import DatabaseError, EdgeMaskError
from edge_mask.ledger.connections import is_damage
from edge_mask.ledger.inspection import Damage, Inspection
from edge_mask.recording.mail import Condemn, Mend
from edge_mask.runtime.clock import Clock
from edge_mask.runtime.outage import Backoff
from edge_mask.runtime.worker import Job, keep_waiting
from edge_mask.units import Seconds

log = logging.getLogger(__name__)

_FIRST_AFTER = Seconds(5.0)
_EVERY = Seconds(6 * 3600.0)
_AGAIN_AFTER = Seconds(60.0)
"""Seconds after an inspection that could not be made: the disk is full, the file is away."""
_NAP = Seconds(10.0)
"""Seconds between signs of life."""
_PAUSE = Seconds(0.002)
"""Seconds between two parts of a table: the others want the processor, too."""
_MOST_AT_ONCE = 500


class Inspector(Job):
    """`look_now` and `has_looked` may be called from any thread."""

    name = "inspector"
    patience = Seconds(900.0)  # reading a large file from a slow card takes its time

    def __init__(
        self,
        inspection: Inspection,
        ask: Callable[[Mend | Condemn], bool],
        clock: Clock,
        *,
        first_after: Seconds = _FIRST_AFTER,
        every: Seconds = _EVERY,
    ) -> None:
        self._inspection = inspection
        self._ask = ask
        self._clock = clock
        self._every = every
        self._due: float = clock.now().mono + first_after
        self._asked = threading.Event()
        self._backoff = Backoff(base=1.0, cap=60.0, settled_after=60.0)
        self._wanted, self._done = 1, 0
        """Inspections, by number: the one after the start is always wanted."""

    def look_now(self) -> None:
        """Somebody has found damage."""
        self._wanted += 1
        self._asked.set()

    def has_looked(self) -> bool:
        """Whether the file has been looked through since the start, and since damage was found; else it is now."""
        done = self._done  # read first: what is wanted after that makes the answer no
        if done >= self._wanted:
            return True
        self._asked.set()
        return False

    def step(self, stop: threading.Event) -> None:
        now = self._clock.now().mono
        self._asked.wait(min(_NAP, max(0.0, self._due - now)))
        if stop.is_set() or not (self._asked.is_set() or self._clock.now().mono >= self._due):
            return
        self._asked.clear()
        wanted = self._wanted
        began = self._clock.now().mono
        self._due = began + (self._every if self._look(stop) else _AGAIN_AFTER)
        self._done = wanted
        if self._wanted > wanted > 1:  # somebody stumbles on and on: not all the time for that
            self._clock.wait(stop, self._backoff.next_delay())

    def interrupt(self) -> None:
        self._asked.set()
        self._inspection.interrupt()

    def end(self) -> None:
        self._inspection.close()

    def _look(self, stop: threading.Event) -> bool:
        """Whether the whole file could be read."""
        try:
            if reason := self._inspection.broken_pages():
                return self._condemn(reason)
            self._look_at_rows(stop)
        except DatabaseError as error:
            if is_damage(error):
                return self._condemn(str(error))
            log.debug("inspector: the database cannot be looked through now: %s", error)
            return False
        finally:
            self._inspection.close()
        return True

    def _look_at_rows(self, stop: threading.Event) -> None:
        damage: list[Damage] = []
        is_miscounted = self._inspection.is_miscounted()
        for found in self._inspection.damage():
            damage += found
            if len(damage) >= _MOST_AT_ONCE:
                self._answered(Mend(damage))
                damage = []
            self._clock.wait(stop, _PAUSE)
            if not keep_waiting():
                return
        if damage or is_miscounted:
            self._answered(Mend(damage))

    def _condemn(self, reason: str) -> bool:
        log.warning("database: the file is damaged (%s)", reason)
        if not self._answered(Condemn(reason)):
            return False
        self.look_now()  # into the new one, too: what was carried over may be damaged in itself
        return True

    def _answered(self, request: Mend | Condemn) -> bool:
        """Whether the recorder did it; waits as long as it takes."""
        self._ask(request)
        answers: list[Future[Any]] = [request.answer]
        while not wait(answers, 0.5).done:
            if not keep_waiting():
                return False
        try:
            request.answer.result()
        except (EdgeMaskError, CancelledError) as error:
            log.debug("inspector: not mended now: %s", error)
            return False
        return True
