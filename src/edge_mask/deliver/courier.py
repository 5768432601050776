"""The courier: one per destination, empties the outbox in order and posts the receipts back.

    outbox ──rows, oldest first in class──▶ window in flight ──▶ transport ──▶ broker
      ▲                                                             │
      └── Delivered: row gone · Refused: set aside · Unknown: again, same id ──┘

A row is offered only while connected, and leaves the outbox only on the broker's acknowledgement. After an Unknown
the rows go one at a time for a while (hang_ups.py).
"""

import logging
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from queue import Empty, SimpleQueue
from typing import Protocol

from sqlalchemy.exc import DBAPIError

from edge_mask.deliver.hang_ups import REASON, HangUps
from edge_mask.deliver.pace import Pace
from edge_mask.deliver.refusals import Refusals
from edge_mask.deliver.transport import Transport
from edge_mask.errors import DatabaseError, Refused
from edge_mask.ledger.outbox import Pending
from edge_mask.ledger.rows import Settlement
from edge_mask.messages import Class, Message, Outcome, Receipt
from edge_mask.runtime.backoff import Backoff
from edge_mask.runtime.clock import Clock
from edge_mask.runtime.outage import Outage
from edge_mask.runtime.worker import Job
from edge_mask.units import Moment, Seconds, Unix
from edge_mask.wire.envelope import mark_late, restamp, timestamp

log = logging.getLogger(__name__)

LATE_AFTER = Seconds(10.0)
_LIVE_KEPT = 16
_LIVE_UNDER_WAY = 4
_LIVE_UNTIL = 10.0
_OPEN_AGAIN_AFTER = 60.0
_READ_AGAIN_AFTER = 1.0
_READ_AHEAD = 50


Dress = Callable[[Message, str | None, bool], Message]
"""How a message leaves: given its restored `ts` (None when it was right) and whether it is late."""


def in_payload(message: Message, ts: str | None, is_late: bool) -> Message:
    """The restored time and the mark for lateness inside the JSON."""
    payload = message.payload if ts is None else restamp(message.payload, ts)
    if is_late:
        payload = mark_late(payload)
    return message if payload is message.payload else replace(message, payload=payload)


class Backlog(Protocol):
    """What the courier reads (ledger.outbox.Outbox)."""

    @property
    def epoch(self) -> int: ...
    def after(self, cursors: dict[Class, int], limit: int) -> list[Pending]: ...
    def close(self) -> None: ...


class Courier(Job):
    """Owns one transport. `poke`, `offer_live` and `state_changed` may be called from any thread."""

    patience = Seconds(60.0)

    def __init__(
        self,
        name: str,
        transport: Transport,
        backlog: Backlog,
        settle: Callable[[list[Settlement]], "Future[None]"],
        outage: Outage,
        clock: Clock,
        *,
        boot: str,
        window: int = 20,
        drain_rate: float = 100.0,
        dress: Dress = in_payload,
        backoff: Backoff | None = None,
        wake: threading.Event | None = None,
        blames_hang_ups: bool = True,
        shows_topics: bool = True,
    ) -> None:
        """`backoff` paces what is sent again to a destination that is there; `wake` is shared by couriers of one
        thread, whose owner waits on it and calls `turn`. With `blames_hang_ups` a row on which the connection ends
        again and again is set aside; without, where every failure ends a connection, it is sent for ever. Without
        `shows_topics` (addresses with secrets in them) no topic is named to anybody."""
        self.name = f"courier-{name}"
        self._transport = transport
        self._backlog = backlog
        self._settle = settle
        self._outage = outage
        self._clock = clock
        self._refusals = Refusals(
            lambda message: f"{name} {message.topic}" if shows_topics else name,
            log,
            outage.report,
            clock,
        )
        self._boot = boot
        self._window = window
        self._pace = Pace(drain_rate, clock.now().mono)
        self._dress = dress
        self._wake = wake or threading.Event()
        self._receipts: SimpleQueue[tuple[int, Pending, Receipt]] = SimpleQueue()
        self._states: SimpleQueue[tuple[bool, str]] = SimpleQueue()
        self._live: deque[tuple[float, Message]] = deque(maxlen=_LIVE_KEPT)
        self._live_under_way: list[Future[Receipt]] = []
        self._ahead: deque[Pending] = deque()
        self._cursors: dict[Class, int] = {}
        self._epoch = backlog.epoch
        self._is_readable = True
        self._in_flight = 0
        self._hang_ups = HangUps(window, blames=blames_hang_ups)
        self._must_reread = False
        self._may_have_news = True
        self._has_more = False
        self._settled: Future[None] | None = None
        self._backoff = backoff or Backoff(base=0.5, cap=30.0, settled_after=0.0)
        self._resume_at = float("-inf")
        self._open_again_at = float("inf")
        self._away_since: float | None = clock.now().mono
        self._stopping = False
        self.live_dropped = 0

    # -- from other threads ------------------------------------------------------------------------------

    def poke(self) -> None:
        """There may be new rows."""
        self._may_have_news = True
        self._wake.set()

    def offer_live(self, message: Message) -> None:
        """Send it now or never: without a connection it is dropped here; a slow one keeps the newest few, for a
        few seconds."""
        if not self._transport.is_connected or len(self._live) == _LIVE_KEPT:
            self.live_dropped += 1
        if self._transport.is_connected:
            self._live.append((self._clock.now().mono, message))
            self._wake.set()

    def state_changed(self, connected: bool, reason: str) -> None:
        """The transport connected or lost its connection."""
        self._states.put((connected, reason))
        self._wake.set()

    def away_for(self, now: float) -> Seconds:
        """Seconds since the connection was lost (or never made); 0 while connected."""
        since = self._away_since
        return Seconds(0.0 if since is None else now - since)

    @property
    def is_idle(self) -> bool:
        """True when nothing is read ahead, in flight, undecided or newly recorded."""
        waits = self._may_have_news or self._has_more or self._must_reread
        return not (self._ahead or self._in_flight or self._live or waits)

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
        """What there is to do now, without waiting."""
        self._notice_states()
        self._notice_another_file()
        self.collect()
        if stop.is_set():
            return
        now = self._clock.now()
        if now.mono >= self._open_again_at:
            self._open()
        if self._must_reread and not self._in_flight:
            self._notice_states()  # the loss is told after its receipts
            if (guilty := self._hang_ups.guilty(is_connected=self._transport.is_connected)) is not None:
                self._settled = self._settle([self._settlement(guilty, Receipt(Outcome.REFUSED, REASON))])
            self._begin_again(now)
        if self._transport.is_connected and not self._must_reread and now.mono >= self._resume_at:
            self._send_pending(now)
        self._send_live(now.mono)

    def _open(self) -> None:
        """A certificate that cannot be read may be there in a minute; everything else goes on meanwhile."""
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
        """Give what is in flight a moment to be acknowledged; what is not stays in the outbox."""
        deadline = self._clock.now().mono + 1.0
        while self.has_in_flight and self._clock.now().mono < deadline:
            self._wake.wait(0.05)
            self._wake.clear()
            self.collect()
        self.hang_up(Seconds(1.0))

    def hang_up(self, within: Seconds) -> None:
        """Close the transport; receipts that came before still count."""
        self._transport.close(within)
        self.collect()
        self._backlog.close()

    # -- one turn ----------------------------------------------------------------------------------------

    def pause(self) -> float:
        """Seconds until a turn is worth its while, unless something happens first."""
        now = self._clock.now().mono
        if not self._transport.is_connected or self._must_reread:
            return 0.5 if self._in_flight or not self._must_reread else 0.02
        if self._resume_at > now:
            return min(0.5, self._resume_at - now)
        if (self._ahead or self._may_have_news or self._has_more) and self._room > 0:
            return min(0.5, self._pace.wait())
        return 0.5

    @property
    def _room(self) -> int:
        """How many more may be under way."""
        return (1 if self._hang_ups.is_careful else self._window) - self._in_flight

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
                self._may_have_news = True
            else:
                self._hang_ups.lost(is_busy=self._in_flight > 0)
                if self._away_since is None:
                    self._away_since = self._clock.now().mono
                self._outage.begin("offline", f"{reason}; messages are kept and sent later")

    def _notice_another_file(self) -> None:
        """The database was set aside for a new one, whose rows have ids of their own: read it from its beginning."""
        epoch = self._backlog.epoch
        if epoch == self._epoch:
            return
        self._epoch = epoch
        log.info("%s: the database is another file now; reading it from the beginning", self.name)
        self._cursors.clear()
        self._ahead.clear()
        self._hang_ups.forget()
        self._may_have_news = True

    def collect(self) -> None:
        """Take the receipts that have come in and post them to the ledger as one group."""
        settlements: list[Settlement] = []
        while True:
            try:
                epoch, pending, receipt = self._receipts.get_nowait()
            except Empty:
                break
            self._in_flight -= 1
            now = self._clock.now().mono
            if receipt.outcome is Outcome.UNKNOWN:
                self._must_reread = True
                if epoch == self._epoch:
                    self._hang_ups.undecided(pending, now)
                log.debug("%s: row %d is undecided: %s", self.name, pending.row, receipt.reason)
                continue
            self._hang_ups.answered(pending.row if epoch == self._epoch else -1, now)
            if epoch != self._epoch:  # in the new file the same id may be another message: rather send twice
                continue
            settlements.append(self._settlement(pending, receipt))
        if settlements:
            self._backoff.succeeded(0.0)
            self._settled = self._settle(settlements)

    def _settlement(self, pending: Pending, receipt: Receipt) -> Settlement:
        if receipt.outcome is Outcome.REFUSED:
            self._refusals.refused(pending.message, receipt.reason)
        else:
            self._refusals.delivered(pending.message)
        return Settlement(pending.row, pending.message.id, receipt)

    def _send_live(self, now: float) -> None:
        """Hand over a few at a time: what the transport holds and has not written yet gets old there unseen, and
        stands before the stored messages that come later."""
        while self._live and now - self._live[0][0] > _LIVE_UNTIL:
            self._live.popleft()
            self.live_dropped += 1
        self._live_under_way = [future for future in self._live_under_way if not future.done()]
        if (
            self._hang_ups.is_careful and self._in_flight
        ):  # a broker that hangs up does so on the one row that is under way
            return
        while self._live and self._transport.is_connected and len(self._live_under_way) < _LIVE_UNDER_WAY:
            future = self._transport.send(self._live.popleft()[1])
            if not future.done():
                self._live_under_way.append(future)
                future.add_done_callback(lambda _future: self._wake.set())

    def _begin_again(self, now: Moment) -> None:
        """Something is undecided: once all receipts are on the disk, read again from the oldest row."""
        if self._settled is not None and not self._settled.done():
            return
        self._cursors.clear()
        self._ahead.clear()
        self._must_reread = False
        self._may_have_news = True
        if self._transport.is_connected:
            self._resume_at = now.mono + self._backoff.next_delay()

    def _send_pending(self, now: Moment) -> None:
        room = min(self._room, self._pace.allowed(now.mono))
        while room > 0 and not self._stopping:
            pending = self._next()
            if pending is None:
                return
            if not self._in_flight:
                self._hang_ups.first_sent(now.mono)
            self._in_flight += 1
            self._pace.spend()
            room -= 1
            self._transport.send(self._dressed(pending, now)).add_done_callback(self._receipt_for(pending))

    def _next(self) -> Pending | None:
        """The next row in order; an urgent one that came meanwhile goes before what was read ahead."""
        if self._may_have_news and self._ahead and self._ahead[0].message.klass is not Class.URGENT:
            self._ahead.clear()
        if not self._ahead and (self._may_have_news or self._has_more):
            self._may_have_news = False
            self._ahead.extend(self._read())
            self._has_more = len(self._ahead) == _READ_AHEAD
        if not self._ahead:
            return None
        pending = self._ahead.popleft()
        self._cursors[pending.message.klass] = pending.row
        return pending

    def _read(self) -> list[Pending]:
        """Nothing when the file cannot be read: whoever writes it is making a new one, which is there in a moment."""
        try:
            found = self._backlog.after(self._cursors, _READ_AHEAD)
        except (DatabaseError, DBAPIError) as error:
            if self._is_readable:
                log.warning("%s: the outbox cannot be read now, tried again each second: %s", self.name, error)
            self._is_readable = False
            self._may_have_news = True
            self._resume_at = self._clock.now().mono + _READ_AGAIN_AFTER
            return []
        self._is_readable = True
        return found

    def _dressed(self, pending: Pending, now: Moment) -> Message:
        """The message as it leaves now: with its restored time, and marked when it is late."""
        ts = timestamp(Unix(pending.wall)) if pending.restamped else None
        return self._dress(pending.message, ts, self._is_late(pending, now))

    def _is_late(self, pending: Pending, now: Moment) -> bool:
        if pending.boot == self._boot:
            return now.mono - pending.mono > LATE_AFTER
        return not pending.clock_was_set or now.wall - pending.wall > LATE_AFTER

    def _receipt_for(self, pending: Pending) -> Callable[["Future[Receipt]"], None]:
        epoch = self._epoch

        def on_done(future: "Future[Receipt]") -> None:
            receipt = Receipt(Outcome.UNKNOWN, "cancelled") if future.cancelled() else future.result()
            self._receipts.put((epoch, pending, receipt))
            self._wake.set()

        return on_done
