"""Hears the alerts of neighbours, and has this device look more closely for a while.

alert ──▶ newest few of each neighbour ──▶ does it count? ──▶ closer look begins, or lasts longer ──▶ ends by itself
"""

import logging
import threading
from collections import deque
from collections.abc import Callable, Mapping
from functools import partial
from typing import Final

from edge_mask.deliver.transport import Subscriber
from edge_mask.fleet.alerts import NeighbourAlert, alert_of
from edge_mask.fleet.closer import CloserLook
from edge_mask.messages import Message
from edge_mask.runtime.clock import Clock
from edge_mask.runtime.worker import Job
from edge_mask.units import Seconds

log = logging.getLogger(__name__)

_MOST_WAITING: Final = 8
"""Of one neighbour: more in one moment tell nothing more."""
_PAUSE: Final = 1.0
"""Seconds; what a neighbour says so soon after an alert that counted tells nothing more."""
_TOLD_EACH: Final = 10.0
"""Seconds; a look that lasts longer and longer is told of so often."""
_MOST_KNOWN: Final = 256
_LONGEST_WAIT: Final = 10.0
_REST: Final = Seconds(0.05)
"""Between two turns: whoever floods a topic is listened to now and then."""


class Neighbours(Job):
    """The listeners run in the connection's thread and only put aside; everything else is this job's."""

    name = "neighbours"

    def __init__(
        self,
        topics: Mapping[str, str],
        closer: CloserLook,
        lasts: Seconds,
        clock: Clock,
        *,
        on_begin: Callable[[], None] = lambda: None,
        on_change: Callable[[], None] = lambda: None,
    ) -> None:
        """`topics`: of their alerts, by thing. `on_begin` is called when a closer look begins, `on_change` when there
        is something new to tell of it; both return at once."""
        self._topics = topics
        self._closer = closer
        self._lasts = lasts
        self._clock = clock
        self._on_begin = on_begin
        self._on_change = on_change
        self._waiting: dict[str, deque[bytes]] = {thing: deque(maxlen=_MOST_WAITING) for thing in topics}
        self._known: deque[str] = deque(maxlen=_MOST_KNOWN)
        self._deaf_until = dict.fromkeys(topics, float("-inf"))
        self._is_on = False
        self._told_at = float("-inf")
        self._wake = threading.Event()

    def subscribe_with(self, subscriber: Subscriber) -> None:
        """Before the connection is opened, or after."""
        for thing, topic in self._topics.items():
            subscriber.subscribe(topic, partial(self.heard, thing))

    def heard(self, thing: str, message: Message) -> None:
        """In the connection's thread. What the broker kept tells of an earlier time."""
        if not message.retain and self._clock.now().mono >= self._deaf_until[thing]:
            self._waiting[thing].append(message.payload)
            self._wake.set()

    def interrupt(self) -> None:
        self._wake.set()

    def step(self, stop: threading.Event) -> None:
        reason = self._closer.reason
        if self._is_on and reason is None:
            self._end()
        left = _LONGEST_WAIT if reason is None else max(0.0, reason.until - self._clock.now().mono)
        if self._clock.wait(self._wake, Seconds(min(left, _LONGEST_WAIT))) and not stop.is_set():
            self._wake.clear()
        for thing, waiting in self._waiting.items():
            if (alert := self._counts(thing, waiting)) is not None:
                self._look_closer(alert)
        self._clock.wait(stop, _REST)

    def end(self) -> None:
        self._closer.end()

    def _counts(self, thing: str, waiting: deque[bytes]) -> NeighbourAlert | None:
        """One of those that wait; the others of that moment tell nothing more."""
        found = None
        while waiting:
            alert = alert_of(waiting.popleft(), thing, self._clock.now(), self._lasts)
            if alert is not None and alert.id not in self._known:
                self._known.append(alert.id)
                found = alert
        return found

    def _look_closer(self, alert: NeighbourAlert) -> None:
        now = self._clock.now().mono
        self._deaf_until[alert.thing] = now + _PAUSE
        self._closer.begin(alert.thing)
        if not self._is_on:
            self._is_on = True
            self._on_begin()
            log.info(
                "neighbours: %s raised an alert (%s); looking more closely for %g s", alert.thing, alert.kind,
                self._lasts, extra={"code": "closer_look"},
            )  # fmt: skip
        elif now - self._told_at < _TOLD_EACH:
            return
        self._told_at = now
        self._on_change()

    def _end(self) -> None:
        self._is_on = False
        self._closer.end()
        log.info("neighbours: looking as usual again", extra={"code": "closer_look_ended"})
        self._on_change()
