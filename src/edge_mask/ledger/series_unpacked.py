"""Minutes of hours that are not packed yet: those that are closed, and such as only readings tell."""

import sqlite3
from collections import defaultdict
from collections.abc import Iterator
from typing import Final

from edge_mask.ledger.series_numbers import (
    HOUR_S,
    MINUTE_S,
    MOST_SERIES,
    PACKED,
    Minute,
    SeriesName,
    minute_of,
    minute_row,
)
from edge_mask.ledger.soundness import is_whole

IN_HOUR = 60
READ: Final = "quality <> 'out_of_range' AND synced <> 0 AND typeof(value) IN ('real', 'integer')"
"""SQL: the readings that minutes are made of."""
SOUND_MINUTE: Final = " AND ".join(
    (
        "typeof(count) = 'integer' AND count BETWEEN 1 AND 4294967296",
        *(f"typeof({name}) = 'real' AND abs({name}) < 1e39" for name in ("mean", "min", "max", "last")),
    )
)
"""SQL: the minutes that are not damaged."""


def unpacked(
    connection: sqlite3.Connection, name: SeriesName, number: int, first: int, end: int
) -> dict[int, dict[int, Minute]]:
    """From minute `first` (since 1970) on and before `end`; by hour and by place in it."""
    found: dict[int, dict[int, Minute]] = defaultdict(dict)
    for minute, read in (*_told(connection, name, first, end), *_closed(connection, number, first, end)):
        found[minute // IN_HOUR][minute % IN_HOUR] = read
    return found


def _closed(connection: sqlite3.Connection, number: int, first: int, end: int) -> Iterator[tuple[int, Minute]]:
    query = (
        "SELECT id, count, mean, min, max, last FROM series_minutes WHERE id >= ? AND id < ?"
        f" AND id & {MOST_SERIES - 1} = ? AND {SOUND_MINUTE} ORDER BY id"
    )
    for row, *values in connection.execute(query, (minute_row(first, 0), minute_row(end, 0), number)):
        yield minute_of(row), Minute(*values)


def _told(connection: sqlite3.Connection, name: SeriesName, first: int, end: int) -> Iterator[tuple[int, Minute]]:
    since = max(first * MINUTE_S, _packed_until(connection))
    if since >= end * MINUTE_S:
        return
    minute = f"CAST(wall / {MINUTE_S} AS INTEGER) AS minute"
    rest = (
        f"FROM readings WHERE wall >= ? AND wall < ? AND sensor = ? AND quantity = ? AND unit = ? AND {READ}"
        " GROUP BY minute"
    )
    arguments = (since, end * MINUTE_S, *name)
    # The value beside a lone max() is that of the same row (sqlite.org/lang_select.html, "bare columns").
    lasts = {row[0]: row[1] for row in connection.execute(f"SELECT {minute}, value, max(wall) {rest}", arguments)}
    counts = f"SELECT {minute}, count(*), avg(value), min(value), max(value) {rest}"
    for at, count, mean, low, high in connection.execute(counts, arguments):
        yield at, Minute(count, mean, low, high, lasts[at])


def _packed_until(connection: sqlite3.Connection) -> float:
    """Unix seconds; 0 while all is looked through, because another series is new."""
    found = connection.execute("SELECT value FROM counters WHERE name = ?", (PACKED,)).fetchone()
    return float(found[0]) * HOUR_S if found is not None and is_whole(found[0]) else 0.0
