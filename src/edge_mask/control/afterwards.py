"""What is still to be said to those who asked: it outlives the house that was asked.

any thread ──say──▶ Afterwards ──take──▶ the control worker of the house that runs now ──▶ transport
                         ▲──────────────put back── the connection was lost before the acknowledgement
"""

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from edge_mask.messages import Message

MOST_WAITING: Final = 256
LONGEST_WAIT: Final = 300.0
"""Seconds after which nobody waits for an answer any more."""


@dataclass(frozen=True, slots=True)
class Owed:
    """One message that somebody waits for, until `until` on the monotonic clock."""

    message: Message
    until: float


class Afterwards:
    """Messages in the order in which they became due. They are never written to the disk."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._owed: deque[Owed] = deque(maxlen=MOST_WAITING)  # a full one forgets the oldest
        self._ring: Callable[[], object] = lambda: None

    def __len__(self) -> int:
        return len(self._owed)

    def say(self, message: Message, now: float) -> None:
        """Send it as soon as a house is connected; never waits, from any thread."""
        with self._lock:
            self._owed.append(Owed(message, now + LONGEST_WAIT))
        self._ring()

    def heard_by(self, ring: Callable[[], object]) -> None:
        """From now on call `ring`, which returns at once, when there is something to send."""
        self._ring = ring
        ring()

    def take(self, now: float) -> list[Owed]:
        """Everything that is still worth sending, oldest first."""
        with self._lock:
            owed = [each for each in self._owed if each.until > now]
            self._owed.clear()
        return owed

    def put_back(self, owed: Owed) -> None:
        """It was not acknowledged: the next connection gets it again."""
        with self._lock:
            if len(self._owed) < MOST_WAITING:
                self._owed.appendleft(owed)
        self._ring()
