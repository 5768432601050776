"""The inspector: it checks the database beside the recorder, and asks the recorder to mend damage.

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
from edge_mask.recording.requests import Condemn, Mend
from edge_mask.runtime.clock import Clock
from edge_mask.runtime.outage import Backoff
from edge_mask.runtime.worker import Job, keep_waiting
from edge_mask.units import Seconds

log = logging.getLogger(__name__)

_FIRST_AFTER = Seconds(5.0)
_EVERY = Seconds(6 * 3600.0)
_AGAIN_AFTER = Seconds(60.0)
"""Seconds after an inspection that failed because the disk is full or the file is missing."""
_NAP = Seconds(10.0)
"""Seconds between signs of life."""
_PAUSE = Seconds(0.002)
"""Seconds between two parts of a table: other threads need the processor."""
_MOST_AT_ONCE = 500


class Inspector(Job):
    """`look_now` and `has_looked` may be called from any thread."""

    name = "inspector"
    patience = Seconds(900.0)  # reading a large file from a slow card takes long

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
        """Inspections by number; the first, after the start, is always wanted."""

    def look_now(self) -> None:
        """Inspect soon: somebody has found damage."""
        self._wanted += 1
        self._asked.set()

    def has_looked(self) -> bool:
        """Whether an inspection has ended since the start, and since damage was found; if not, one begins now."""
        done = self._done  # read first: another thread may want one meanwhile, and then the answer is no
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
        if self._wanted > wanted > 1:  # somebody finds damage again and again: leave time for others
            self._clock.wait(stop, self._backoff.next_delay())

    def interrupt(self) -> None:
        self._asked.set()
        self._inspection.interrupt()

    def end(self) -> None:
        self._inspection.close()

    def _look(self, stop: threading.Event) -> bool:
        """Whether the whole file could be read."""
        file = self._inspection.file
        try:
            if reason := self._inspection.broken_pages():
                return self._condemn(reason, file)
            self._look_at_rows(stop)
        except DatabaseError as error:
            if is_damage(error):
                return self._condemn(str(error), file)
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

    def _condemn(self, reason: str, file: tuple[int, int]) -> bool:
        log.warning("database: the file is damaged (%s)", reason)
        if not self._answered(Condemn(reason, file)):
            return False
        self.look_now()  # the new file, too: rows that were carried over may be damaged
        return True

    def _answered(self, request: Mend | Condemn) -> bool:
        """Whether the recorder did it; waits for the answer without a limit."""
        self._ask(request)
        answers: list[Future[Any]] = [request.answer]
        while not wait(answers, 0.5).done:  # half a second between signs of life
            if not keep_waiting():
                return False
        try:
            request.answer.result()
        except (EdgeMaskError, CancelledError) as error:
            log.debug("inspector: not mended now: %s", error)
            return False
        return True
