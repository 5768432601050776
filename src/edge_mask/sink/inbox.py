"""What has arrived and is not stored yet, between the connection's thread and the writer's.

The broker has at most `receive_maximum` unacknowledged messages under way on a connection. What a connection brought is
kept when it is lost: a broker that was killed may have forgotten it. It comes again on the next one, and the database
keeps one of each; where many connections are lost while the database is away, the oldest of that go.
"""

import threading
import time
from collections import deque
from dataclasses import dataclass
from typing import Protocol

from edge_mask.sink.rows import Incoming


class Acknowledging(Protocol):
    """The connection that brought a message."""

    @property
    def has_ended(self) -> bool: ...

    def acknowledge(self, packets: "list[int]") -> None:
        """Tell the broker that these are stored; does nothing once the connection has ended. From any thread."""
        ...


@dataclass(frozen=True, slots=True)
class Arrival:
    """A message, and who waits for its acknowledgement."""

    incoming: Incoming
    packet: int | None
    """Its number on this connection; None at QoS 0, where nobody waits."""
    connection: Acknowledging


class Inbox:
    """A queue with one end in each of two threads. It never waits: `most` is more than a connection can bring."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._changed = threading.Condition()
        self._waiting: deque[Arrival] = deque()
        self._is_closed = False
        self._in_hand = 0
        self.last_arrival = time.monotonic()

    @property
    def is_done(self) -> bool:
        """Whether nothing waits, and all that was taken is stored: its taker came again."""
        with self._changed:
            return not self._waiting and not self._in_hand

    def put(self, arrival: Arrival) -> None:
        with self._changed:
            self.last_arrival = time.monotonic()
            self._waiting.append(arrival)
            while len(self._waiting) > self._most and self._waiting[0].connection.has_ended:
                self._waiting.popleft()
            self._changed.notify()

    def close(self) -> None:
        """Nothing more is taken: what waits is sent again to the next connection."""
        with self._changed:
            self._is_closed = True
            self._waiting.clear()
            self._changed.notify()

    def take(self, most: int, wait: float, idle: float) -> list[Arrival]:
        """Up to `most`; for those after the first it waits `wait` seconds; [] after `idle` seconds or when closed."""
        with self._changed:
            self._in_hand = 0
            self._changed.wait_for(lambda: self._waiting or self._is_closed, idle)
            if self._waiting and wait > 0:
                self._changed.wait_for(lambda: len(self._waiting) >= most or self._is_closed, wait)
            self._in_hand = min(most, len(self._waiting))
            return [self._waiting.popleft() for _ in range(self._in_hand)]
