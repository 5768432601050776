"""What rules published on the topics of sensors, known again when the broker brings it back.

rule ─▶ made() ─▶ outbox ─▶ broker ─▶ sensor: depth_of() ─▶ reading ─▶ rule ─▶ …      ends like any chain of rules
"""

import threading
from collections import deque
from collections.abc import Iterable
from typing import Final

from edge_mask.messages import Message

_MOST: Final = 1000
"""The oldest ones are taken for somebody else's then."""


class Echoes:
    """Filled by the recorder before a message can leave, asked by the feed of topics."""

    def __init__(self, topics: Iterable[str]) -> None:
        """`topics`: those that are heard."""
        self._topics = frozenset(topics)
        self._lock = threading.Lock()
        self._made: deque[tuple[str, int, int]] = deque(maxlen=_MOST)

    def made(self, message: Message, depth: int) -> None:
        """A rule publishes this; `depth` rules in a row have led to it."""
        if message.topic in self._topics:
            with self._lock:
                self._made.append((message.topic, hash(message.payload), depth))

    def depth_of(self, message: Message) -> int:
        """How many rules in a row have led to this message; 0 for what others say. Each one is known again once."""
        said = message.topic, hash(message.payload)
        with self._lock:
            for index, (topic, payload, depth) in enumerate(self._made):
                if (topic, payload) == said:
                    del self._made[index]
                    return depth
        return 0
