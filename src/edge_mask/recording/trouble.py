"""Trouble with the database: what the recorder does when it cannot be written, and what it tells about losses.

disk full ──────────▶ drop the ballast, write receipts alone     try again, later and later
damaged, I/O error ─▶ open again; still damaged: salvage         until a commit succeeds
one odd value ──────▶ give up its row, keep the others
"""

import logging
from collections.abc import Callable

from edge_mask.errors import DatabaseError
from edge_mask.ledger.bounds import Dropped
from edge_mask.ledger.connections import is_damage, is_full
from edge_mask.ledger.rows import Batch
from edge_mask.ledger.unwritable import Unwritable
from edge_mask.ledger.writer import Ledger
from edge_mask.messages import Fault
from edge_mask.plural import counted
from edge_mask.runtime.clock import Clock
from edge_mask.runtime.outage import Backoff, Outage

log = logging.getLogger(__name__)

_LAST_TRIES = 1.0
_LAST_TRIES_EVERY = 0.2
_OVER_AFTER = 600.0
"""Seconds without a drop after which the next one is worth a line again: in one outage each reading drops another."""

_CAUSES = {
    "space": "over its budget (outbox.max_bytes), dropping the oldest messages (seq shows the gaps)",
    "age": "dropping messages older than outbox.max_age (seq shows the gaps)",
    "refused": "dropping messages that the other side had refused: they are too old, or their room is needed",
}


class Trouble:
    """Keeps the state of an outage and repairs what it can. The recorder's thread uses it."""

    def __init__(
        self,
        ledger: Ledger,
        clock: Clock,
        *,
        record: Callable[[Fault], None],
        complain: Callable[[Fault], None],
        on_change: Callable[[], None],
    ) -> None:
        """`record` keeps a fault, `complain` also sends it at once; `on_change`: the outbox holds other rows now."""
        self._ledger = ledger
        self._clock = clock
        self._record = record
        self._on_change = on_change
        self._outage = Outage("database", log, complain, clock)
        self._backoff = Backoff(base=0.2, cap=10.0, settled_after=0.0)
        self._gives_up_at = float("inf")
        self._is_suspect = False
        """The file raised damage and was opened again, but no commit has succeeded since."""
        self._dropped_at: dict[str, float] = {}
        """When messages were last dropped, by cause."""
        self.retry_at = float("-inf")
        self.reason = ""
        """Why the last commit failed; empty when it did not."""

    @property
    def is_open(self) -> bool:
        """Whether the last commit failed."""
        return self._outage.is_open

    def over(self, dropped: Dropped, now: float) -> None:
        """A commit has succeeded, and dropped these messages."""
        self._is_suspect = False
        self._backoff.succeeded(0.0)
        self._outage.end()
        self.reason = ""
        self._tell_drops(dropped, now)
        self.report_losses()

    def failed(self, error: DatabaseError, batch: Batch) -> None:
        """Nothing of the batch was written: repair what can be repaired, and set the time of the next try."""
        self.retry_at = self._clock.now().mono + self._backoff.next_delay()
        self.reason = f"the database cannot be written ({error})"
        self._outage.begin("write_failed", f"cannot be written: {error}; recording waits")
        if is_full(error) and self._ledger.file.is_open:
            self._make_room(batch)
        elif not self._ledger.file.is_open or is_damage(error) or "disk I/O error" in str(error):
            self._open_again(error)

    def set_apart(self, error: Unwritable, batch: Batch) -> bool:
        """Give up the rows with values that never can be written; True when the rest can be tried at once."""
        try:
            self._ledger.mend((), self._clock.now())  # a damaged total raises the same error, and costs no row
            events = [row for row in batch.events if self._ledger.can_hold(Batch(events=[row]))]
            outgoing = [row for row in batch.outgoing if self._ledger.can_hold(Batch(outgoing=[row]))]
            series = [row for row in batch.series if self._ledger.can_hold(Batch(series=[row]))]
        except DatabaseError as meanwhile:  # a full disk, for example, is no reason to give up a row
            self.failed(meanwhile, batch)
            return False
        lost = len(batch.events) + len(batch.outgoing) + len(batch.series) - len(events) - len(outgoing) - len(series)
        if not lost:
            self.failed(error, batch)
            return False
        batch.events, batch.outgoing, batch.series = events, outgoing, series
        gone = counted(lost, "row was given up that holds", "rows were given up that hold")
        text = f"{gone} what no database can ({error})"
        log.error("database: %s", text)
        self.report("unwritable", text)
        return True

    def look_for_the_file(self, batch: Batch) -> None:
        """Somebody may have deleted or moved it while there was nothing to write."""
        try:
            self._ledger.file.follow()
        except DatabaseError as error:
            self.failed(error, batch)
        else:
            self.report_losses()

    def is_hopeless(self, now: float) -> bool:
        """At the stop: True when the last tries are over and nothing can be written still."""
        if not self.is_open:
            self._gives_up_at = float("inf")
            return False
        self._gives_up_at = min(self._gives_up_at, now + _LAST_TRIES)
        self.retry_at = min(self.retry_at, now + _LAST_TRIES_EVERY)  # the next try may have been seconds away
        return now >= self._gives_up_at

    def report_losses(self) -> None:
        """Tell once what a damaged or deleted file has cost."""
        file = self._ledger.file
        salvaged, file.salvaged = file.salvaged, None
        vanished, file.vanished = file.vanished, ""
        self.report("damaged", "" if salvaged is None else str(salvaged))
        self.report("vanished", vanished)

    def report(self, code: str, text: str) -> None:
        """One `errors` message; none for an empty text."""
        if text:
            self._record(Fault(at=self._clock.now(), component="database", code=code, text=text))

    def _open_again(self, error: DatabaseError) -> None:
        try:
            if self._is_suspect and is_damage(error):
                self._ledger.file.condemn(str(error))  # no check finds the damage, but nothing can be written
            else:
                self._ledger.file.reopen()
            self._is_suspect = is_damage(error)
        except DatabaseError as again:
            log.debug("database: cannot be opened again: %s", again)
        else:
            self.report_losses()

    def _make_room(self, batch: Batch) -> None:
        """Write the receipts alone: that needs little room, and deletes what was sent."""
        try:
            self._ledger.file.make_room()
            if batch.settlements:
                self._ledger.settle(batch.settlements, self._clock.now())
        except DatabaseError as error:
            log.debug("database: no room yet: %s", error)
        else:
            batch.settlements = []
            self._on_change()

    def _tell_drops(self, dropped: Dropped, now: float) -> None:
        """One line when drops begin, not one for each commit: in one outage some commits drop and some just fit."""
        for cause, what in _CAUSES.items():
            if getattr(dropped, cause):
                if now - self._dropped_at.get(cause, float("-inf")) > _OVER_AFTER:
                    log.warning("outbox: %s", what)
                self._dropped_at[cause] = now
