"""What is left for the recorder: its mailbox, what lies in it, and how a sender waits while it is full."""

import logging
import threading
from concurrent.futures import Future
from dataclasses import dataclass, field

from edge_mask.messages import Event, kind_of
from edge_mask.runtime.handoff import Closed, Mailbox
from edge_mask.runtime.worker import keep_waiting

log = logging.getLogger(__name__)

_CAPACITY = 1000
_SPARE = 100
"""Places in a full mailbox for what must not wait behind that which cannot be written."""
_MAIN_THREAD_WAITS = 0.2
_SENDERS_WAIT = 0.5
"""Seconds for which a worker waits for room in the mailbox before it gives a sign of life and waits on."""


@dataclass(slots=True)
class Barrier:
    """Resolves when everything put into the mailbox before it is on the disk."""

    done: "Future[None]" = field(default_factory=Future)


Entry = Event | Barrier


def is_live(entry: Entry) -> bool:
    """Whether it goes past the disk."""
    return not isinstance(entry, Barrier) and kind_of(entry).is_live


def post(mailbox: Mailbox[Entry], event: Event, timeout: float | None = None, *, is_pressing: bool = False) -> bool:
    """Leave an event for the recorder; False when there was no room for `timeout` seconds. Raises Closed.

    A live one does not wake it: several a second would interrupt the vision that sends them. Live ones, and those that
    are `is_pressing`, have a few places of their own in a mailbox that is full.
    """
    live = kind_of(event).is_live
    return mailbox.put(event, timeout, wake=not live, spare=_SPARE if live or is_pressing else 0)


class Postbox:
    """One house's way to its recorder, from any thread."""

    def __init__(self) -> None:
        self.mailbox: Mailbox[Entry] = Mailbox(_CAPACITY)
        self._is_hopeless = False
        """The mailbox was full at the stop: one sender has waited for room, the others need not."""

    def emit(self, event: Event) -> None:
        """Into the mailbox; waits for room, but the main thread only a moment: it has all the others to watch."""
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

    def emit_at_once(self, event: Event) -> None:
        """For those who must not wait: the main thread, and the couriers, since what they send makes room again."""
        try:
            if not post(self.mailbox, event, _MAIN_THREAD_WAITS, is_pressing=True):
                log.warning("the mailbox is full; not recorded: %s", event)
        except Closed:
            log.warning("%s came after the stop and was not recorded", type(event).__name__)

    def bar(self, barrier: Barrier) -> bool:
        """Whether there was room for it within a moment."""
        return self.mailbox.put(barrier, _MAIN_THREAD_WAITS)
