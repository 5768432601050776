"""`seq`: a counter for each topic, which goes on over restarts."""

import time
from typing import Any

from sqlalchemy import Connection

from edge_mask.ledger.soundness import damaged_columns

_BLOCK = 1000
"""Live topics reserve this many numbers at once, so that a live message costs no commit. After a power cut their
numbers jump instead of repeating."""


class Sequences:
    """The last number of each topic, and those that must still be written."""

    def __init__(self) -> None:
        self._last: dict[str, int] = {}
        self._stored: dict[str, int] = {}
        self._live: set[str] = set()
        self._changed: set[str] = set()
        self._lowest = 0
        """Where a topic begins that is not in the database."""

    def load(self, connection: Connection) -> None:
        """Start from the numbers in the database."""
        self._stored = {}
        for topic, seq in connection.exec_driver_sql("SELECT topic, seq FROM topics").all():
            if damaged := damaged_columns("topics", {"topic": topic, "seq": seq}):
                self._jump(topic, seq, damaged)
            else:
                self._stored[topic] = seq
        # When the file is closed and opened again, no number may be given out twice.
        self._last = {t: max(self._last.get(t, 0), self._stored.get(t, 0)) for t in self._last.keys() | self._stored}
        self._changed = {t for t, last in self._last.items() if last > self._stored.get(t, 0)}

    def _jump(self, topic: Any, seq: Any, damaged: list[str]) -> None:
        """A damaged row: its numbers jump ahead instead of repeating."""
        if "seq" in damaged:
            seq = max([int(time.time()), *self._stored.values()])  # no device sends more than one a second for years
        if "topic" in damaged:
            self._lowest = max(self._lowest, seq)  # any new topic may be the one whose name is lost
        else:
            self._stored[topic] = seq

    def next(self, topic: str, *, live: bool) -> int:
        """The next number of `topic`."""
        number = self._last.get(topic, self._lowest) + 1
        self._last[topic] = number
        if live:
            self._live.add(topic)
        if not live or number > self._stored.get(topic, 0):
            self._changed.add(topic)
        return number

    def last(self, topic: str) -> int:
        """The last number that was given out; 1 before the first."""
        return max(1, self._last.get(topic, self._lowest))

    def given_out(self, topic: str) -> int | None:
        """The same; None for a topic that never had one."""
        return self._last.get(topic)

    @property
    def is_dirty(self) -> bool:
        """True when numbers must be written."""
        return bool(self._changed)

    def write(self, connection: Connection, *, closing: bool = False) -> None:
        """Write changed numbers, inside the caller's transaction; when `closing`, live ones exactly."""
        topics = self._live | self._changed if closing else self._changed
        rows = [(t, self._last[t] + (_BLOCK if t in self._live and not closing else 0)) for t in sorted(topics)]
        if rows:
            connection.exec_driver_sql(
                "INSERT INTO topics VALUES (?, ?) ON CONFLICT (topic) DO UPDATE SET seq = excluded.seq", rows
            )

    def written(self) -> None:
        """The transaction of `write` has committed."""
        for topic in self._changed:
            self._stored[topic] = self._last[topic] + (_BLOCK if topic in self._live else 0)
        self._changed.clear()
