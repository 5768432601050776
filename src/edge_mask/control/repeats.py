"""What was asked before: a request that comes again is done once and answered once."""

import hashlib
import threading
from collections import OrderedDict
from typing import Final

from edge_mask.messages import Message

REMEMBERED_FOR: Final = 300.0
"""Seconds; the contract's five minutes."""
MOST_REMEMBERED: Final = 1000


class Repeats:
    """The requests of the last minutes, by command and `request_id`, over all houses. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._seen: OrderedDict[tuple[str, str], float] = OrderedDict()
        self._kept: OrderedDict[bytes, None] = OrderedDict()

    def is_new(self, name: str, request_id: str | None, now: float) -> bool:
        """Whether it was not asked within the last five minutes; from now on it was. Without an id all are new."""
        if request_id is None:
            return True
        with self._lock:
            while self._seen and next(iter(self._seen.values())) <= now - REMEMBERED_FOR:
                self._seen.popitem(last=False)
            if (name, request_id) in self._seen:
                return False
            self._seen[name, request_id] = now
            if len(self._seen) > MOST_REMEMBERED:
                self._seen.popitem(last=False)
            return True

    def forget(self, name: str, request_id: str | None) -> None:
        """It was not carried out: the same request may come again."""
        if request_id is not None:
            with self._lock:
                self._seen.pop((name, request_id), None)

    def is_first_sight(self, kept: Message) -> bool:
        """Whether this retained request, which the broker sends at each connection, was not seen before."""
        digest = hashlib.sha256(b"\0".join((kept.topic.encode(), kept.payload))).digest()
        with self._lock:
            if digest in self._kept:
                return False
            self._kept[digest] = None
            if len(self._kept) > MOST_REMEMBERED:
                self._kept.popitem(last=False)
            return True
