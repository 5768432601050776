"""What a courier sees of the outbox: pending messages in the order in which they leave."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from edge_mask.ledger.rows import unpack_properties
from edge_mask.ledger.view import ReadView
from edge_mask.messages import Message, Priority

STORED_PRIORITIES = (Priority.URGENT, Priority.EVIDENCE, Priority.TELEMETRY)

_COLUMNS = "id, class, topic, message_id, payload, qos, retain, properties, wall, mono, synced, boot"
_NEXT = (
    f"SELECT {_COLUMNS} FROM outbox WHERE destination = ? AND state = 0 AND class = ? AND id > ? ORDER BY id LIMIT ?"
)

_ONE = f"SELECT {_COLUMNS} FROM outbox WHERE id = ?"


@dataclass(frozen=True, slots=True)
class Pending:
    """One waiting message, and when it was seen."""

    row: int
    message: Message
    wall: float
    mono: float
    boot: str
    clock_was_set: bool
    """`wall` can be believed: the clock was set then, or the time was restored later in the same boot."""
    restamped: bool
    """`wall` was restored; the payload still carries the wrong `ts`."""


class Outbox:
    """Reads pending rows of one destination, a bounded number at a time. One courier thread owns it."""

    def __init__(self, path: Path, destination: str) -> None:
        self._view = ReadView(path)
        self._destination = destination

    @property
    def epoch(self) -> int:
        """Another number after another file has taken the place of the one that was read; cursors end with it."""
        return self._view.epoch

    def after(self, cursors: dict[Priority, int], limit: int) -> list[Pending]:
        """Up to `limit` rows behind the cursors: urgent before evidence before telemetry, each by age."""
        found: list[Pending] = []
        with self._view.transaction() as connection:
            for priority in STORED_PRIORITIES:
                if len(found) >= limit:
                    break
                arguments = (self._destination, int(priority), cursors.get(priority, 0), limit - len(found))
                found += [_pending(row) for row in connection.exec_driver_sql(_NEXT, arguments)]
        return found

    def close(self) -> None:
        self._view.close()


def one(connection: Connection, row: int) -> Pending | None:
    """A single row, in the caller's transaction; None when it is gone."""
    found = connection.exec_driver_sql(_ONE, (row,)).first()
    return None if found is None else _pending(found)


def _pending(row: Any) -> Pending:
    number, priority, topic, message_id, payload, qos, retain, properties, wall, mono, synced, boot = row
    message = Message(
        topic=topic,
        payload=payload,
        priority=Priority(priority),
        qos=qos,
        id=message_id,
        retain=bool(retain),
        properties=unpack_properties(properties) if properties else {},
    )
    return Pending(number, message, wall, mono, boot, synced != 0, synced == 2)
