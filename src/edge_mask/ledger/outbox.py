"""The couriers' view of the outbox: the waiting messages of one destination, and the destinations that have any."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NotRequired, TypedDict

from sqlalchemy import Connection, RowMapping

from edge_mask.errors import DatabaseError
from edge_mask.ledger.connections import ReadView, is_damage
from edge_mask.ledger.rows import unpack_properties
from edge_mask.ledger.schema import PENDING, SET_ASIDE
from edge_mask.ledger.soundness import damaged_columns, is_number, is_text, is_time, is_whole
from edge_mask.messages import Message, Priority
from edge_mask.units import Moment

STORED_PRIORITIES = (Priority.URGENT, Priority.EVIDENCE, Priority.TELEMETRY)

_COLUMNS = (
    "id, destination, class, topic, message_id, payload, qos, retain, properties, bytes, wall, mono, synced,"
    " boot, checksum"
)
_FIRST_ROW: Final = -(2**63)
"""The lowest number in SQLite. Ours begin at 1, but a message with a damaged number must be sent, too."""
_NEXT = (
    f"SELECT {_COLUMNS} FROM outbox WHERE destination = ? AND state = 0 AND class = ? AND id > ? ORDER BY id LIMIT ?"
)

_HEAD = "SELECT wall, mono, boot FROM outbox WHERE state = 0 AND class = ? ORDER BY id LIMIT 1"
_ONE = f"SELECT {_COLUMNS} FROM outbox WHERE id = ?"
_FIRST_OF = (
    f"SELECT {_COLUMNS} FROM outbox WHERE destination = ? AND state = 0 AND class = ? AND id >= ? AND topic = ?"
    " ORDER BY id LIMIT 1"
)


@dataclass(frozen=True, slots=True)
class Pending:
    """One waiting message, and when its event was seen."""

    row: int
    message: Message
    wall: float
    mono: float
    boot: str
    clock_was_set: bool
    """`wall` is right: the clock was set then, or the time was restored later in the same boot."""
    restamped: bool
    """`wall` was restored; the payload still carries the wrong `ts`."""


class Outbox:
    """Reads pending rows of one destination, a bounded number at a time. One courier thread owns it."""

    def __init__(self, path: Path, destination: str, on_damage: Callable[[], None] = lambda: None) -> None:
        """`on_damage` is called when a row or the file is found damaged."""
        self._view = ReadView(path)
        self._destination = destination
        self._on_damage = on_damage

    @property
    def epoch(self) -> int:
        """Changes when another file takes the place of the old one; cursors are worthless then."""
        return self._view.epoch

    def after(self, cursors: dict[Priority, int], limit: int) -> list[Pending]:
        """Up to `limit` rows behind the cursors: urgent before evidence before telemetry, each by age.

        Damaged rows are skipped; the recorder sets them aside. Raises DatabaseError.
        """
        try:
            return self._after(cursors, limit)
        except DatabaseError as error:
            if is_damage(error):
                self._on_damage()
            raise

    def first_of(self, topic: str, priority: Priority, row: int) -> Pending | None:
        """The oldest sound row of a topic from this row on; None when no more waits. Raises DatabaseError."""
        with self._view.transaction() as connection:
            while True:
                arguments = (self._destination, int(priority), row, topic)
                found = connection.exec_driver_sql(_FIRST_OF, arguments).mappings().one_or_none()
                if found is None or (pending := _pending(found)) is not None:
                    return None if found is None else pending
                self._on_damage()
                row = found["id"] + 1

    def _after(self, cursors: dict[Priority, int], limit: int) -> list[Pending]:
        found: list[Pending] = []
        with self._view.transaction() as connection:
            for priority in STORED_PRIORITIES:
                behind = cursors.get(priority, _FIRST_ROW)
                while (room := limit - len(found)) > 0:
                    arguments = (self._destination, int(priority), behind, room)
                    rows = connection.exec_driver_sql(_NEXT, arguments).mappings().all()
                    sound = [pending for pending in map(_pending, rows) if pending is not None]
                    found += sound
                    if len(sound) == len(rows):
                        break
                    self._on_damage()
                    behind = rows[-1]["id"]  # a page of damaged rows is not the end
        return found

    def close(self) -> None:
        self._view.close()


def one(connection: Connection, row: int) -> Pending | None:
    """A single row, in the caller's transaction; None when it is gone or damaged."""
    found = connection.exec_driver_sql(_ONE, (row,)).mappings().first()
    return None if found is None else _pending(found)


def _pending(row: RowMapping) -> Pending | None:
    """None for a row that is damaged."""
    if damaged_columns("outbox", row):
        return None
    message = Message(
        topic=row["topic"],
        payload=row["payload"],
        priority=Priority(row["class"]),
        qos=row["qos"],
        id=row["message_id"],
        retain=bool(row["retain"]),
        properties=unpack_properties(row["properties"]) if row["properties"] else {},
    )
    return Pending(row["id"], message, row["wall"], row["mono"], row["boot"], row["synced"] != 0, row["synced"] == 2)


NOTIFY: Final = "notify:"
"""What the destinations of notifications begin with."""
NOTIFY_TOPIC: Final = "notify/"
"""What their topics begin with: no broker ever sees them."""
_FIRST = "SELECT min(destination) FROM outbox WHERE destination > CAST(? AS TEXT) AND destination < ?"
_WAITS = "SELECT 1 FROM outbox WHERE destination = ? AND state = 0 LIMIT 1"


class Destinations:
    """Finds destinations in the index of the outbox: two look-ups for each, however many messages wait."""

    def __init__(self, path: Path, prefix: str) -> None:
        """`prefix` is what their names begin with, such as `http:`. One thread uses it."""
        self._view = ReadView(path)
        self._prefix = prefix
        self._beyond = prefix[:-1] + chr(ord(prefix[-1]) + 1)

    def waiting(self) -> list[str]:
        """Sorted by name, without those that have only refused messages."""
        found: list[str] = []
        name = self._prefix
        with self._view.transaction() as connection:
            while True:
                behind = name.encode("utf-8", "surrogateescape")  # steps over a damaged name, too
                name = connection.exec_driver_sql(_FIRST, (behind, self._beyond)).scalar_one()
                if name is None:
                    return found
                if is_text(name) and connection.exec_driver_sql(_WAITS, (name,)).first() is not None:
                    found.append(name)

    def close(self) -> None:
        self._view.close()


NOT_TOLD = ("expired", "cool_down", "same_event", "quiet", "nobody", "unsubscribed", "no_target")
"""Why a notification was not sent; names of counters behind `notify_`."""


class OutboxStatus(TypedDict):
    """The outbox in numbers."""

    pending: int
    bytes: int
    oldest_s: float
    refused: int
    dropped: dict[str, int]
    """By `age`, `space` and `refused`, since the database was made."""
    not_told: NotRequired[dict[str, int]]
    """Notifications that were not sent, by why; absent while there are none."""


def outbox_status(connection: Connection, now: Moment, boot: str) -> OutboxStatus:
    """In constant time. A damaged number counts as 0."""
    totals = {
        state: (_whole(messages), _whole(size))
        for state, messages, size in connection.exec_driver_sql("SELECT state, messages, bytes FROM totals")
    }
    drops = {name: _whole(value) for name, value in connection.exec_driver_sql("SELECT name, value FROM counters")}
    # One look into the index per class: sorting all pending rows by id would cost their number.
    heads = [connection.exec_driver_sql(_HEAD, (int(priority),)).first() for priority in STORED_PRIORITIES]
    # Within one boot the monotonic clock tells the age even when the wall clock was not set.
    ages = [
        now.mono - head.mono if head.boot == boot else now.wall - head.wall
        for head in heads
        if head is not None and is_time(head.wall) and is_number(head.mono)
    ]
    pending, size = totals.get(PENDING, (0, 0))
    not_told = {name: drops.get(f"notify_{name}", 0) for name in NOT_TOLD}
    status: OutboxStatus = {
        "pending": pending,
        "bytes": size,
        "oldest_s": round(max(0.0, *ages), 1) if ages else 0.0,
        "refused": totals.get(SET_ASIDE, (0, 0))[0],
        "dropped": {name: drops.get(f"dropped_{name}", 0) for name in ("age", "space", "refused")},
    }
    if any(not_told.values()):
        status["not_told"] = not_told
    return status


def _whole(value: Any) -> int:
    return value if is_whole(value) else 0
