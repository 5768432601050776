"""The recording worker: it takes events and writes them in groups, one transaction each.

    vision ─┐                      ┌─ stored: into the group, which is committed when it is due
    sense  ─┼─▶ Mailbox ─▶ Recorder ┼─ live: straight to the courier, never on the disk
    courier ┘    (waits)           └─ requests: carried out and answered

While the database cannot be written, the recorder keeps the group and tries again. The mailbox fills, its senders wait,
and nothing that was decided is lost. Live messages still go out. The thread sleeps until an entry comes or something is
due.
"""

import logging
import sys
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from contextlib import suppress

from edge_mask.errors import DatabaseError, EdgeMaskError, TryLater
from edge_mask.kinds import Kind
from edge_mask.ledger.rows import Settlement
from edge_mask.ledger.series_rows import SeriesRows
from edge_mask.ledger.unwritable import Unwritable
from edge_mask.ledger.writer import Ledger
from edge_mask.messages import Amendment, Fault, Heard, Held, Message, Priority, Settled
from edge_mask.recording.group import Group
from edge_mask.recording.intake import Admitted, Intake
from edge_mask.recording.mail import Entry, Taker, is_live
from edge_mask.recording.receipts import Receipts, consequences
from edge_mask.recording.requests import (
    Barrier,
    Condemn,
    Erase,
    Mend,
    Request,
    SendAgain,
    Task,
    UpdateShadow,
    carry_out,
)
from edge_mask.recording.rounds import Rounds
from edge_mask.recording.trouble import Trouble
from edge_mask.rules.effects import EdgeAction
from edge_mask.runtime.clock import Clock
from edge_mask.runtime.handoff import Mailbox
from edge_mask.runtime.worker import Finished, Job
from edge_mask.units import Seconds

log = logging.getLogger(__name__)


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
        on_erase: Callable[[], None] = lambda: None,
        on_action: Callable[[EdgeAction], object] = lambda _action: None,
        on_event: Callable[[Kind, Message], object] = lambda _kind, _message: None,
    ) -> None:
        """`on_event` is told of every event: of a live one at once, of others when they are on the disk."""
        self._ledger = ledger
        self._intake = intake
        self._mailbox = mailbox
        self._taker = Taker(mailbox, clock)
        self._clock = clock
        self._on_live = on_live
        self._on_commit = on_commit
        self._on_erase = on_erase
        self._on_action = on_action
        self._on_event = on_event
        self._group = Group(ledger.sequences, ledger.shadows, commit_interval)
        self._trouble = Trouble(ledger, clock, record=self._record, complain=self._complain, on_change=on_commit)
        self._receipts = Receipts()
        self._rounds = Rounds(ledger, self._trouble, clock.now().mono)

    def settle(self, settlements: list[Settlement]) -> "Future[None]":
        """Take a courier's receipts, from any thread; never waits. The future resolves when they are on the disk.

        It is cancelled when the recorder ends first: the rows are still pending then, and sent again after the restart.
        """
        done = self._receipts.put(settlements)
        self._mailbox.poke()
        return done

    def why_waiting(self) -> str:
        """Why the database cannot be written; empty while it can be. From any thread."""
        return self._trouble.reason

    def begin(self) -> None:
        self._trouble.report_losses()

    def step(self, stop: threading.Event) -> None:
        for settled in self._ledger.held.take_leftovers():
            self._settle(settled)
        for entry in self._taker.take(self._group.rows, self._next_task(), stop):
            self._handle(entry)
        self._take_receipts()
        if self._mailbox.is_closed and self._group.due < float("inf"):
            self._group.hurry()  # the daemon stops: nothing more will come
        now = self._clock.now()
        if now.mono >= max(self._group.due, self._trouble.retry_at):
            self._commit()
        else:
            self._rounds.make(now, self._group.batch)
        if self._ledger.take_touched():  # by hand, perhaps `erase`
            self._on_erase()
            self._group.hurry()
        if self._mailbox.is_closed:
            self._finish(now.mono)

    def interrupt(self) -> None:
        self._mailbox.close()

    def end(self) -> None:
        """Say how much could not be written in time, and close."""
        rows, left = self._group.rows, self._mailbox.take_many(sys.maxsize, 0.0)
        events = sum(not isinstance(entry, Request) and not is_live(entry) for entry in left)
        if rows or events:
            log.error(
                "database: %d rows could not be written before the stop, %d events behind them neither; they are lost",
                rows,
                events,
            )
        for entry in left:
            if isinstance(entry, Request):
                entry.answer.cancel()
        self._receipts.cancel()
        self._group.cancel()
        self._ledger.close(with_shadows=not len(self._group.batch) and not events)

    def _next_task(self) -> float:
        """When there is something to do even if nothing comes."""
        return min(max(self._group.due, self._trouble.retry_at), self._rounds.due)

    # -- what comes in -----------------------------------------------------------------------------------

    def _handle(self, entry: Entry) -> None:
        match entry:
            case Barrier():
                self._group.answer_later(entry.answer, None)
                self._group.hurry()
            case Heard():
                self._take(self._intake.hear(entry))
            case Held():
                self._take(self._intake.hold(entry))
            case Settled():
                self._settle(entry)
            case Amendment():
                self._amend(entry)
            case SeriesRows():
                for event in entry.events:
                    self._take(self._intake.admit(event))
                self._take(Admitted(Priority.TELEMETRY, series=list(entry.rows)))
            case Erase():
                self._erase(entry)
            case SendAgain():
                self._send_again(entry)
            case _ if isinstance(entry, Task):
                self._answer(entry)
            case _:
                self._take(self._intake.admit(entry))

    def _settle(self, settled: Settled) -> None:
        with suppress(DatabaseError):  # then the commit, which waits for the database, leaves out what was erased
            settled = self._ledger.as_kept(settled)
        self._take(self._intake.settle(settled))

    def _amend(self, amendment: Amendment) -> None:
        """Nothing more is said of a visit that somebody erased."""
        with suppress(DatabaseError):  # then the commit, which waits for the database, leaves it out
            if not self._ledger.has_visit(amendment.amends):
                return
        self._take(self._intake.admit(amendment))

    def _erase(self, task: Erase) -> None:
        """What was seen before it and is not written yet is written first: it must not come back."""
        if not self._has_written_all():
            task.answer.set_exception(TryLater("the database cannot be written now, and nothing was erased"))
            return
        self._answer(task)
        self._on_erase()
        self._group.hurry()  # the shadow

    def _send_again(self, task: SendAgain) -> None:
        """Answered when it is on the disk. What was asked for a moment ago must be found in the outbox."""
        if not task.answer.set_running_or_notify_cancel():
            return
        try:
            if not self._has_written_all():
                raise TryLater("the database cannot be written now, and nothing is sent again")
            admitted, again = self._intake.send_again(task, self._ledger, self._clock.now())
        except EdgeMaskError as error:
            task.answer.set_exception(error)
            return
        self._take(admitted)
        self._group.answer_later(task.answer, again)
        self._group.hurry()

    def _has_written_all(self) -> bool:
        if self._group.rows:
            self._commit()
        return not self._group.rows

    def _answer(self, task: Task) -> None:
        """Carry out a request; a changed shadow is answered when it is on the disk."""
        if not task.answer.set_running_or_notify_cancel():
            return
        try:
            result = carry_out(task, self._ledger, self._clock.now())
        except EdgeMaskError as error:
            task.answer.set_exception(error)
            return
        match task:
            case UpdateShadow():
                self._group.answer_later(task.answer, result)
                self._group.hurry()
                return
            case Mend():
                self._trouble.report("damaged_rows", str(result))
            case Condemn():
                self._trouble.report_losses()
                self._on_commit()  # the new file holds other rows
            case _:
                pass
        task.answer.set_result(result)

    def _take_receipts(self) -> None:
        for settlements, done in self._receipts.take():
            for admitted in consequences(settlements, self._ledger, self._intake, self._clock.now()):
                self._take(admitted)
            self._group.settle(settlements, done, self._clock.now().mono)

    def _take(self, admitted: Admitted) -> None:
        for message in admitted.live:
            self._on_live(message)
        if not admitted.is_stored:
            self._tell(admitted.told)
            admitted.told = []
        self._group.add(admitted, self._clock.now().mono)

    def _tell(self, told: Iterable[tuple[Kind, Message]]) -> None:
        for kind, message in told:
            self._on_event(kind, message)

    def _record(self, fault: Fault) -> None:
        self._take(self._intake.admit(fault))

    def _complain(self, fault: Fault) -> None:
        """Trouble with the database itself is also told live, under the same id: its row may wait for long."""
        admitted = self._intake.admit(fault)
        for row in admitted.outgoing:
            if row.destination == self._intake.destination:
                self._on_live(row.message)
        self._take(admitted)

    # -- what goes to the disk ---------------------------------------------------------------------------

    def _commit(self) -> None:
        now = self._clock.now()
        try:
            self._ledger.file.follow()
            dropped = self._ledger.commit(self._group.batch, now)
        except Unwritable as error:
            if self._trouble.set_apart(error, self._group.batch):
                self._group.hurry()
            return
        except DatabaseError as error:
            self._trouble.failed(error, self._group.batch)
            return
        self._group.written()
        self._trouble.over(dropped, now.mono)
        self._on_commit()
        self._tell(self._group.take_told())
        for action in self._group.take_actions():
            self._on_action(action)
        self._group.answer()

    def _finish(self, now: float) -> None:
        """The daemon stops: end when everything is written, or when the last tries have failed."""
        is_done = not len(self._mailbox) and self._group.is_empty and self._receipts.is_empty
        if is_done or self._trouble.is_hopeless(now):
            raise Finished
