"""A damaged database: set the file aside, carry over every row that can still be read, count the rest."""

import logging
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge_mask.kinds import TABLES
from edge_mask.ledger.database import open_writer

log = logging.getLogger(__name__)

_TABLES = ("topics", "counters", "shadows", "outbox", *TABLES)


@dataclass(frozen=True, slots=True)
class Salvaged:
    """What became of a damaged database."""

    aside: Path
    rows: int
    lost: int | None
    """Messages of the outbox that could not be read; None when not even their number can be known."""

    def __str__(self) -> str:
        lost = "an unknown number of messages" if self.lost is None else f"{self.lost} messages"
        return f"the database was damaged; it lies in {self.aside}, {self.rows} rows were carried over, {lost} lost"


def salvage(path: Path) -> Salvaged:
    """Rename the damaged file (with its WAL) aside and write what can be read into a new one at `path`."""
    aside = _set_aside(path)
    rows = 0
    outbox_rows = 0
    target = open_writer(path)
    try:
        # immutable=0: the WAL beside it may hold the newest rows
        with closing(sqlite3.connect(aside)) as source:
            expected = _expected(source)
            for table in _TABLES:
                count = _copy(source, table, target)
                rows += count
                outbox_rows += count if table == "outbox" else 0
    finally:
        target.close()
    lost = None if expected is None else max(0, expected - outbox_rows)
    result = Salvaged(aside, rows, lost)
    log.error("outbox: %s", result)
    return result


def _set_aside(path: Path) -> Path:
    stamp = time.strftime("%Y%m%dT%H%M%S", time.gmtime())
    aside = path.with_name(f"{path.name}.damaged-{stamp}")
    number = 1
    while aside.exists():
        number += 1
        aside = path.with_name(f"{path.name}.damaged-{stamp}-{number}")
    for suffix in ("", "-wal", "-shm"):
        part = path.with_name(path.name + suffix)
        if part.exists():
            part.rename(aside.with_name(aside.name + suffix))
    return aside


def _expected(source: sqlite3.Connection) -> int | None:
    try:
        value = source.execute("SELECT sum(messages) FROM totals").fetchone()[0]
    except sqlite3.Error:
        return None
    return None if value is None else int(value)


def _copy(source: sqlite3.Connection, table: str, target: Any) -> int:
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
        if len(batch) == 500:
            count += _write(target, insert, batch)
    return count + _write(target, insert, batch)


def _write(target: Any, insert: str, batch: list[tuple[Any, ...]]) -> int:
    """Write and empty the batch; a row whose content makes no sense any more is left behind alone."""
    if not batch:
        return 0
    written = 0
    with target.begin():
        for row in batch:
            try:
                target.exec_driver_sql(insert, row)
            except Exception as error:  # noqa: BLE001 (any driver's complaint about one damaged row loses only that row)
                log.debug("a salvaged row was not usable: %s", error)
            else:
                written += 1
    batch.clear()
    return written


def _readable(source: sqlite3.Connection, table: str, columns: list[str]) -> Iterator[tuple[Any, ...]]:
    """Rows from the front until the damage, then those behind it, all in the order of their keys."""
    key = columns[0]
    select = f"SELECT {', '.join(columns)} FROM {table}"
    seen: set[Any] = set()
    try:
        for row in source.execute(f"{select} ORDER BY {key}"):
            seen.add(row[0])
            yield row
    except sqlite3.Error as error:
        log.debug("table %s is not readable to its end: %s", table, error)
    else:
        return
    behind: Any = None
    try:
        for row in source.execute(f"{select} ORDER BY {key} DESC"):
            if row[0] in seen:
                break
            behind = row[0]
    except sqlite3.Error as error:
        log.debug("table %s is not readable from its end to its front: %s", table, error)
    if behind is None:
        return
    try:
        for row in source.execute(f"{select} WHERE {key} >= ? ORDER BY {key}", (behind,)):
            if row[0] not in seen:
                yield row
    except sqlite3.Error as error:
        log.debug("table %s is not readable behind its damage: %s", table, error)
