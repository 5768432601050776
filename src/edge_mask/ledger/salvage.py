"""A damaged database: set the file aside, carry over every row that can still be read, count the rest.

damaged file ──renamed──▶ ….damaged-<time>
     │ rows before the damage, rows behind it, rows between two damaged places
     ▼
a new file; what its tables should hold by the old one's own totals, less what they hold, is lost
"""

import logging
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from edge_mask.errors import DatabaseError
from edge_mask.kinds import TABLES
from edge_mask.ledger.connections import as_text, in_our_words, is_damage, open_writer
from edge_mask.ledger.contents import is_readable, with_fresh_contents
from edge_mask.ledger.database import Lock, beside, is_there, real_path, refuse_other_files
from edge_mask.ledger.rows import recount
from edge_mask.ledger.schema import SET_ASIDE
from edge_mask.ledger.soundness import is_whole
from edge_mask.redact import legible

log = logging.getLogger(__name__)

_KEYS = {"topics": "topic", "counters": "name", "shadows": "address"}
_CARRIED = (*_KEYS, "outbox", *TABLES)
_BATCH = 500
_COPY, _UNFINISHED, _FINISHED = ".damaged-copy", ".salvaging", ".salvaged"
_FIRST_ROW, _BEYOND = -(2**63), 2**62


@dataclass(frozen=True, slots=True)
class Salvaged:
    """What became of a damaged database."""

    aside: Path
    rows: int
    lost: int | None
    """Messages of the outbox that could not be read; None when not even their number can be known."""
    lost_events: int | None = 0
    """The same of the history."""

    def __str__(self) -> str:
        lost = _number(self.lost, "messages")
        if self.lost_events != 0:
            lost += f" and {_number(self.lost_events, 'events of the history')}"
        return f"the database was damaged; it lies in {self.aside}, {self.rows} rows were carried over, {lost} lost"


def _number(count: int | None, what: str) -> str:
    return f"an unknown number of {what}" if count is None else f"{count} {what}"


def salvage(path: Path) -> Salvaged:
    """Write what can be read of the damaged file into a new one, set the old one (with its WAL) aside, and put the new
    one in its place. Killed meanwhile, it begins again, or `finish` ends it."""
    made, copy = beside(path, _UNFINISHED), beside(path, _COPY)
    _remove(made, copy)
    open_writer(made).close()
    is_copied = not is_readable(path) and with_fresh_contents(path, made, copy)
    with (
        closing(open_writer(made)) as target,
        closing(sqlite3.connect(copy if is_copied else path)) as source,
    ):
        source.text_factory = as_text  # and not immutable: the WAL beside it may hold the newest rows
        expected, expected_events = _expected_messages(source), _expected_events(source)
        kept = {table: _copy(source, table, target) for table in _CARRIED}
        with target.begin():
            recount(target)
    _remove(copy)
    made.rename(beside(path, _FINISHED))
    aside = _set_aside(path)
    finish(path)
    events = sum(kept[table] for table in TABLES)
    result = Salvaged(
        aside,
        sum(kept.values()),
        None if expected is None else max(0, expected - kept["outbox"]),
        None if expected_events is None else max(0, expected_events - events),
    )
    log.error("outbox: %s", result)
    return result


def _remove(*files: Path) -> None:
    for file in files:
        for ending in ("", "-wal", "-shm", "-journal"):
            Path(f"{file}{ending}").unlink(missing_ok=True)


def finish(path: Path) -> None:
    """Put the new file in the place of the damaged one; also at a start, after a salvage that was killed just there."""
    finished = beside(path, _FINISHED)
    if not is_there(path) and is_there(finished):
        finished.rename(path)


def _set_aside(path: Path) -> Path:
    stamp = time.strftime("%Y%m%dT%H%M%S", time.gmtime())
    aside = path.with_name(f"{path.name}.damaged-{stamp}")
    number = 1
    while aside.exists():
        number += 1
        aside = path.with_name(f"{path.name}.damaged-{stamp}-{number}")
    for suffix in ("-wal", "-shm", ""):  # the file itself last: without it, the new one takes its place
        part = path.with_name(path.name + suffix)
        if part.exists():
            part.rename(aside.with_name(aside.name + suffix))
    return aside


def _expected_messages(source: sqlite3.Connection) -> int | None:
    """What the totals say; where they cannot be read, what the index over the outbox holds."""
    return _sum(source, "SELECT sum(messages), count(*) = 2 FROM totals") or _sum(
        source, "SELECT count(*), 1 FROM outbox INDEXED BY outbox_class"
    )


def _expected_events(source: sqlite3.Connection) -> int | None:
    return _sum(source, f"SELECT sum(events), count(*) = {len(TABLES)} FROM history")


def _sum(source: sqlite3.Connection, sql: str) -> int | None:
    with suppress(sqlite3.Error):
        found, is_complete = source.execute(sql).fetchone()
        if is_complete and is_whole(found):
            return int(found)
    return None


def _copy(source: sqlite3.Connection, table: str, target: Connection) -> int:
    count = 0
    try:
        columns = [row[1] for row in source.execute(f"PRAGMA table_info({table})")]
    except sqlite3.Error:
        return 0
    if not columns:
        return 0
    insert = f"INSERT OR REPLACE INTO {table} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"
    batch: list[tuple[Any, ...]] = []
    for row in _readable(source, table, columns):
        batch.append(row)
        if len(batch) == _BATCH:
            count += _write(target, insert, batch)
    return count + _write(target, insert, batch)


def _write(target: Connection, insert: str, batch: list[tuple[Any, ...]]) -> int:
    """Write and empty the batch; a row whose content makes no sense any more is left behind alone."""
    if not batch:
        return 0
    written = 0
    with target.begin():
        for row in batch:
            try:
                target.exec_driver_sql(insert, tuple(legible(v) if isinstance(v, str) else v for v in row))
            except Exception as error:  # noqa: BLE001 (any driver's complaint about one damaged row loses only that row)
                log.debug("a salvaged row was not usable: %s", error)
            else:
                written += 1
    batch.clear()
    return written


# -- reading past the damage -----------------------------------------------------------------------------


def _readable(source: sqlite3.Connection, table: str, columns: list[str]) -> Iterator[tuple[Any, ...]]:
    """Each row once, in the order of their keys."""
    if table in _KEYS:
        yield from _from_both_ends(source, f"SELECT {', '.join(columns)} FROM {table} ORDER BY {_KEYS[table]}")
        return
    select = f"SELECT rowid, {', '.join(columns)} FROM {table} NOT INDEXED WHERE rowid >= ? ORDER BY rowid"
    start = _FIRST_ROW
    while True:
        last = start - 1
        try:
            for row in source.execute(select, (start,)):
                last = row[0]
                yield row[1:]
        except sqlite3.Error as error:
            log.debug("table %s is not readable behind row %d: %s", table, last, error)
        else:
            return
        if (row := _behind_the_damage(source, select, last)) is None:
            return
        yield row[1:]  # here, as a cursor looks one row ahead: it could not give the last one before more damage
        start = row[0] + 1


def _from_both_ends(source: sqlite3.Connection, select: str) -> Iterator[tuple[Any, ...]]:
    """A small table, which seldom has more than one page."""
    seen = []
    for order in ("ASC", "DESC"):
        try:
            for row in source.execute(f"{select} {order}"):
                if row not in seen:
                    seen.append(row)
                    yield row
        except sqlite3.Error as error:
            log.debug("not readable to its end: %s: %s", select, error)
        else:
            return


def _behind_the_damage(source: sqlite3.Connection, select: str, last: int) -> tuple[Any, ...] | None:
    """The first row behind number `last` that can be read; None when there is none.

    Steps are doubled until one lands on sound pages, then halved back to the edge of the damage.
    """

    def first_from(number: int) -> tuple[Any, ...] | None:
        found: tuple[Any, ...] | None = source.execute(f"{select} LIMIT 1", (number,)).fetchone()
        return found

    step = 1
    while (probe := last + step) < _BEYOND:
        try:
            landed = first_from(probe)
        except sqlite3.Error:
            step *= 2
            continue
        damaged = last + step // 2
        while probe - damaged > 1:
            middle = (damaged + probe) // 2
            try:
                landed, probe = first_from(middle), middle
            except sqlite3.Error:
                damaged = middle
        return landed
    return None


# -- by hand ---------------------------------------------------------------------------------------------


def purge(path: Path, *, refused_only: bool, before: float | None = None) -> int:
    """Delete waiting messages (or only those set aside), seen before `before` if given; how many went.

    Works beside a running daemon. Raises DatabaseError.
    """
    if not is_there(path):
        raise DatabaseError(f"{path}: there is no such database")
    refuse_other_files(path)
    with in_our_words(path), closing(open_writer(path)) as connection, connection.begin():
        return delete_waiting(connection, refused_only=refused_only, before=before)


def delete_waiting(connection: Connection, *, refused_only: bool, before: float | None) -> int:
    """The same inside the caller's transaction."""
    where, arguments = ["1 = 1"], []
    if refused_only:
        where.append("state = ?")
        arguments.append(float(SET_ASIDE))
    if before is not None:
        where.append("wall < ?")
        arguments.append(before)
    statement = f"DELETE FROM outbox WHERE {' AND '.join(where)}"
    return connection.exec_driver_sql(statement, tuple(arguments)).rowcount


def repair(path: Path) -> Salvaged | None:
    """Check the whole file; a damaged one is set aside and its readable rows are carried over, a sound one is
    compacted (None). The daemon must not run. Raises DatabaseError."""
    if not is_there(path):
        raise DatabaseError(f"{path}: there is no such database")
    path = real_path(path)
    refuse_other_files(path)
    lock = Lock(path)
    lock.acquire()
    try:
        if _is_sound(path):
            _compact(path)
            return None
        with in_our_words(path):
            return salvage(path)
    finally:
        lock.release()


def _is_sound(path: Path) -> bool:
    try:
        with in_our_words(path), closing(open_writer(path)) as connection:
            return bool(connection.exec_driver_sql("PRAGMA integrity_check(1)").scalar_one() == "ok")
    except DatabaseError as error:
        if is_damage(error):
            return False
        raise


def _compact(path: Path) -> None:
    with in_our_words(path), closing(open_writer(path)) as connection:
        with connection.begin():
            recount(connection)
        connection.connection.cursor().execute("VACUUM")
