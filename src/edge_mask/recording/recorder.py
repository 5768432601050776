"""The recording worker: events in, one transaction for a group of them, never one lost.

    vision ─┐                       ┌─ visits, alerts: commit at once
    sense  ─┼─▶ Mailbox ─▶ Recorder ┼─ the rest: in groups of at most commit_interval
    courier ┘    (waits)            └─ live: straight to the courier, never on the disk

While the database cannot be written (disk full, card gone) the group is kept and tried again; the mailbox fills and its
senders wait, so that nothing that was decided is forgotten. What is live goes past all that. The thread sleeps until
something is put into the mailbox, or something is due.
"""

import logging
import sys
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from queue import SimpleQueue
from typing import Any

from edge_mask.errors import DatabaseError, EdgeMaskError
from edge_mask.ledger.connections import is_damage, is_full
from edge_mask.ledger.rows import Batch, Settlement
from edge_mask.ledger.writer import Ledger, Unwritable
from edge_mask.messages import Fault, Message, Outcome, Priority
from edge_mask.recording.intake import Admitted, Intake
from edge_mask.recording.losses import Drops
from edge_mask.recording.mail import Barrier, Condemn, Entry, Mend, Purge, ReadShadow, Request, UpdateShadow, is_live
from edge_mask.rules.effects import EdgeAction
from edge_mask.runtime.clock import Clock
from edge_mask.runtime.handoff import Mailbox
from edge_mask.runtime.outage import Backoff, Outage
from edge_mask.runtime.worker import Finished, Job
from edge_mask.units import Moment, Seconds, Unix

log = logging.getLogger(__name__)

_MOST_IN_A_COMMIT = 500
_HOUSEKEEPING_EVERY = 60.0
_FIRST_HOUSEKEEPING = 5.0
"""Seconds after the start: a daemon that is restarted again and again tidies up, too."""
_GOES_ON_AFTER = 1.0
_LOOKS_FOR_THE_FILE_EVERY = 10.0
"""Seconds, while nothing is written: each commit looks by itself whether the file is still there."""
_LAST_TRIES = 1.0
_LAST_TRIES_EVERY = 0.2
_LIVE_WAITS = 0.05
"""Seconds that a live message may lie in the mailbox while others like it come; the first one of them wakes us."""
_LIVE_COMES_ON = 0.5
"""Seconds between two live messages from which on each wakes us: sleeping costs less than looking."""
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
        self._waiting: list[tuple[Future[Any], Any]] = []
        """Who waits for the next commit, and what they are told then."""
        self._live_at = self._naps_until = float("-inf")
        self._is_suspect = False
        """The file raised damage, and was opened again since."""
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
        self._mailbox.poke()
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
        events = sum(not isinstance(entry, Request) and not is_live(entry) for entry in left)
        if rows or events:
            log.error(
                "database: %d rows could not be written before the stop, %d events behind them neither; they are lost",
                rows,
                events,
            )
        self._waiting += [(entry.answer, None) for entry in left if isinstance(entry, Request)]
        while not self._settles.empty():
            self._waiting.append((self._settles.get_nowait().done, None))
        for future, _ in self._waiting:
            future.cancel()
        self._ledger.close(with_shadows=not len(self._batch) and not events)

    def _next_entries(self, stop: threading.Event) -> list[Entry]:
        """What fits into the batch. While it is full, what must be stored keeps its place in the mailbox; what is live
        goes on, unless rules have made so many rows of it that it has to wait as well."""
        room = _MOST_IN_A_COMMIT - len(self._batch.events) - len(self._batch.outgoing)
        timeout = self._patience()
        if room > 0:
            entries = self._mailbox.take_many(room, timeout, is_deep=timeout > _LIVE_WAITS)
        elif room > -_MOST_IN_A_COMMIT:
            entries = self._mailbox.take_only(is_live, timeout, is_deep=timeout > _LIVE_WAITS)
        else:
            self._clock.wait(stop, Seconds(min(_LIVE_WAITS, timeout)))
            entries = []
        return entries

    def _patience(self) -> Seconds:
        """How long to sleep. While live messages come one upon the other, short naps instead: see `post`."""
        now = self._clock.now().mono
        due = max(self._due, self._retry_at)
        if not self._outage.is_open:
            due = min(due, self._next_look, self._next_housekeeping)
        if now < self._naps_until:
            due = min(due, now + _LIVE_WAITS)
        return Seconds(max(0.0, due - now))

    def _admit(self, entry: Entry) -> None:
        match entry:
            case Barrier():
                self._waiting.append((entry.answer, None))
                self._due = float("-inf")
            case ReadShadow() | UpdateShadow() | Purge() | Mend() | Condemn():
                self._answer(entry)
            case _:
                if is_live(entry):
                    self._expect_live()
                self._take(self._intake.admit(entry))

    def _expect_live(self) -> None:
        now = self._clock.now().mono
        if now - self._live_at < _LIVE_COMES_ON:
            self._naps_until = now + _LIVE_COMES_ON
        self._live_at = now

    def _answer(self, request: ReadShadow | UpdateShadow | Purge | Mend | Condemn) -> None:
        """Do what somebody asked for; what the next commit writes is answered then."""
        if not request.answer.set_running_or_notify_cancel():
            return
        now = self._clock.now()
        try:
            match request:
                case ReadShadow(thing=thing, name=name):
                    request.answer.set_result(self._ledger.shadows.get(thing, name, int(now.wall)))
                case UpdateShadow(thing=thing, name=name, update=update):
                    self._ledger.shadows.update(thing, name, update, int(now.wall))
                    document = self._ledger.shadows.get(thing, name, int(now.wall))
                    self._waiting.append((request.answer, document))
                    self._due = float("-inf")
                case Purge(refused_only=refused_only, before=before):
                    request.answer.set_result(self._ledger.purge(refused_only=refused_only, before=before))
                case Mend(damage=damage):
                    mended = self._ledger.mend(damage, now)
                    self._report("damaged_rows", str(mended))
                    request.answer.set_result(mended)
                case Condemn(reason=reason):
                    self._ledger.condemn(reason)
                    self._report_losses()
                    self._on_commit()  # there are other rows now
                    request.answer.set_result(None)
        except EdgeMaskError as error:
            request.answer.set_exception(error)

    def _take_settles(self) -> None:
        while not self._settles.empty():
            entry = self._settles.get_nowait()
            self._batch.settlements += entry.settlements
            if any(each.is_delivered for each in entry.settlements):
                self._intake.uploaded(self._clock.now())
            self._regret([each for each in entry.settlements if each.receipt.outcome is Outcome.REFUSED])
            self._waiting.append((entry.done, None))
            self._due = min(self._due, self._clock.now().mono + self._interval)

    def _regret(self, refused: Sequence[Settlement]) -> None:
        """A message that a rule sent was refused for good: the rule's error action has its turn."""
        for settlement in refused:
            try:
                pending = self._ledger.waiting(settlement.row)
            except DatabaseError as error:
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
        except Unwritable as error:
            self._set_apart(error)
            return
        except DatabaseError as error:
            self._failed(error)
            return
        self._batch = Batch()
        self._due = float("inf")
        self._is_suspect = False
        self._backoff.succeeded(0.0)
        self._outage.end()
        self._drops.tell(dropped, now.mono)
        self._report_losses()
        self._on_commit()
        actions, self._actions = self._actions, []
        for action in actions:  # only now: what led to them is on the disk
            self._on_action(action)
        waiting, self._waiting = self._waiting, []
        for future, result in waiting:
            future.set_result(result)

    def _set_apart(self, error: Unwritable) -> None:
        """Some value cannot be written, today or ever: its row alone is given up, not the company that it came in."""
        batch = self._batch
        try:
            self._ledger.mend((), self._clock.now())  # no damaged count is the cause
            events = [row for row in batch.events if self._ledger.can_hold(Batch(events=[row]))]
            outgoing = [row for row in batch.outgoing if self._ledger.can_hold(Batch(outgoing=[row]))]
        except DatabaseError as meanwhile:  # the disk, say: no row is given up for that
            self._failed(meanwhile)
            return
        lost = len(batch.events) + len(batch.outgoing) - len(events) - len(outgoing)
        if not lost:
            self._failed(error)
            return
        batch.events, batch.outgoing = events, outgoing
        text = f"{lost} rows hold what no database can ({error}) and were given up"
        log.error("database: %s", text)
        self._report("unwritable", text)
        self._due = float("-inf")

    def _failed(self, error: DatabaseError) -> None:
        """Keep the group, reopen the file when it may not be trusted any more, try again later."""
        self._retry_at = self._clock.now().mono + self._backoff.next_delay()
        self._outage.begin("write_failed", f"cannot be written: {error}; recording waits")
        if is_full(error) and self._ledger.is_open:
            self._make_room()
        elif not self._ledger.is_open or is_damage(error) or "disk I/O error" in str(error):
            self._open_again(error)

    def _open_again(self, error: DatabaseError) -> None:
        try:
            if self._is_suspect and is_damage(error):
                self._ledger.condemn(str(error))  # no check finds it, but nothing can be written
            else:
                self._ledger.reopen()
            self._is_suspect = is_damage(error)
        except DatabaseError as again:
            log.debug("database: cannot be opened again: %s", again)
        else:
            self._report_losses()

    def _make_room(self) -> None:
        """Settle what has been sent, alone: that needs little room and makes some."""
        try:
            self._ledger.make_room()
            if self._batch.settlements:
                self._ledger.settle(self._batch.settlements, self._clock.now())
        except DatabaseError as error:
            log.debug("database: no room yet: %s", error)
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
        self._report("damaged", "" if salvaged is None else str(salvaged))
        self._report("vanished", vanished)

    def _report(self, code: str, text: str) -> None:
        """One `errors` message; none for an empty text."""
        if text:
            self._take(self._intake.admit(Fault(at=self._clock.now(), component="database", code=code, text=text)))

    def _housekeeping(self) -> None:
        now = self._clock.now()
        self._next_housekeeping = now.mono + _HOUSEKEEPING_EVERY
        try:
            if self._ledger.housekeeping(now):
                self._next_housekeeping = now.mono + _GOES_ON_AFTER
        except DatabaseError as error:
            log.debug("database: housekeeping put off: %s", error)

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
