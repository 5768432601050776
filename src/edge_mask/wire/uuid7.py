"""UUID version 7 (RFC 9562): ids that sort by the time they were made."""

import os
import threading
from collections.abc import Callable
from uuid import UUID

from edge_mask.units import Moment

_RANDOM_BITS = 74
_ROOM = 1 << (_RANDOM_BITS - 1)
_BELIEVABLE_STEP_BACK_MS = 10_000


def uuid7(milliseconds: int, random: int) -> UUID:
    """The UUID of a Unix time in milliseconds (48 bit) and 74 random bits."""
    high, low = random >> 62, random & ((1 << 62) - 1)
    return UUID(int=(milliseconds & (1 << 48) - 1) << 80 | 0x7 << 76 | high << 64 | 0b10 << 62 | low)


class IdMaker:
    """Makes increasing ids, also within one millisecond and when the clock steps back a little.

    A larger step back (over ten seconds) restarts the ids at the new time; they stay unique. Thread-safe.
    """

    def __init__(self, randomness: Callable[[int], bytes] = os.urandom) -> None:
        self._randomness = randomness
        self._lock = threading.Lock()
        self._milliseconds = -1
        self._random = 0

    def make(self, at: Moment) -> str:
        """A new id for something that happened `at` this moment."""
        now = max(0, int(at.wall * 1000))
        with self._lock:
            if now > self._milliseconds or now < self._milliseconds - _BELIEVABLE_STEP_BACK_MS:
                self._milliseconds = now
                self._random = self._fresh()
            else:
                self._random += 1 + int.from_bytes(self._randomness(4))
                if self._random >> _RANDOM_BITS:
                    self._milliseconds += 1
                    self._random = self._fresh()
            return str(uuid7(self._milliseconds, self._random))

    def _fresh(self) -> int:
        """A random number in the lower half: it leaves room to count up."""
        return int.from_bytes(self._randomness(10)) % _ROOM
