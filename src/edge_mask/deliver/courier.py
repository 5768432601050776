"""The courier: one per destination; it sends the outbox in order and posts the receipts back.

    outbox ──rows, oldest first in class──▶ window in flight ──▶ transport ──▶ broker
      ▲                                                             │
      └── Delivered: row gone · Refused: set aside · Unknown: again, same id ──┘
                                Stale: row gone, counted

A row is sent only while connected and deleted only on the broker's acknowledgement. A row that is never accepted
delays the others for a while and is then set aside (suspects.py).
"""

import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future
from queue import Empty, SimpleQueue

from edge_mask.deliver.destination import Destination, TokenBucket
from edge_mask.deliver.refusals import Refusals
from edge_mask.deliver.suspects import Suspects
from edge_mask.deliver.transport import Transport, offered, receipt_of
from edge_mask.deliver.waiting import Backlog, LiveQueue, ReadAhead
from edge_mask.errors import Refused
from edge_mask.ledger.outbox import Pending
from edge_mask.ledger.rows import Settlement
from edge_mask.messages import Fault, Message, Outcome, Receipt
from edge_mask.runtime.clock import Clock
from edge_mask.runtime.outage import Outage
from edge_mask.runtime.worker import Job
from edge_mask.units import Moment, Seconds

log = logging.getLogger(__name__)

_OPEN_AGAIN_AFTER = 60.0
_READ_AGAIN_AFTER = 1.0
_SETTLED_SOON = 0.02
_IDLE = 5.0
"""Longest sleep in seconds. New work wakes the courier, except when a replaced database stays empty."""


class Courier(Job):
    """Owns one transport. `poke`, `offer_live` and `state_changed` may be called from any thread."""

    patience = Seconds(60.0)

    def __init__(
        self,
        destination: Destination,
        transport: Transport,
        backlog: Backlog,
        settle: Callable[[list[Settlement]], "Future[None]"],
        report: Callable[[Fault], None],
        clock: Clock,
    ) -> None:
        """`settle` stores receipts; its future resolves when they are on disk."""
        self.name = f"courier-{destination.name}"
        self._destination = destination
        self._transport = transport
        self._settle = settle
        self._outage = Outage(destination.name, log, report, clock)
        self._clock = clock
        self._refusals = Refusals(destination.name, destination.shown, log, report, clock)
        self._pace = TokenBucket(destination.drain_rate, clock.now().mono)
        self._wake = destination.wake
        self._backoff = destination.backoff
        self._receipts: SimpleQueue[tuple[int, Pending, Receipt]] = SimpleQueue()
        self._states: SimpleQueue[tuple[bool, str]] = SimpleQueue()
        self._live = LiveQueue(transport, self._wake.set)
        self._rows = ReadAhead(backlog, self.name)
        self._in_flight = 0
        self._suspects = Suspects(destination.window, blames_hang_ups=destination.blames_hang_ups)
        self._must_reread = False
        self._settled: Future[None] | None = None
        self._resume_at = float("-inf")
        self._left_alone_until = float("-inf")
        """The destination has asked for a pause."""
        self._stale = Outage(destination.name, log, report, clock)
        self._open_again_at = float("inf")
        self._away_since: float | None = clock.now().mono
        self._stopping = False

    # -- from other threads ------------------------------------------------------------------------------

    def poke(self) -> None:
        """There may be new rows."""
        self._rows.poke()
        self._wake.set()

    def read_again(self) -> None:
        """Rows were deleted: what was read ahead must not be sent any more."""
        self._rows.drop()

    def offer_live(self, message: Message) -> None:
        """Send it now or never: dropped without a connection; on a slow one the newest few wait for a few
        seconds."""
        self._live.offer(message, self._clock.now().mono)

    @property
    def live_dropped(self) -> int:
        """Live messages that were not sent."""
        return self._live.dropped

    def state_changed(self, connected: bool, reason: str) -> None:
        """The transport has connected or lost its connection."""
        self._states.put((connected, reason))
        self._wake.set()

    def away_for(self, now: float) -> Seconds:
        """Seconds since the connection was lost (or never made); 0 while connected."""
        since = self._away_since
        return Seconds(0.0 if since is None else now - since)

    @property
    def is_idle(self) -> bool:
        """True when nothing is read ahead, in flight, undecided or newly recorded."""
        return self._rows.is_empty and not (self._in_flight or self._live or self._must_reread)

    @property
    def has_in_flight(self) -> bool:
        """Something was sent and has no receipt yet."""
        return self._in_flight > 0 and self._transport.is_connected

    # -- the worker --------------------------------------------------------------------------------------

    def begin(self) -> None:
        self._open()

    def step(self, stop: threading.Event) -> None:
        self._wake.wait(self.pause())
        self._wake.clear()
        self.turn(stop)

    def turn(self, stop: threading.Event) -> None:
        """Do what can be done now, without waiting."""
        self._notice_states()
        if self._rows.notice_another_file():
            self._suspects.forget()
        self.collect()
        if stop.is_set():
            return
        now = self._clock.now()
        if now.mono >= self._open_again_at:
            self._open()
        if self._must_reread and not self._in_flight:
            self._notice_states()  # report the loss after its receipts
            self._set_aside(now)
            self._begin_again(now)
        if self._transport.is_connected and not self._must_reread and now.mono >= self._resume_at:
            self._send_pending(now)
        # With one row in flight, a broker that hangs up does so because of this row.
        self._live.send(now.mono, holds_back=self._suspects.is_careful and self._in_flight > 0)

    def _set_aside(self, now: Moment) -> None:
        """Set aside the rows that the destination will never accept."""
        guilty = self._suspects.guilty(now.mono, is_connected=self._transport.is_connected)
        refused = [self._settlement(pending, Receipt(Outcome.REFUSED, reason)) for pending, reason in guilty]
        if refused:
            self._settled = self._settle(refused)

    def _open(self) -> None:
        """A missing certificate may appear later, so opening is retried; everything else runs on meanwhile."""
        self._open_again_at = float("inf")
        try:
            self._transport.open()
        except Refused as error:
            self._outage.begin("refused", f"{error}; messages are kept, tried again each minute")
            self._open_again_at = self._clock.now().mono + _OPEN_AGAIN_AFTER

    def interrupt(self) -> None:
        self._stopping = True
        self._wake.set()

    def end(self) -> None:
        """Give messages in flight a moment to be acknowledged; the others stay in the outbox."""
        deadline = self._clock.now().mono + 1.0
        while self.has_in_flight and self._clock.now().mono < deadline:
            self._wake.wait(0.05)
            self._wake.clear()
            self.collect()
        self.hang_up(Seconds(1.0))

    def hang_up(self, within: Seconds) -> None:
        """Close the transport; receipts that arrived before still count."""
        self._transport.close(within)
        self.collect()
        self._rows.close()

    # -- one turn ----------------------------------------------------------------------------------------

    def pause(self) -> float:
        """Seconds until the next turn, unless something wakes us first."""
        now = self._clock.now().mono
        if self._must_reread and not self._in_flight:
            return _SETTLED_SOON
        if self._resume_at > now:
            return min(_IDLE, self._resume_at - now)
        if self._transport.is_connected and not self._rows.is_empty and self._room > 0:
            return min(_IDLE, self._pace.wait())
        return _IDLE

    @property
    def _room(self) -> int:
        """How many more messages may be in flight."""
        return (1 if self._suspects.is_careful else self._destination.window) - self._in_flight

    def _notice_states(self) -> None:
        while True:
            try:
                connected, reason = self._states.get_nowait()
            except Empty:
                return
            if connected:
                self._away_since = None
                if not self._outage.end():
                    log.info("%s: %s", self.name, reason)
                self._rows.poke()
            else:
                self._suspects.lost(is_busy=self._in_flight > 0)
                self._rows.drop()  # somebody may delete rows while nothing can be sent
                if self._away_since is None:
                    self._away_since = self._clock.now().mono
                self._outage.begin("offline", f"{reason}; messages are kept and sent later")

    def collect(self) -> None:
        """Collect the receipts that have arrived and post them to the ledger as one group."""
        settlements: list[Settlement] = []
        while True:
            try:
                epoch, pending, receipt = self._receipts.get_nowait()
            except Empty:
                break
            self._in_flight -= 1
            now = self._clock.now().mono
            is_ours = epoch == self._rows.epoch
            if receipt.outcome is Outcome.UNKNOWN:
                self._must_reread = True
                self._left_alone_until = max(self._left_alone_until, now + receipt.retry_after)
                if is_ours:
                    self._suspects.undecided(pending, receipt, now)
                log.debug("%s: row %d is undecided: %s", self.name, pending.row, receipt.reason)
                continue
            if not is_ours:  # in a new file the same id may be another message: better to send twice
                continue
            is_delivered = receipt.outcome is Outcome.DELIVERED
            self._must_reread |= self._suspects.answered(pending, now, is_delivered=is_delivered)
            settlements.append(self._settlement(pending, receipt))
        if settlements:
            if any(each.receipt.outcome is not Outcome.STALE for each in settlements):
                self._backoff.succeeded(0.0)
            self._settled = self._settle(settlements)

    def _settlement(self, pending: Pending, receipt: Receipt) -> Settlement:
        match receipt.outcome:
            case Outcome.REFUSED:
                self._refusals.refused(pending.message, receipt.reason)
            case Outcome.STALE:
                self._stale.begin(receipt.counted_as, receipt.reason)
            case _:
                self._refusals.delivered(pending.message)
                self._stale.end()
        return Settlement(pending.row, pending.message.id, receipt)

    def _begin_again(self, now: Moment) -> None:
        """A send is undecided: once all receipts are on disk, read again from the oldest row."""
        if self._settled is not None and not self._settled.done():
            return
        self._rows.begin_again()
        self._must_reread = False
        if self._transport.is_connected:
            self._resume_at = max(now.mono + self._backoff.next_delay(), self._left_alone_until)

    def _send_pending(self, now: Moment) -> None:
        room = min(self._room, self._pace.allowed(now.mono))
        while room > 0 and not self._stopping:
            pending = self._rows.next()
            if pending is None:
                self._reach_the_end(now)
                return
            if self._suspects.passes_over(pending):
                continue
            self._suspects.sent(pending, now.mono)
            self._in_flight += 1
            self._pace.spend()
            room -= 1
            self._send(pending, now).add_done_callback(self._receipt_for(pending))

    def _reach_the_end(self, now: Moment) -> None:
        """No further row is left to send."""
        if not self._rows.is_readable:
            self._resume_at = now.mono + _READ_AGAIN_AFTER
        elif self._suspects.is_passing and not self._in_flight:
            self._suspects.offer_again()
            self._must_reread = True

    def _send(self, pending: Pending, now: Moment) -> "Future[Receipt]":
        """Send a row in its outgoing form. The receipt reports any fault of the row."""
        return offered(self._transport, lambda: self._destination.prepared(pending, now))

    def _receipt_for(self, pending: Pending) -> Callable[["Future[Receipt]"], None]:
        epoch = self._rows.epoch

        def on_done(future: "Future[Receipt]") -> None:
            self._receipts.put((epoch, pending, receipt_of(future)))
            self._wake.set()

        return on_done
