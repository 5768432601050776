"""The courier: one per destination; it sends the outbox in order and posts the receipts back.

    outbox ──rows, oldest first in class──▶ window in flight ──▶ transport ──▶ broker
      ▲                                                             │
      └── Delivered: row gone · Refused: set aside · Unknown: again, same id ──┘
                                Stale: row gone, counted · nobody subscribes: its topic waits

A row is sent only while connected and deleted only on the broker's acknowledgement. A row that is never accepted
delays the others for a while and is then set aside (suspects.py). A topic that nobody subscribes to may have to wait
until somebody does (unheard.py).
"""

import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial

from edge_mask.deliver.destination import Destination, TokenBucket
from edge_mask.deliver.in_flight import InFlight
from edge_mask.deliver.presence import Presence
from edge_mask.deliver.suspects import Suspects
from edge_mask.deliver.transport import Transport, offered
from edge_mask.deliver.unheard import Unheard
from edge_mask.deliver.verdicts import Verdicts
from edge_mask.deliver.waiting import Backlog, LiveQueue, ReadAhead
from edge_mask.ledger.outbox import Pending
from edge_mask.ledger.rows import Settlement
from edge_mask.messages import Fault, Message, Outcome, Receipt
from edge_mask.runtime.clock import Clock
from edge_mask.runtime.worker import Job
from edge_mask.units import Moment, Seconds

log = logging.getLogger(__name__)

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
        self._clock = clock
        self._presence = Presence(destination.name, transport, report, clock)
        self._verdicts = Verdicts(destination.name, destination.shown, report, clock)
        self._pace = TokenBucket(destination.drain_rate, clock.now().mono)
        self._wake = destination.wake
        self._backoff = destination.backoff
        self._live = LiveQueue(transport, self._wake.set)
        self._rows = ReadAhead(backlog, self.name)
        self._in_flight = InFlight(self._wake.set)
        self._suspects = Suspects(destination.window, blames_hang_ups=destination.blames_hang_ups)
        self._unheard = Unheard(destination.name, backlog, report, clock)
        self._must_reread = False
        self._settled: Future[None] | None = None
        self._resume_at = float("-inf")
        self._left_alone_until = float("-inf")
        """The destination has asked for a pause."""
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
        self._presence.changed(connected, reason)
        self._wake.set()

    def away_for(self, now: float) -> Seconds:
        """Seconds since the connection was lost (or never made), or somebody subscribed to what waits; 0 while all
        goes."""
        return max(self._presence.away_for(now), self._unheard.lasts(now))

    @property
    def is_idle(self) -> bool:
        """True when nothing is read ahead, in flight, undecided, unheard or newly recorded."""
        return self._rows.is_empty and not (self._in_flight or self._live or self._must_reread or self._unheard)

    @property
    def is_unheard(self) -> bool:
        """Whether messages wait because nobody subscribes to their topics."""
        return bool(self._unheard)

    @property
    def has_in_flight(self) -> bool:
        """Something was sent and has no receipt yet."""
        return len(self._in_flight) > 0 and self._transport.is_connected

    # -- the worker --------------------------------------------------------------------------------------

    def begin(self) -> None:
        self._presence.open()

    def step(self, stop: threading.Event) -> None:
        self._wake.wait(self.pause())
        self._wake.clear()
        self.turn(stop)

    def turn(self, stop: threading.Event) -> None:
        """Do what can be done now, without waiting."""
        self._notice_states()
        if self._rows.notice_another_file():
            self._suspects.forget()
            self._unheard.forget()
        self.collect()
        if stop.is_set():
            return
        now = self._clock.now()
        self._presence.open_again(now.mono)
        if self._must_reread and not self._in_flight:
            self._notice_states()  # report the loss after its receipts
            self._set_aside(now)
            self._begin_again(now)
        if self._transport.is_connected and not self._must_reread and now.mono >= self._resume_at:
            self._send_pending(now)
        # With one row in flight, a broker that hangs up does so because of this row.
        self._live.send(now.mono, holds_back=self._suspects.is_careful and len(self._in_flight) > 0)

    def _set_aside(self, now: Moment) -> None:
        """Set aside the rows that the destination will never accept."""
        guilty = self._suspects.guilty(now.mono, is_connected=self._transport.is_connected)
        refused = [self._verdicts.settlement(pending, Receipt(Outcome.REFUSED, reason)) for pending, reason in guilty]
        if refused:
            self._settled = self._settle(refused)

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
        if self._transport.is_connected and self._room > 0:
            until_probe = self._unheard.pause(now) if self._rows.is_empty else 0.0
            return min(_IDLE, max(self._pace.wait(), until_probe))
        return _IDLE

    @property
    def _room(self) -> int:
        """How many more messages may be in flight."""
        return (1 if self._suspects.is_careful else self._destination.window) - len(self._in_flight)

    def _notice_states(self) -> None:
        for connected in self._presence.news():
            if connected:
                self._rows.poke()
                self._unheard.connected(self._clock.now().mono)
            else:
                self._suspects.lost(is_busy=len(self._in_flight) > 0)
                self._rows.drop()  # somebody may delete rows while nothing can be sent

    def collect(self) -> None:
        """Collect the receipts that have arrived and post them to the ledger as one group."""
        settlements: list[Settlement] = []
        for epoch, pending, receipt in self._in_flight.collect():
            now = self._clock.now().mono
            is_ours = epoch == self._rows.epoch
            if receipt.is_unheard:
                if is_ours:
                    self._unheard.begins(pending, now)
                    self._suspects.answered(pending, now, is_delivered=False)
                continue
            if receipt.outcome is Outcome.UNKNOWN:
                self._must_reread = True
                self._left_alone_until = max(self._left_alone_until, now + receipt.retry_after)
                if is_ours:
                    self._suspects.undecided(pending, receipt, now)
                    self._unheard.undecided(pending, now)
                log.debug("%s: row %d is undecided: %s", self.name, pending.row, receipt.reason)
                continue
            if not is_ours:  # in a new file the same id may be another message: better to send twice
                continue
            is_delivered = receipt.outcome is Outcome.DELIVERED
            self._must_reread |= self._suspects.answered(pending, now, is_delivered=is_delivered)
            self._unheard.answered(pending)
            settlements.append(self._verdicts.settlement(pending, receipt))
        self._must_reread |= self._unheard.take_reread()
        if settlements:
            if any(each.receipt.outcome is not Outcome.STALE for each in settlements):
                self._backoff.succeeded(0.0)
            self._settled = self._settle(settlements)

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
        if room > 0 and not self._stopping and (probe := self._unheard.probe(now.mono)) is not None:
            self._send(probe, now)
            room -= 1
        while room > 0 and not self._stopping:
            pending = self._rows.next()
            if pending is None:
                self._reach_the_end(now)
                return
            if self._suspects.passes_over(pending) or self._unheard.passes_over(pending):
                continue
            self._send(pending, now)
            room -= 1

    def _send(self, pending: Pending, now: Moment) -> None:
        self._suspects.sent(pending, now.mono)
        self._pace.spend()
        row = partial(self._destination.prepared, pending, now)  # a fault of it comes with the receipt
        self._in_flight.add(pending, self._rows.epoch, partial(offered, self._transport, row))

    def _reach_the_end(self, now: Moment) -> None:
        """No further row is left to send."""
        if not self._rows.is_readable:
            self._resume_at = now.mono + _READ_AGAIN_AFTER
        elif self._suspects.is_passing and not self._in_flight:
            self._suspects.offer_again()
            self._must_reread = True
