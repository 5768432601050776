"""What may stay in the outbox, and what goes first when there is too much: bounds checked inside each commit.

When the outbox is over its budget, messages that were set aside go first, then the oldest telemetry, then
evidence, then urgent. Every drop is counted; on the wire it shows as a gap in `seq`.
"""

from dataclasses import dataclass

from sqlalchemy import Connection

from edge_mask.ledger.tables import PENDING, SET_ASIDE
from edge_mask.units import Bytes, Moment, Seconds

_CHUNK = 200
KEPT_CLOCKS = "synced <> 0"  # the age of what an earlier boot saw before its clock was set is not known


@dataclass(frozen=True, slots=True)
class Bounds:
    """The budget of the outbox, and that of the history (visits, looks, alerts, readings, faults)."""

    max_bytes: Bytes = Bytes(256_000_000)
    max_age: Seconds = Seconds(30 * 86400.0)
    history: Seconds = Seconds(365 * 86400.0)
    history_bytes: Bytes = Bytes(10**9)


@dataclass(slots=True)
class Dropped:
    """How many messages one check dropped, by cause."""

    age: int = 0
    space: int = 0
    refused: int = 0

    def __bool__(self) -> bool:
        return bool(self.age or self.space or self.refused)


def enforce(connection: Connection, bounds: Bounds, now: Moment, boot: str) -> Dropped:
    """Drop what is too old or too much, and count it, inside the caller's transaction."""
    dropped = Dropped()
    if now.synced:
        _drop_old(connection, bounds.max_age, now, boot, dropped)
    _drop_surplus(connection, bounds.max_bytes, dropped)
    for name in ("age", "space", "refused"):
        if count := getattr(dropped, name):
            _count(connection, f"dropped_{name}", count)
    return dropped


def _drop_old(connection: Connection, max_age: float, now: Moment, boot: str, dropped: Dropped) -> None:
    """What this boot saw has its age from the monotonic clock, which does not jump; the rest from the wall clock."""
    # Ids grow with time, so the first row is the oldest: one look at it is the whole check on most commits.
    first = connection.exec_driver_sql(
        f"SELECT wall, mono, boot FROM outbox WHERE boot = ? OR {KEPT_CLOCKS} ORDER BY id LIMIT 1", (boot,)
    ).first()
    if first is None or (now.mono - first.mono if first.boot == boot else now.wall - first.wall) <= max_age:
        return
    old = f"""SELECT id FROM outbox WHERE state = ?
        AND (boot = ? AND mono < ? OR boot <> ? AND wall < ? AND {KEPT_CLOCKS}) ORDER BY id LIMIT 1000"""
    before = (boot, now.mono - max_age, boot, now.wall - max_age)
    dropped.age += _delete(connection, old, (PENDING, *before))
    dropped.refused += _delete(connection, old, (SET_ASIDE, *before))


def _drop_surplus(connection: Connection, max_bytes: int, dropped: Dropped) -> None:
    while True:
        total = connection.exec_driver_sql("SELECT sum(bytes) FROM totals").scalar() or 0
        if total <= max_bytes:
            return
        surplus = total - max_bytes
        if gone := _drop_head(connection, "state = 1", "id", surplus):
            dropped.refused += gone
        elif gone := _drop_head(connection, "state = 0", "class DESC, id", surplus):
            dropped.space += gone
        else:
            return


def _drop_head(connection: Connection, where: str, order: str, surplus: int) -> int:
    """Delete rows in `order` until `surplus` bytes are freed, at most a chunk of them."""
    rows = connection.exec_driver_sql(
        f"SELECT id, bytes FROM outbox WHERE {where} ORDER BY {order} LIMIT {_CHUNK}"
    ).all()
    freed, ids = 0, []
    for row, size in rows:
        if freed >= surplus:
            break
        freed += size
        ids.append((row,))
    if ids:
        connection.exec_driver_sql("DELETE FROM outbox WHERE id = ?", ids)
    return len(ids)


def _delete(connection: Connection, which: str, arguments: tuple[object, ...]) -> int:
    return connection.exec_driver_sql(f"DELETE FROM outbox WHERE id IN ({which})", arguments).rowcount


def _count(connection: Connection, name: str, by: int) -> None:
    connection.exec_driver_sql(
        "INSERT INTO counters VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = value + excluded.value", (name, by)
    )
