"""What may stay in the history: so long, and so much.

When it takes more room than it may, the oldest looks or readings go first (of which there are more), then visits and
faults, then alerts.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection

from edge_mask.kinds import FIRST_TO_GO, TABLES
from edge_mask.ledger.bounds import KEPT_CLOCKS, Bounds
from edge_mask.units import Moment

_CHUNK = 200
_CHUNKS_AT_ONCE = 10
"""Events wait while rows are deleted: a part at a time, the rest a moment later."""


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
    for table in TABLES:
        old = f"{KEPT_CLOCKS} AND wall < ? AND (boot <> ? OR mono < ?) LIMIT {_CHUNK}"
        gone = connection.exec_driver_sql(
            f"DELETE FROM {table} WHERE rowid IN (SELECT rowid FROM {table} WHERE {old})",
            (now.wall - keep, boot, now.mono - keep),
        ).rowcount
        forgotten.age += gone
        forgotten.has_more |= gone == _CHUNK


def _forget_surplus(connection: Connection, max_bytes: int, forgotten: Forgotten) -> None:
    for _ in range(_CHUNKS_AT_ONCE):
        sizes = sizes_of(connection)
        if sum(sizes.values()) <= max_bytes or (table := _next_to_go(sizes)) is None:
            return
        # In the order in which they were written: clocks may have been wrong.
        gone = connection.exec_driver_sql(
            f"DELETE FROM {table} WHERE rowid IN (SELECT rowid FROM {table} ORDER BY rowid LIMIT {_CHUNK})"
        ).rowcount
        if not gone:
            return
        forgotten.space += gone
    forgotten.has_more |= sum(sizes_of(connection).values()) > max_bytes


def sizes_of(connection: Connection) -> dict[str, int]:
    """About how many bytes each table of events takes, with its indexes."""
    return {row.name: row.bytes for row in connection.exec_driver_sql("SELECT name, bytes FROM history")}


def _next_to_go(sizes: Mapping[str, int]) -> str | None:
    """The largest of the tables that go first."""
    for group in FIRST_TO_GO:
        largest = max(group, key=lambda table: sizes[table])
        if sizes[largest] > 0:
            return largest
    return None
