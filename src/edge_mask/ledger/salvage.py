"""Salvage of a damaged database: set the file aside, carry over every row that can be read, count the lost ones.

damaged file ──renamed──▶ ….damaged-<time>
     │ rows before the damage, behind it, and between two damaged places
     ▼
a new file                   lost = totals of the old file − rows in the new one
"""

import logging
import sqlite3
import time
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from edge_mask.kinds import TABLES
from edge_mask.ledger.connections import as_text, open_writer
from edge_mask.ledger.damaged_file import is_readable, readable_rows, with_fresh_contents
from edge_mask.ledger.database import beside, is_there
from edge_mask.ledger.recount import recount
from edge_mask.ledger.schema import KEYS
from edge_mask.ledger.series_schema import HOURS
from edge_mask.ledger.series_schema import TABLES as SERIES
from edge_mask.ledger.soundness import is_whole
from edge_mask.plural import counted
from edge_mask.redact import legible

log = logging.getLogger(__name__)

_CARRIED = (*KEYS, "outbox", *TABLES, *SERIES)
_BATCH = 500
_COPY, _UNFINISHED, _FINISHED = ".damaged-copy", ".salvaging", ".salvaged"


@dataclass(frozen=True, slots=True)
class Salvaged:
    """The result of a salvage, for the one report about it."""

    aside: Path
    rows: int
    lost: int | None
    """Messages that could not be read; None when nobody can know how many."""
    lost_events: int | None = 0
    """The same for events of the history."""
    lost_hours: int | None = 0
    """The same for hours of series."""

    def __str__(self) -> str:
        *first, last = [
            _number(self.lost, "message", "messages"),
            *([_number(self.lost_events, "event of the history", "events of the history")] * (self.lost_events != 0)),
            *([_number(self.lost_hours, "hour of a series", "hours of series")] * (self.lost_hours != 0)),
        ]
        lost = f"{', '.join(first)} and {last}" if first else last
        carried = counted(self.rows, "row was carried over", "rows were carried over")
        return f"the database was damaged; it lies in {self.aside}, {carried}, {lost} lost"


def _number(count: int | None, one: str, many: str) -> str:
    return f"an unknown number of {many}" if count is None else counted(count, one, many)


def salvage(path: Path) -> Salvaged:
    """Copy the readable rows into a new file, set the old one (with its WAL) aside, put the new one in its place.

    If it is killed, the next start begins again, or `finish` does the last step.
    """
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
        expected_hours = _expected_hours(source)
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
        None if expected_hours is None else max(0, expected_hours - kept[HOURS]),
    )
    log.error("outbox: %s", result)
    return result


def _remove(*files: Path) -> None:
    for file in files:
        for ending in ("", "-wal", "-shm", "-journal"):
            Path(f"{file}{ending}").unlink(missing_ok=True)


def finish(path: Path) -> None:
    """Put the new file in the place of the damaged one; a start calls it too, as the salvage may have been killed."""
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
    for suffix in ("-wal", "-shm", ""):  # the file itself last: when it is gone, `finish` works
        part = path.with_name(path.name + suffix)
        if part.exists():
            part.rename(aside.with_name(aside.name + suffix))
    return aside


def _expected_messages(source: sqlite3.Connection) -> int | None:
    """The number by the totals; if they cannot be read, by the index of the outbox."""
    return _sum(source, "SELECT sum(messages), count(*) = 2 FROM totals") or _sum(
        source, "SELECT count(*), 1 FROM outbox INDEXED BY outbox_class"
    )


def _expected_events(source: sqlite3.Connection) -> int | None:
    return _sum(source, f"SELECT sum(events), count(*) = {len(TABLES)} FROM history WHERE name <> '{HOURS}'")


def _expected_hours(source: sqlite3.Connection) -> int | None:
    """0 for the database of an earlier version, which has none."""
    return _sum(source, f"SELECT coalesce(sum(events), 0), 1 FROM history WHERE name = '{HOURS}'")


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
    for row in readable_rows(source, table, columns):
        batch.append(row)
        if len(batch) == _BATCH:
            count += _write(target, insert, batch)
    return count + _write(target, insert, batch)


def _write(target: Connection, insert: str, batch: list[tuple[Any, ...]]) -> int:
    """Write and empty the batch; a row that cannot be written is left behind, alone."""
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
