"""Minutes become hours: when an hour is over, its minutes are packed into one row for each series.

    minutes of the hour ─┐
    readings, for the    ├─▶ with what is packed already ──▶ the row of the hour
    minutes that lack ───┘

A minute lacks when the daemon was killed before it closed it, when its clock was set only later, or when the readings
were taken before there was a series.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from sqlalchemy import Connection

from edge_mask.ledger.counters import write_counts
from edge_mask.ledger.series_hour import IN_HOUR, Hour, unpacked
from edge_mask.ledger.series_numbers import (
    HOUR_S,
    MINUTE_S,
    PACKED,
    Minute,
    SeriesName,
    hour_row,
    minute_of,
    minute_row,
    series_of_minute,
)
from edge_mask.ledger.series_rows import Numbers
from edge_mask.ledger.series_unpacked import READ, SOUND_MINUTE
from edge_mask.ledger.soundness import is_time, is_whole

GRACE: Final = 300.0
"""Seconds after the end of an hour in which what belongs to it may still come."""
_HOURS_AT_ONCE = 4
_ROWS_AT_ONCE = 4000

Minutes = dict[int, dict[int, Minute]]
"""By series, then by place in the hour."""


def pack(connection: Connection, numbers: Numbers, sensors: frozenset[str] | None, wall: float) -> bool:
    """Pack a part of the hours that are over, inside the caller's transaction; True when there are more.

    `sensors`: whose readings fill what lacks; None means those of every series.
    """
    end = int((wall - GRACE) // HOUR_S)
    mark = _mark(connection, wall)
    rows, packed = 0, 0
    while (hour := _next(connection, mark, end)) is not None and packed < _HOURS_AT_ONCE and rows < _ROWS_AT_ONCE:
        rows += _pack_hour(connection, hour, numbers, sensors)
        packed += 1
        mark = max(mark, hour + 1)
    has_more = hour is not None
    _set_mark(connection, mark if has_more else max(mark, end))
    return has_more


def packed_until(connection: Connection) -> float:
    """Unix seconds up to which readings are packed; 0 when nobody knows."""
    found = connection.exec_driver_sql("SELECT value FROM counters WHERE name = ?", (PACKED,)).scalar()
    return float(found) * HOUR_S if isinstance(found, int) and is_whole(found) else 0.0


def _mark(connection: Connection, wall: float) -> int:
    """A clock that went back comes to the same hours again."""
    found = int(packed_until(connection)) // HOUR_S
    if not found:
        query = f"SELECT min(wall) FROM readings WHERE wall >= 0 AND {READ}"
        oldest = connection.exec_driver_sql(query).scalar()
        found = int((oldest if is_time(oldest) and oldest is not None else wall) // HOUR_S)
    return min(found, int(wall // HOUR_S))


def _set_mark(connection: Connection, hour: int) -> None:
    if int(packed_until(connection)) // HOUR_S != hour:
        write_counts(connection, {}, {PACKED: hour})


def _next(connection: Connection, mark: int, end: int) -> int | None:
    """The next hour with something to pack; minutes that came late may lie before the mark."""
    found = []
    query = "SELECT min(id) FROM series_minutes WHERE id < ?"
    minute = connection.exec_driver_sql(query, (minute_row(end * IN_HOUR, 0),)).scalar()
    if isinstance(minute, int):
        found.append(minute_of(minute) // IN_HOUR)
    query = "SELECT min(wall) FROM readings WHERE wall >= ? AND wall < ?"
    wall = connection.exec_driver_sql(query, (mark * HOUR_S, end * HOUR_S)).scalar()
    if wall is not None and is_time(wall):
        found.append(int(wall // HOUR_S))
    return min(found, default=None)


def _pack_hour(connection: Connection, hour: int, numbers: Numbers, sensors: frozenset[str] | None) -> int:
    """How many rows were looked at."""
    minutes = _closed(connection, hour)
    count = sum(map(len, minutes.values()))
    packed: dict[int, Hour | None] = {number: _packed(connection, number, hour) for number in minutes}
    lacking: Minutes = defaultdict(dict)
    for name, place, minute in _read(connection, hour, sensors, {(n.sensor, n.quantity) for n in numbers.known}):
        number = numbers.of(connection, name)
        if number not in packed:
            packed[number] = _packed(connection, number, hour)
        count += minute.count
        if place not in minutes[number] and _lacks(packed[number], place):
            lacking[number][place] = minute
    _with_lasts(connection, hour, lacking, numbers)
    for number in sorted({*minutes, *lacking}):
        if theirs := minutes[number] | lacking[number]:
            _write(connection, hour_row(number, hour), packed[number], theirs)
    first, behind = minute_row(hour * IN_HOUR, 0), minute_row((hour + 1) * IN_HOUR, 0)
    connection.exec_driver_sql("DELETE FROM series_minutes WHERE id >= ? AND id < ?", (first, behind))
    return count


def _closed(connection: Connection, hour: int) -> Minutes:
    """The minutes as they were closed; a damaged row is left out."""
    found: Minutes = defaultdict(dict)
    first, behind = minute_row(hour * IN_HOUR, 0), minute_row((hour + 1) * IN_HOUR, 0)
    query = f"SELECT id, count, mean, min, max, last FROM series_minutes WHERE id >= ? AND id < ? AND {SOUND_MINUTE}"
    for row, *values in connection.exec_driver_sql(f"{query} ORDER BY id", (first, behind)).all():
        found[series_of_minute(row)][minute_of(row) % IN_HOUR] = Minute(*values)
    return found


def _read(
    connection: Connection, hour: int, sensors: frozenset[str] | None, wanted: set[tuple[str, str]]
) -> Iterator[tuple[SeriesName, int, Minute]]:
    """The minutes of the hour as the readings tell them; `last` is their mean."""
    query = (
        f"SELECT CAST(wall / {MINUTE_S} AS INTEGER) AS minute, sensor, quantity, unit,"
        " count(*), avg(value), min(value), max(value)"
        f" FROM readings WHERE wall >= ? AND wall < ? AND {READ} GROUP BY minute, sensor, quantity, unit"
    )
    rows = connection.exec_driver_sql(query, (hour * HOUR_S, (hour + 1) * HOUR_S)).all()
    for minute, sensor, quantity, unit, count, mean, low, high in rows:
        if (sensor, quantity) in wanted and is_of(sensor, sensors) and isinstance(unit, str):
            yield SeriesName(sensor, quantity, unit), minute % IN_HOUR, Minute(count, mean, low, high, mean)


def _with_lasts(connection: Connection, hour: int, lacking: Minutes, numbers: Numbers) -> None:
    """Where a minute has several readings, `last` is the last of them."""
    if all(minute.count == 1 for theirs in lacking.values() for minute in theirs.values()):
        return
    # The value beside a lone max() is that of the same row (sqlite.org/lang_select.html, "bare columns").
    query = (
        f"SELECT CAST(wall / {MINUTE_S} AS INTEGER) AS minute, sensor, quantity, unit, value, max(wall)"
        f" FROM readings WHERE wall >= ? AND wall < ? AND {READ} GROUP BY minute, sensor, quantity, unit"
    )
    for minute, *name, value, _ in connection.exec_driver_sql(query, (hour * HOUR_S, (hour + 1) * HOUR_S)).all():
        theirs = lacking.get(numbers.number(SeriesName(*name)), {})
        if (read := theirs.get(minute % IN_HOUR)) is not None:
            theirs[minute % IN_HOUR] = replace(read, last=float(value))


def is_of(sensor: str, sensors: frozenset[str] | None) -> bool:
    """Whether it is one of these, or one of several at a port of that name (`line-001` at `line`)."""
    return sensors is None or any(sensor == each or sensor.startswith(f"{each}-") for each in sensors)


def _packed(connection: Connection, series: int, hour: int) -> Hour | None:
    row = hour_row(series, hour)
    query = "SELECT minutes, summaries, checksum FROM series_hours WHERE id = ?"
    found = connection.exec_driver_sql(query, (row,)).first()
    return None if found is None else unpacked(row, *found) or Hour.empty()


def _lacks(hour: Hour | None, place: int) -> bool:
    return hour is None or bool(hour.minutes[place] != hour.minutes[place])


def _write(connection: Connection, row: int, hour: Hour | None, minutes: dict[int, Minute]) -> None:
    """UPDATE where there is a row: triggers count what is inserted."""
    packed = hour or Hour.empty()
    packed.lay(minutes)
    columns = packed.packed(row)
    if hour is None:
        query = "INSERT INTO series_hours (minutes, summaries, checksum, id) VALUES (?, ?, ?, ?)"
    else:
        query = "UPDATE series_hours SET minutes = ?, summaries = ?, checksum = ? WHERE id = ?"
    connection.exec_driver_sql(query, (*columns, row))
