"""The recorder's mailbox: what lies in it, how senders wait while it is full, and how the recorder sleeps beside it."""

import logging
import threading
from typing import Final

from edge_mask.errors import TryLater
from edge_mask.ledger.series_rows import SeriesRows
from edge_mask.messages import Event, Heard, Held, Settled, kind_of
from edge_mask.recording.requests import Barrier, Request, SendAgain, Task
from edge_mask.runtime.clock import Clock
from edge_mask.runtime.handoff import Closed, Mailbox
from edge_mask.runtime.worker import keep_waiting
from edge_mask.units import Seconds

log = logging.getLogger(__name__)

_CAPACITY = 1000
_SPARE = 100
"""Places in a full mailbox for entries that must not wait behind those that cannot be written."""
_MAIN_THREAD_WAITS = 0.2
_SENDERS_WAIT = 0.5
"""Seconds that a worker waits for room before it gives a sign of life and waits again."""

Post = Event | Heard | Held | Settled | SeriesRows
"""What is recorded, or seen by rules."""
Entry = Post | Barrier | SendAgain | Task


def is_live(entry: Entry) -> bool:
    """Whether it goes past the disk."""
    return not isinstance(entry, Request | Heard | Held | Settled | SeriesRows) and kind_of(entry).is_live


# -- senders ---------------------------------------------------------------------------------------------


def post(mailbox: Mailbox[Entry], event: Post, timeout: float | None = None, *, is_pressing: bool = False) -> bool:
    """Leave an event for the recorder; False when there was no room for `timeout` seconds. Raises Closed.

    A live event does not wake a recorder that naps: several a second would interrupt the vision that sends them.
    Live and pressing events may use the spare places of a full mailbox.
    """
    live = is_live(event)
    return mailbox.put(event, timeout, wake=not live, spare=_SPARE if live or is_pressing else 0)


class Inbox:
    """Any thread's way to the recorder of its house."""

    def __init__(self) -> None:
        self.mailbox: Mailbox[Entry] = Mailbox(_CAPACITY)
        self._is_hopeless = False
        """The mailbox was full at the stop: one sender has waited for room, the others need not."""

    def emit(self, event: Post) -> None:
        """Leave an event; waits for room, but only a moment in the main thread, which has to watch all the others."""
        if threading.current_thread() is threading.main_thread():
            self.emit_at_once(event)
            return
        try:
            while not post(self.mailbox, event, 0.0 if self._is_hopeless and not keep_waiting() else _SENDERS_WAIT):
                if not keep_waiting():
                    self._is_hopeless = True
                    log.warning("the mailbox is full at the stop; not recorded: %s", event)
                    return
            self._is_hopeless = False
        except Closed:
            log.warning("%s came after the stop and was not recorded", type(event).__name__)

    def emit_at_once(self, event: Post) -> None:
        """For senders that must not wait: the main thread, and the couriers, whose receipts make room again."""
        try:
            if not post(self.mailbox, event, _MAIN_THREAD_WAITS, is_pressing=True):
                log.warning("the mailbox is full; not recorded: %s", event)
        except Closed:
            log.warning("%s came after the stop and was not recorded", type(event).__name__)

    def ask(self, request: Barrier | SendAgain | Task) -> bool:
        """Leave a request; False when there was no room within a moment, and then its answer says so."""
        try:
            if self.mailbox.put(request, _MAIN_THREAD_WAITS, spare=_SPARE):
                return True
        except Closed:
            request.answer.cancel()
            return False
        request.answer.set_exception(TryLater("the recorder has too much to do"))
        return False


# -- the recorder ----------------------------------------------------------------------------------------

MOST_IN_A_COMMIT: Final = 500
_NAP = 0.05
"""Seconds that a live message may lie in the mailbox while others follow it closely."""
_CLOSELY = 0.1
"""Seconds between two live messages. Further apart, each wakes the recorder: that costs less than 20 naps a second."""


class Taker:
    """The recorder's end of the mailbox: it sleeps until an entry comes or something is due."""

    def __init__(self, mailbox: Mailbox[Entry], clock: Clock) -> None:
        self._mailbox = mailbox
        self._clock = clock
        self._live_at = self._naps_until = float("-inf")

    def take(self, waiting: int, until: float, stop: threading.Event) -> list[Entry]:
        """The next entries, or none when `until` comes first; `waiting` rows wait for the commit already.

        A full group takes only live entries; the others keep their places. Rules may make so many rows of live entries
        that these have to wait as well.
        """
        room = MOST_IN_A_COMMIT - waiting
        now = self._clock.now().mono
        timeout = max(0.0, until - now)
        is_deep = timeout > _NAP and now >= self._naps_until
        if not is_deep:
            timeout = min(timeout, _NAP)
        if room > 0:
            entries = self._mailbox.take_many(room, timeout, is_deep=is_deep)
        elif room > -MOST_IN_A_COMMIT:
            entries = self._mailbox.take_only(is_live, timeout, is_deep=is_deep)
        else:
            self._clock.wait(stop, Seconds(min(_NAP, timeout)))
            return []
        for entry in entries:
            if is_live(entry):
                self._expect_more()
        return entries

    def _expect_more(self) -> None:
        now = self._clock.now().mono
        if now - self._live_at < _CLOSELY:
            self._naps_until = now + _CLOSELY
        self._live_at = now
