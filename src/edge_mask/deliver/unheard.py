"""Topics that nobody subscribes to, where `mqtt.require_subscriber` says that this counts as not delivered.

row ──▶ PUBACK 16 ──▶ its topic waits: its rows are passed over, those of other topics go on
                         └─ after a growing delay its oldest row is offered again ──taken──▶ all of them, in order

One such probe is under way at a time, whatever the number of topics. A subscriber that comes in the middle of a window
may get the later half of it first; the rest follows, in order.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from edge_mask.errors import DatabaseError
from edge_mask.ledger.outbox import Pending
from edge_mask.messages import Fault, Priority
from edge_mask.plural import counted
from edge_mask.runtime.clock import Clock
from edge_mask.runtime.outage import Backoff, Outage
from edge_mask.units import Seconds

log = logging.getLogger(__name__)

CODE = "no_subscriber"
_MOST = 1000
"""Topics that are remembered; rules can make any number. With so many, all rows wait."""
_CAP = 30.0
"""Seconds: the longest delay between two probes of a topic."""
_READ_AGAIN_AFTER = 1.0


class Rows(Protocol):
    """Where the oldest row of a topic is found (ledger.outbox.Outbox)."""

    def first_of(self, topic: str, priority: Priority, row: int) -> Pending | None: ...


@dataclass(slots=True)
class _Waiting:
    """A topic without a subscriber."""

    priority: Priority
    row: int
    """Its oldest row."""
    probe_at: float
    backoff: Backoff = field(default_factory=lambda: Backoff(base=0.5, cap=_CAP, settled_after=0.0))


class Unheard:
    """`lasts` and `bool` may be used from any thread, the rest by the courier only."""

    def __init__(self, name: str, rows: Rows, report: Callable[[Fault], None], clock: Clock) -> None:
        """`name` is the destination's."""
        self._rows = rows
        self._topics: dict[str, _Waiting] = {}
        self._probing: str | None = None
        self._since: float | None = None
        self._outage = Outage(name, log, report, clock, what="a subscriber")
        self._must_reread = False

    def __bool__(self) -> bool:
        return bool(self._topics)

    def lasts(self, now: float) -> Seconds:
        """For how long at least one topic has been waiting; 0 when none is."""
        since = self._since
        return Seconds(0.0 if since is None else now - since)

    def passes_over(self, pending: Pending) -> bool:
        """Whether this row keeps its place."""
        return pending.message.topic in self._topics or len(self._topics) >= _MOST

    def begins(self, pending: Pending, now: float) -> None:
        """The broker has said that nobody subscribes to the topic of this row."""
        topic = pending.message.topic
        waiting = self._topics.get(topic)
        if waiting is None:
            waiting = self._topics[topic] = _Waiting(pending.message.priority, pending.row, now)
            self._tell(topic, now)
        elif topic != self._probing:  # sent before this was known
            waiting.row = min(waiting.row, pending.row)
            return
        self._probing = None if topic == self._probing else self._probing
        waiting.probe_at = now + waiting.backoff.next_delay()

    def undecided(self, pending: Pending, now: float) -> None:
        """The connection was lost: the topic may be heard on the next one."""
        if pending.message.topic == self._probing:
            self._topics[self._probing].probe_at = now
            self._probing = None

    def answered(self, pending: Pending) -> None:
        """The broker has passed this row on, or refused it for another reason."""
        if pending.message.topic in self._topics:
            self._over(pending.message.topic)

    def take_reread(self) -> bool:
        """Whether rows that were passed over must be read again now."""
        must, self._must_reread = self._must_reread, False
        return must

    def pause(self, now: float) -> float:
        """Seconds until a probe is due."""
        if self._probing is not None or not self._topics:
            return float("inf")
        return max(0.0, min(waiting.probe_at for waiting in self._topics.values()) - now)

    def probe(self, now: float) -> Pending | None:
        """The row to offer again now, as it is in the database; None when none is due."""
        while self.pause(now) <= 0.0:
            topic, waiting = min(self._topics.items(), key=lambda each: each[1].probe_at)
            try:
                pending = self._rows.first_of(topic, waiting.priority, waiting.row)
            except DatabaseError as error:
                log.debug("the outbox cannot be read now: %s", error)
                waiting.probe_at = now + _READ_AGAIN_AFTER
                return None
            if pending is None:  # dropped, erased or purged
                self._over(topic)
                continue
            waiting.row, self._probing = pending.row, topic
            return pending
        return None

    def connected(self, now: float) -> None:
        """Perhaps to another broker, or one with other subscribers."""
        for waiting in self._topics.values():
            waiting.probe_at, waiting.backoff = now, Backoff(base=0.5, cap=_CAP, settled_after=0.0)

    def forget(self) -> None:
        """The database was replaced, so the rows are new."""
        self._topics.clear()
        self._probing = self._since = None

    def _tell(self, topic: str, now: float) -> None:
        self._since = now if self._since is None else self._since
        reason = f"nobody subscribes to {topic}; its messages are kept until somebody does (mqtt.require_subscriber)"
        if not self._outage.begin(CODE, reason):
            log.debug("%s wait for a subscriber", counted(len(self._topics), "topic", "topics"))

    def _over(self, topic: str) -> None:
        del self._topics[topic]
        self._probing = None if topic == self._probing else self._probing
        self._must_reread = True
        if not self._topics:
            self._since = None
            self._outage.end()
