"""Which destinations of one kind have messages waiting."""

from pathlib import Path

from sqlalchemy import Connection

from edge_mask.ledger.database import open_reader

_FIRST = "SELECT min(destination) FROM outbox WHERE destination > ? AND destination < ?"
_WAITS = "SELECT 1 FROM outbox WHERE destination = ? AND state = 0 LIMIT 1"


class Destinations:
    """Looks through the outbox's index by leaps: two look-ups per destination, however many messages wait."""

    def __init__(self, path: Path, prefix: str) -> None:
        """`prefix` is what their names begin with, such as `http:`. One thread uses it."""
        self._path = path
        self._prefix = prefix
        self._beyond = prefix[:-1] + chr(ord(prefix[-1]) + 1)
        self._connection: Connection | None = None

    def waiting(self) -> list[str]:
        """In order of their names; those with nothing but refused messages are left out."""
        if self._connection is None:
            self._connection = open_reader(self._path)
        found: list[str] = []
        name = self._prefix
        try:
            while (name := self._connection.exec_driver_sql(_FIRST, (name, self._beyond)).scalar_one()) is not None:
                if self._connection.exec_driver_sql(_WAITS, (name,)).first() is not None:
                    found.append(name)
        finally:
            # An open read transaction would keep the WAL from being checkpointed.
            self._connection.rollback()
        return found

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
