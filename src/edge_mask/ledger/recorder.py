"""The recording worker: events in, one transaction for a group of them, never one lost.

    vision ─┐                       ┌─ visits, alerts: commit at once
    sense  ─┼─▶ Mailbox ─▶ Recorder ┼─ the rest: in groups of at most commit_interval
    courier ┘    (waits)            └─ live: straight to the courier, never on the disk

While the database cannot be written (disk full, card gone) the group is kept and tried again; the mailbox fills and its
senders wait, so that nothing that was decided is forgotten. What is live goes past all that.
"""

import logging
import sys
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from queue import SimpleQueue

from sqlalchemy.exc import DBAPIError

from edge_mask.errors import DatabaseError
from edge_mask.ledger.database import is_damage, reason_of
from edge_mask.ledger.drops import Drops
from edge_mask.ledger.intake import Admitted, Intake
from edge_mask.ledger.mail import Barrier, Entry, is_live
from edge_mask.ledger.rows import Batch, Settlement
from edge_mask.ledger.writer import Ledger
from edge_mask.messages import Event, Fault, Message, Outcome, Priority
from edge_mask.rules.effects import EdgeAction
from edge_mask.runtime.backoff import Backoff
from edge_mask.runtime.clock import Clock
from edge_mask.runtime.handoff import Mailbox
from edge_mask.runtime.outage import Outage
from edge_mask.runtime.worker import Finished, Job
from edge_mask.units import Moment, Seconds, Unix

log = logging.getLogger(__name__)

_MOST_IN_A_COMMIT = 500
_HOUSEKEEPING_EVERY = 60.0
_FIRST_HOUSEKEEPING = 5.0
"""Seconds after the start: a daemon that is restarted again and again tidies up, too."""
_GOES_ON_AFTER = 1.0
_LOOKS_FOR_THE_FILE_EVERY = 1.0
_LAST_TRIES = 1.0
_LAST_TRIES_EVERY = 0.2
_LIVE_WAITS = 0.05
"""Seconds that a live message may lie in the mailbox before it is looked at."""
_SHADOW_WAITS = 1.0
"""Seconds that a shadow may wait for company: a rule may write one with each live message, and each commit wears."""


@dataclass(slots=True)
class Settle:
    """A courier's receipts; `done` resolves when they are on the disk."""

    settlements: list[Settlement]
    done: "Future[None]" = field(default_factory=Future)


class Recorder(Job):
    """Owns the ledger; the only writer of the database."""

    name = "ledger"
    drains = True
    patience = Seconds(60.0)

    def __init__(
        self,
        ledger: Ledger,
        intake: Intake,
        mailbox: Mailbox[Entry],
        clock: Clock,
        *,
        commit_interval: Seconds = Seconds(0.05),
        on_live: Callable[[Message], None] = lambda _message: None,
        on_commit: Callable[[], None] = lambda: None,
        on_action: Callable[[EdgeAction], object] = lambda _action: None,
    ) -> None:
        self._ledger = ledger
        self._intake = intake
        self._mailbox = mailbox
        self._clock = clock
        self._interval = commit_interval
        self._on_live = on_live
        self._on_commit = on_commit
        self._on_action = on_action
        self._actions: list[EdgeAction] = []
        self._batch = Batch()
        self._waiting: list[Future[None]] = []
        # Beside the mailbox, which may be full of events that find no room: what is settled makes room.
        self._settles: SimpleQueue[Settle] = SimpleQueue()
        self._due = float("inf")
        self._retry_at = float("-inf")
        self._backoff = Backoff(base=0.2, cap=10.0, settled_after=0.0)
        self._outage = Outage("database", log, self._complain, clock)
        self._gives_up_at = float("inf")
        self._next_housekeeping = clock.now().mono + _FIRST_HOUSEKEEPING
        self._next_look = clock.now().mono + _LOOKS_FOR_THE_FILE_EVERY
        self._drops = Drops()

    def settle(self, settlements: list[Settlement]) -> "Future[None]":
        """A courier's receipts, from any thread; never waits. The future resolves when they are on the disk; it is
        cancelled when the recorder ended first: then the rows are still pending, and sent again after the restart."""
        entry = Settle(settlements)
        self._settles.put(entry)
        return entry.done

    def begin(self) -> None:
        self._report_losses()

    def step(self, stop: threading.Event) -> None:
        for entry in self._next_entries(stop):
            self._admit(entry)
        self._take_settles()
        if self._mailbox.is_closed and self._due < float("inf"):
            self._due = float("-inf")  # stopping: the group does not wait for company
        now = self._clock.now().mono
        if now >= max(self._due, self._retry_at):
            self._commit()
        elif now >= self._next_look and not self._outage.is_open:
            self._look_for_the_file(now)
        elif now >= self._next_housekeeping and not self._outage.is_open:
            self._housekeeping()
        if self._mailbox.is_closed:
            self._finish(now)

    def interrupt(self) -> None:
        self._mailbox.close()

    def end(self) -> None:
        """Whatever is left could not be written in time: say how much, close."""
        rows, left = len(self._batch.events) + len(self._batch.outgoing), self._mailbox.take_many(sys.maxsize, 0.0)
        events = sum(not isinstance(entry, Barrier) and not is_live(entry) for entry in left)
        if rows or events:
            log.error(
                "database: %d rows could not be written before the stop, %d events behind them neither; they are lost",
                rows,
                events,
            )
        self._waiting += [entry.done for entry in left if isinstance(entry, Barrier)]
        while not self._settles.empty():
            self._waiting.append(self._settles.get_nowait().done)
        for future in self._waiting:
            future.cancel()
        self._ledger.close(with_shadows=not len(self._batch) and not events)

    def _next_entries(self, stop: threading.Event) -> list[Entry]:
        """What fits into the batch. While it is full, what must be stored keeps its place in the mailbox; what is live
        goes on, unless rules have made so many rows of it that it has to wait as well."""
        room = _MOST_IN_A_COMMIT - len(self._batch.events) - len(self._batch.outgoing)
        if room > 0:
            return self._mailbox.take_many(room, self._patience())
        if room > -_MOST_IN_A_COMMIT:
            return self._mailbox.take_only(is_live, self._patience())
        self._clock.wait(stop, self._patience())
        return []

    def _patience(self) -> Seconds:
        due = max(self._due, self._retry_at)
        return Seconds(min(_LIVE_WAITS, max(0.0, due - self._clock.now().mono)))

    def _admit(self, entry: Entry) -> None:
        match entry:
            case Barrier():
                self._waiting.append(entry.done)
                self._due = float("-inf")
            case _:
                self._admit_event(entry)

    def _take_settles(self) -> None:
        while not self._settles.empty():
            entry = self._settles.get_nowait()
            self._batch.settlements += entry.settlements
            if any(each.is_delivered for each in entry.settlements):
                self._intake.uploaded(self._clock.now())
            self._regret([each for each in entry.settlements if each.receipt.outcome is Outcome.REFUSED])
            self._waiting.append(entry.done)
            self._due = min(self._due, self._clock.now().mono + self._interval)

    def _admit_event(self, event: Event) -> None:
        self._take(self._intake.admit(event))

    def _regret(self, refused: Sequence[Settlement]) -> None:
        """A message that a rule sent was refused for good: the rule's error action has its turn."""
        for settlement in refused:
            try:
                pending = self._ledger.waiting(settlement.row)
            except (DBAPIError, DatabaseError) as error:
                log.debug("database: a refused message cannot be looked up: %s", error)
                continue
            if pending is not None and pending.message.id == settlement.id:
                at = Moment(Seconds(pending.mono), Unix(pending.wall), pending.clock_was_set)
                self._take(self._intake.refused(pending.message, at, settlement.receipt.reason))

    def _take(self, admitted: Admitted) -> None:
        self._batch.events += admitted.events
        self._batch.outgoing += admitted.outgoing
        self._actions += admitted.actions
        for message in admitted.live:
            self._on_live(message)
        if admitted.is_stored:
            wait = 0.0 if admitted.priority <= Priority.EVIDENCE else self._interval
            self._due = min(self._due, self._clock.now().mono + wait)
        elif self._ledger.sequences.is_dirty or self._actions:
            self._due = min(self._due, self._clock.now().mono + self._interval)
        elif self._ledger.shadows.is_dirty:
            self._due = min(self._due, self._clock.now().mono + max(self._interval, _SHADOW_WAITS))

    def _commit(self) -> None:
        now = self._clock.now()
        try:
            self._ledger.follow()
            dropped = self._ledger.commit(self._batch, now)
        except (DBAPIError, DatabaseError) as error:
            self._failed(error)
            return
        except (ValueError, OverflowError, TypeError) as error:
            self._set_apart(error)
            return
        self._batch = Batch()
        self._due = float("inf")
        self._backoff.succeeded(0.0)
        self._outage.end()
        self._drops.tell(dropped, now.mono)
        self._report_losses()
        self._on_commit()
        actions, self._actions = self._actions, []
        for action in actions:  # only now: what led to them is on the disk
            self._on_action(action)
        waiting, self._waiting = self._waiting, []
        for future in waiting:
            future.set_result(None)

    def _set_apart(self, error: Exception) -> None:
        """Some value cannot be written, today or ever: its row alone is given up, not the company that it came in."""
        batch = self._batch
        try:
            events = [row for row in batch.events if self._ledger.can_hold(Batch(events=[row]))]
            outgoing = [row for row in batch.outgoing if self._ledger.can_hold(Batch(outgoing=[row]))]
        except (DBAPIError, DatabaseError) as meanwhile:  # the disk, say: no row is given up for that
            self._failed(meanwhile)
            return
        lost = len(batch.events) + len(batch.outgoing) - len(events) - len(outgoing)
        if not lost:
            self._failed(error)
            return
        batch.events, batch.outgoing = events, outgoing
        text = f"{lost} rows hold what no database can ({type(error).__name__}: {error}) and were given up"
        log.error("database: %s", text)
        self._admit_event(Fault(at=self._clock.now(), component="database", code="unwritable", text=text))
        self._due = float("-inf")

    def _failed(self, error: Exception) -> None:
        """Keep the group, reopen the file when it may not be trusted any more, try again later."""
        self._retry_at = self._clock.now().mono + self._backoff.next_delay()
        reason = reason_of(error)
        self._outage.begin("write_failed", f"cannot be written: {reason}; recording waits")
        if "disk is full" in reason and not isinstance(error, DatabaseError):
            self._make_room()
        elif isinstance(error, DatabaseError) or is_damage(error) or "disk I/O error" in reason:
            try:
                self._ledger.reopen()
            except (DBAPIError, DatabaseError) as again:
                log.debug("database: cannot be opened again: %s", again)
            else:
                self._report_losses()

    def _make_room(self) -> None:
        """Settle what has been sent, alone: that needs little room and makes some."""
        try:
            self._ledger.make_room()
            if self._batch.settlements:
                self._ledger.settle(self._batch.settlements, self._clock.now())
        except (DBAPIError, DatabaseError) as error:
            log.debug("database: no room yet: %s", reason_of(error))
        else:
            self._batch.settlements = []
            self._on_commit()

    def _complain(self, fault: Fault) -> None:
        """The database's own trouble is also told at once: a copy goes out live, under the same id."""
        admitted = self._intake.admit(fault)
        for row in admitted.outgoing:
            self._on_live(row.message)
        self._take(admitted)

    def _look_for_the_file(self, now: float) -> None:
        """Somebody may have taken it away while there was nothing to write."""
        self._next_look = now + _LOOKS_FOR_THE_FILE_EVERY
        try:
            self._ledger.follow()
        except DatabaseError as error:
            self._failed(error)
        else:
            self._report_losses()

    def _report_losses(self) -> None:
        """What is gone for good, once."""
        ledger = self._ledger
        salvaged, ledger.salvaged = ledger.salvaged, None
        vanished, ledger.vanished = ledger.vanished, ""
        for code, text in (("damaged", salvaged), ("vanished", vanished)):
            if text:
                self._admit_event(Fault(at=self._clock.now(), component="database", code=code, text=str(text)))

    def _housekeeping(self) -> None:
        now = self._clock.now()
        self._next_housekeeping = now.mono + _HOUSEKEEPING_EVERY
        try:
            if self._ledger.housekeeping(now):
                self._next_housekeeping = now.mono + _GOES_ON_AFTER
        except (DBAPIError, DatabaseError) as error:
            log.debug("database: housekeeping put off: %s", reason_of(error))

    def _finish(self, now: float) -> None:
        """Stopping: until everything is written; while nothing can be written, for a few more tries."""
        if not (len(self._mailbox) or len(self._batch) or self._waiting) and self._settles.empty():
            raise Finished
        if not self._outage.is_open:
            self._gives_up_at = float("inf")
            return
        self._gives_up_at = min(self._gives_up_at, now + _LAST_TRIES)
        self._retry_at = min(self._retry_at, now + _LAST_TRIES_EVERY)  # the next try may have been seconds away
        if now >= self._gives_up_at:
            raise Finished
