"""The queues before the transport: a few stored rows read ahead, and the newest few live messages."""

import logging
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from typing import Protocol

from edge_mask.deliver.transport import Transport, offered, receipt_of
from edge_mask.errors import DatabaseError
from edge_mask.ledger.outbox import Pending
from edge_mask.messages import Message, Outcome, Priority, Receipt

log = logging.getLogger(__name__)

_ROWS = 50
_LIVE_KEPT = 16
_LIVE_UNDER_WAY = 4
_LIVE_KEPT_FOR = 10.0


class Backlog(Protocol):
    """The source of rows (ledger.outbox.Outbox)."""

    @property
    def epoch(self) -> int: ...
    def after(self, cursors: dict[Priority, int], limit: int) -> list[Pending]: ...
    def first_of(self, topic: str, priority: Priority, row: int) -> Pending | None: ...
    def close(self) -> None: ...


class ReadAhead:
    """Reads a few rows ahead. `poke` may be called from any thread, the rest by the courier `name` only."""

    def __init__(self, backlog: Backlog, name: str) -> None:
        self._backlog = backlog
        self._name = name
        self._ahead: deque[Pending] = deque()
        self._cursors: dict[Priority, int] = {}
        self._may_have_news = True
        self._has_more = False
        self._is_reading = False
        self._is_stale = False
        self.epoch = backlog.epoch
        """Number of the database file: each file numbers its own rows."""
        self.is_readable = True
        """False after reading failed: the writer is making a new file."""

    def poke(self) -> None:
        """There may be new rows."""
        self._may_have_news = True

    def drop(self) -> None:
        """What was read ahead may be gone from the disk; from any thread."""
        self._is_stale = True

    @property
    def is_empty(self) -> bool:
        """True when nothing is read ahead and no new rows are expected."""
        return not (self._is_reading or self._ahead or self._may_have_news or self._has_more)

    def begin_again(self) -> None:
        """Read again from the oldest row."""
        self._cursors.clear()
        self._ahead.clear()
        self._may_have_news = True

    def notice_another_file(self) -> bool:
        """A new database file replaced the old one: read it from its beginning."""
        epoch = self._backlog.epoch
        if epoch == self.epoch:
            return False
        self.epoch = epoch
        log.info("%s: the database is another file now; reading it from the beginning", self._name)
        self.begin_again()
        return True

    def next(self) -> Pending | None:
        """The next row in order; a new urgent row goes before those read ahead."""
        if self._is_stale:
            self._is_stale = False
            self._has_more |= bool(self._ahead)
            self._ahead.clear()
        if self._may_have_news and self._ahead and self._ahead[0].message.priority is not Priority.URGENT:
            self._ahead.clear()
        if not self._ahead and (self._may_have_news or self._has_more):
            self._is_reading = True  # set before the flag is cleared: no thread may see an idle moment between
            self._may_have_news = False
            self._ahead.extend(self._read())
            self._has_more = len(self._ahead) == _ROWS
            self._is_reading = False
        if not self._ahead:
            return None
        pending = self._ahead.popleft()
        self._cursors[pending.message.priority] = pending.row
        return pending

    def close(self) -> None:
        """Close the file."""
        self._backlog.close()

    def _read(self) -> list[Pending]:
        try:
            found = self._backlog.after(self._cursors, _ROWS)
        except DatabaseError as error:
            if self.is_readable:
                log.warning("%s: the outbox cannot be read now, tried again each second: %s", self._name, error)
            self.is_readable = False
            self._may_have_news = True
            return []
        self.is_readable = True
        return found


class LiveQueue:
    """Live messages: the newest few, for a few seconds; they never delay stored ones for long.

    `offer` may be called from any thread, the rest by the courier only.
    """

    def __init__(self, transport: Transport, wake: Callable[[], object]) -> None:
        """`wake` is called from any thread when there may be work."""
        self._transport = transport
        self._wake = wake
        self._waiting: deque[tuple[float, Message]] = deque(maxlen=_LIVE_KEPT)
        self._under_way: list[Future[Receipt]] = []
        self.dropped = 0
        """How many were not sent: no connection, a slow one, or a refusal."""

    def __len__(self) -> int:
        return len(self._waiting)

    def offer(self, message: Message, now: float) -> None:
        """Send it now or never: without a connection it is dropped here."""
        if not self._transport.is_connected or len(self._waiting) == _LIVE_KEPT:
            self.dropped += 1
        if self._transport.is_connected:
            self._waiting.append((now, message))
            self._wake()

    def send(self, now: float, *, holds_back: bool) -> None:
        """Hand over a few at a time: unwritten messages in the transport would grow old unseen and delay later stored
        ones. With `holds_back` none is handed over."""
        while self._waiting and now - self._waiting[0][0] > _LIVE_KEPT_FOR:
            self._waiting.popleft()
            self.dropped += 1
        self._take_receipts()
        while not holds_back and self._waiting and self._transport.is_connected and self._has_room:
            future = offered(self._transport, partial(_itself, self._waiting.popleft()[1]))
            self._under_way.append(future)
            if not future.done():
                future.add_done_callback(lambda _future: self._wake())
            self._take_receipts()

    @property
    def _has_room(self) -> bool:
        return len(self._under_way) < _LIVE_UNDER_WAY

    def _take_receipts(self) -> None:
        ended = [future for future in self._under_way if future.done()]
        self.dropped += sum(receipt_of(future).outcome is not Outcome.DELIVERED for future in ended)
        self._under_way = [future for future in self._under_way if not future.done()]


def _itself(message: Message) -> Message:
    """A live message leaves as it is."""
    return message
