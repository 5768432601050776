"""Retention by age and size: of the outbox, checked in each commit, and of the history, checked each minute.

When the outbox is over its budget, messages that were set aside go first, then the oldest telemetry, then evidence,
then urgent. Every drop is counted; on the wire it shows as a gap in `seq`.

When the history takes more room than it may, the oldest looks or readings go first (of which there are more), then
the oldest hours of series, then visits and faults, then alerts.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import Connection

from edge_mask.kinds import FIRST_TO_GO, TABLES
from edge_mask.ledger.counters import count
from edge_mask.ledger.recount import recount
from edge_mask.ledger.schema import PENDING, SET_ASIDE
from edge_mask.ledger.series_schema import HOURS, ROOM
from edge_mask.ledger.series_thinning import SeriesBounds, drop_oldest
from edge_mask.ledger.soundness import is_whole
from edge_mask.units import Bytes, Moment, Seconds

_CHUNK = 200
KEPT_CLOCKS = "synced <> 0"  # rows of an earlier boot without a set clock have no known age
_SOUND_CLOCKS = "wall BETWEEN 0 AND 2.5e11 AND mono BETWEEN -1e12 AND 1e12"  # a damaged row must not hide the others


@dataclass(frozen=True, slots=True)
class Bounds:
    """The budget of the outbox, and that of the history (visits, looks, alerts, readings, faults)."""

    max_bytes: Bytes = Bytes(256_000_000)
    max_age: Seconds = Seconds(30 * 86400.0)
    history: Seconds = Seconds(365 * 86400.0)
    history_bytes: Bytes = Bytes(10**9)
    series: SeriesBounds = field(default_factory=SeriesBounds)


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
        if gone := getattr(dropped, name):
            count(connection, f"dropped_{name}", gone)
    return dropped


def _drop_old(connection: Connection, max_age: float, now: Moment, boot: str, dropped: Dropped) -> None:
    """Rows of this boot are aged by the monotonic clock, which does not jump; older ones by the wall clock."""
    # Ids grow with time, so the first row is the oldest: most commits check only that one.
    first = connection.exec_driver_sql(
        f"SELECT wall, mono, boot FROM outbox WHERE (boot = ? OR {KEPT_CLOCKS}) AND {_SOUND_CLOCKS}"
        " ORDER BY id LIMIT 1",
        (boot,),
    ).first()
    if first is None or (now.mono - first.mono if first.boot == boot else now.wall - first.wall) <= max_age:
        return
    old = f"""SELECT id FROM outbox WHERE state = ?
        AND (boot = ? AND mono < ? OR boot <> ? AND wall < ? AND {KEPT_CLOCKS}) ORDER BY id LIMIT 1000"""
    before = (boot, now.mono - max_age, boot, now.wall - max_age)
    dropped.age += _delete(connection, old, (PENDING, *before))
    dropped.refused += _delete(connection, old, (SET_ASIDE, *before))


def _drop_surplus(connection: Connection, max_bytes: int, dropped: Dropped) -> None:
    if (total := _waiting_bytes(connection)) > max_bytes and not _is_plausible(connection, total):
        recount(connection)
    while (total := _waiting_bytes(connection)) > max_bytes:
        surplus = total - max_bytes
        if gone := _drop_head(connection, "state = 1", "id", surplus):
            dropped.refused += gone
        elif gone := _drop_head(connection, "state = 0", "class DESC, id", surplus):
            dropped.space += gone
        else:
            return


def _waiting_bytes(connection: Connection) -> int:
    """The size by the totals; a huge number when they are damaged, so that the rows are counted anew."""
    sizes = [size for (size,) in connection.exec_driver_sql("SELECT bytes FROM totals")]
    return sum(sizes) if all(map(is_whole, sizes)) else 2**63


def _is_plausible(connection: Connection, size: int) -> bool:
    """Whether the file is large enough for it: a damaged total must not cost all its messages."""
    pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
    return bool(size <= 2 * pages * connection.exec_driver_sql("PRAGMA page_size").scalar_one())


def _drop_head(connection: Connection, where: str, order: str, surplus: int) -> int:
    """Delete rows in `order` until `surplus` bytes are freed, at most a chunk of them."""
    rows = connection.exec_driver_sql(
        f"SELECT id, bytes FROM outbox WHERE {where} ORDER BY {order} LIMIT {_CHUNK}"
    ).all()
    freed, ids = 0, []
    for row, size in rows:
        if freed >= surplus:
            break
        freed += size if is_whole(size) else 0
        ids.append((row,))
    if ids:
        connection.exec_driver_sql("DELETE FROM outbox WHERE id = ?", ids)
    return len(ids)


def _delete(connection: Connection, which: str, arguments: tuple[object, ...]) -> int:
    return connection.exec_driver_sql(f"DELETE FROM outbox WHERE id IN ({which})", arguments).rowcount


# -- the history ----------------------------------------------------------------------------------------

_FIRST_TO_GO: Final = (FIRST_TO_GO[0], (HOURS,), *FIRST_TO_GO[1:])
_CHUNKS_AT_ONCE = 10
"""Events wait while rows are deleted, so one call deletes only a part."""


@dataclass(slots=True)
class Forgotten:
    """How many events one check deleted, by cause."""

    age: int = 0
    space: int = 0
    has_more: bool = False
    """More have to be deleted."""


def forget_history(connection: Connection, bounds: Bounds, now: Moment, boot: str) -> Forgotten:
    """Delete stored events that are too old or too many, inside the caller's transaction."""
    forgotten = Forgotten()
    if now.synced:
        _forget_old(connection, bounds.history, now, boot, forgotten)
    _forget_surplus(connection, bounds.history_bytes, forgotten)
    return forgotten


def _forget_old(connection: Connection, keep: float, now: Moment, boot: str, forgotten: Forgotten) -> None:
    connection.exec_driver_sql(f"DELETE FROM held WHERE {KEPT_CLOCKS} AND wall < ?", (now.wall - keep,))
    for table in TABLES:
        old = f"{KEPT_CLOCKS} AND wall >= 0 AND wall < ? AND (boot <> ? OR mono < ?) LIMIT {_CHUNK}"
        gone = connection.exec_driver_sql(
            f"DELETE FROM {table} WHERE rowid IN (SELECT rowid FROM {table} WHERE {old})",
            (now.wall - keep, boot, now.mono - keep),
        ).rowcount
        forgotten.age += gone
        forgotten.has_more |= gone == _CHUNK


def _forget_surplus(connection: Connection, max_bytes: int, forgotten: Forgotten) -> None:
    if (total := sum(sizes_of(connection).values())) > max_bytes and not _is_plausible(connection, total):
        recount(connection)
    for _ in range(_CHUNKS_AT_ONCE):
        sizes = sizes_of(connection)
        surplus = sum(sizes.values()) - max_bytes
        if surplus <= 0 or (table := _next_to_go(sizes)) is None:
            return
        gone = (
            drop_oldest(connection, min(_CHUNK, surplus // ROOM + 1))
            if table == HOURS
            else _drop_first(connection, table)
        )
        if not gone:
            return
        forgotten.space += gone
    forgotten.has_more |= sum(sizes_of(connection).values()) > max_bytes


def _drop_first(connection: Connection, table: str) -> int:
    """In the order of writing: clocks may have been wrong."""
    return connection.exec_driver_sql(
        f"DELETE FROM {table} WHERE rowid IN (SELECT rowid FROM {table} ORDER BY rowid LIMIT {_CHUNK})"
    ).rowcount


def sizes_of(connection: Connection) -> dict[str, int]:
    """About how many bytes each table of the history takes, with its indexes."""
    found: dict[Any, Any] = dict(connection.exec_driver_sql("SELECT name, bytes FROM history").all())
    return {table: found[table] if is_whole(found.get(table)) else 0 for table in (*TABLES, HOURS)}


def _next_to_go(sizes: Mapping[str, int]) -> str | None:
    """The largest of the tables that go first."""
    for group in _FIRST_TO_GO:
        largest = max(group, key=lambda table: sizes[table])
        if sizes[largest] > 0:
            return largest
    return None
