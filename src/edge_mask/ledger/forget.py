"""What may stay in the history: so long, and so much.

When it takes more room than it may, the oldest looks and readings go first, then visits and faults, then alerts.
"""

from dataclasses import dataclass

from sqlalchemy import Connection

from edge_mask.ledger.bounds import KEPT_CLOCKS, Bounds
from edge_mask.ledger.tables import EVENT_TABLES
from edge_mask.units import Moment

_CHUNK = 200
_CHUNKS_AT_ONCE = 10
"""Events wait while rows are deleted: a part at a time, the rest a moment later."""
_FIRST_TO_GO = (("looks", "readings"), ("visits", "faults"), ("alerts",))


@dataclass(slots=True)
class Forgotten:
    """How many events one look deleted, by cause."""

    age: int = 0
    space: int = 0
    has_more: bool = False
    """Others have to go, too."""


def forget_history(connection: Connection, bounds: Bounds, now: Moment, boot: str) -> Forgotten:
    """Delete stored events that are too old or too many, inside the caller's transaction."""
    forgotten = Forgotten()
    if now.synced:
        _forget_old(connection, bounds.history, now, boot, forgotten)
    _forget_surplus(connection, bounds.history_bytes, forgotten)
    return forgotten


def _forget_old(connection: Connection, keep: float, now: Moment, boot: str, forgotten: Forgotten) -> None:
    for table in EVENT_TABLES:
        old = f"{KEPT_CLOCKS} AND wall < ? AND (boot <> ? OR mono < ?) LIMIT {_CHUNK}"
        gone = connection.exec_driver_sql(
            f"DELETE FROM {table} WHERE rowid IN (SELECT rowid FROM {table} WHERE {old})",
            (now.wall - keep, boot, now.mono - keep),
        ).rowcount
        forgotten.age += gone
        forgotten.has_more |= gone == _CHUNK


def _forget_surplus(connection: Connection, max_bytes: int, forgotten: Forgotten) -> None:
    for _ in range(_CHUNKS_AT_ONCE):
        if history_bytes(connection) <= max_bytes:
            return
        table = _next_to_go(connection)
        if table is None:
            return
        forgotten.space += connection.exec_driver_sql(
            f"DELETE FROM {table} WHERE rowid IN (SELECT rowid FROM {table} ORDER BY rowid LIMIT {_CHUNK})"
        ).rowcount
    forgotten.has_more |= history_bytes(connection) > max_bytes


def history_bytes(connection: Connection) -> int:
    """The room that the history takes with its indexes: what is used of the file, without the outbox."""
    size, pages, free = (
        connection.exec_driver_sql(f"PRAGMA {name}").scalar_one()
        for name in ("page_size", "page_count", "freelist_count")
    )
    outbox = connection.exec_driver_sql("SELECT sum(bytes) FROM totals").scalar() or 0
    return int(max(0, (pages - free) * size - outbox))


def _next_to_go(connection: Connection) -> str | None:
    """The table with the oldest event, of those that go first; ids grow with time."""
    for group in _FIRST_TO_GO:
        oldest = []
        for table in group:
            first = connection.exec_driver_sql(f"SELECT id FROM {table} ORDER BY rowid LIMIT 1").scalar()
            if first is not None:
                oldest.append((str(first), table))
        if oldest:
            return min(oldest)[1]
    return None
