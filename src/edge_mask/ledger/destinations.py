"""Which destinations of one kind have messages waiting."""

from pathlib import Path

from edge_mask.ledger.view import ReadView

_FIRST = "SELECT min(destination) FROM outbox WHERE destination > ? AND destination < ?"
_WAITS = "SELECT 1 FROM outbox WHERE destination = ? AND state = 0 LIMIT 1"


class Destinations:
    """Looks through the outbox's index by leaps: two look-ups per destination, however many messages wait."""

    def __init__(self, path: Path, prefix: str) -> None:
        """`prefix` is what their names begin with, such as `http:`. One thread uses it."""
        self._view = ReadView(path)
        self._prefix = prefix
        self._beyond = prefix[:-1] + chr(ord(prefix[-1]) + 1)

    def waiting(self) -> list[str]:
        """In order of their names; those with nothing but refused messages are left out."""
        found: list[str] = []
        name = self._prefix
        with self._view.transaction() as connection:
            while (name := connection.exec_driver_sql(_FIRST, (name, self._beyond)).scalar_one()) is not None:
                if connection.exec_driver_sql(_WAITS, (name,)).first() is not None:
                    found.append(name)
        return found

    def close(self) -> None:
        self._view.close()
