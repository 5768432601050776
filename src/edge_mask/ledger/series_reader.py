"""Reading series beside a running daemon, at little cost: neither SQLAlchemy nor what it needs is imported.

hours that are packed ──┐
minutes that are closed ├─▶ minute means, summaries of ten minutes
readings behind these ──┘    where a minute is told by several, the first of these
"""

import math
import os
import sqlite3
import struct
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Final, Literal
from urllib.parse import quote

import numpy as np
from numpy.typing import NDArray

from edge_mask.errors import DatabaseError
from edge_mask.ledger.database import beside, is_there, real_path, refuse_other_files
from edge_mask.ledger.series_hour import IN_HOUR, SLOT, Hour, is_sound
from edge_mask.ledger.series_hour import unpacked as unpacked_hour
from edge_mask.ledger.series_nouns import Extent, MinuteMeans, RawReading, StoredForecast, TenMinutes
from edge_mask.ledger.series_numbers import HOUR_S, LAST_HOUR, Minute, SeriesName, hour_of, hour_row
from edge_mask.ledger.series_unpacked import unpacked
from edge_mask.ledger.soundness import checksum, is_number

_ADVICE: Final = "; try: edge-mask outbox repair"
_HOUR: Final = "id, minutes, summaries, checksum"


class SeriesReader:
    """Of one connection that only reads; `reading` opens and closes one. Methods raise DatabaseError."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._numbers: dict[SeriesName, int] | None = None

    def names(self) -> dict[SeriesName, int]:
        """Every series that was ever recorded, and its number; none in a database of an earlier version."""
        if self._numbers is None and not [*self._ask("SELECT 1 FROM sqlite_master WHERE name = 'series'")]:
            self._numbers = {}
        if self._numbers is None:
            found = self._ask("SELECT sensor, quantity, unit, id FROM series ORDER BY sensor, quantity, unit")
            self._numbers = {SeriesName(str(s), str(q), str(u)): row for s, q, u, row in found if isinstance(row, int)}
        return self._numbers

    def extents(self) -> list[Extent]:
        """What is kept of each, by name; a series of which nothing is kept any more is left out."""
        return [extent for name, number in self.names().items() if (extent := self._extent(name, number)) is not None]

    def find(self, sensor: str, quantity: str, unit: str | None = None) -> SeriesName | None:
        """The series of that unit, or else the one that was written last; None when there is none."""
        theirs = {name: number for name, number in self.names().items() if name[:2] == (sensor, quantity)}
        if unit is not None:
            return next((name for name in theirs if name.unit == unit), None)
        extents = [extent for name, number in theirs.items() if (extent := self._extent(name, number)) is not None]
        return max(extents, key=lambda each: each.end).name if extents else next(iter(theirs), None)

    def minutes(self, name: SeriesName, since: int | None = None, until: int | None = None) -> MinuteMeans:
        """From minute `since` (since 1970) on and before `until`; all that is kept where no bound is given."""
        first, end = self._bounds(name, since, until)
        values = np.full(max(0, end - first), np.nan, np.float32)
        damaged = 0
        for hour, found in self._hours(name, first, end):
            if found is None:
                damaged += 1
                continue
            _lay(values, hour * IN_HOUR - first, np.frombuffer(found[0], "<f4"))
        for hour, theirs in self._unpacked(name, first, end).items():
            for place, minute in theirs.items():
                at = hour * IN_HOUR + place - first
                if 0 <= at < len(values) and math.isnan(values[at]):
                    values[at] = minute.mean
        return MinuteMeans(first, values, damaged)

    def summaries(self, name: SeriesName, since: int | None = None, until: int | None = None) -> TenMinutes:
        """The summaries that begin from minute `since` on (down to whole ten minutes) and before `until`."""
        first, end = self._bounds(name, since, until)
        first, end = first // 10 * 10, -(-end // 10) * 10
        rows = np.concatenate([Hour.empty().summaries] * max(1, -(-(end - first) // IN_HOUR)))[
            : max(0, end - first) // 10
        ]
        unpacked = self._unpacked(name, first, end)
        for hour, found in self._hours(name, first, end):
            if found is not None and hour not in unpacked:
                _lay(rows, (hour * IN_HOUR - first) // 10, np.frombuffer(found[1], SLOT))
        for hour, theirs in unpacked.items():
            packed = self._hour(name, hour)
            packed.lay({place: minute for place, minute in theirs.items() if math.isnan(packed.minutes[place])})
            _lay(rows, (hour * IN_HOUR - first) // 10, packed.summaries)
        return TenMinutes(first, rows)

    def raw(self, name: SeriesName, since: float | None = None, until: float | None = None) -> Iterator[RawReading]:
        """Single readings, as far back as they are kept, oldest first; Unix seconds."""
        query = (
            "SELECT wall, value, quality FROM readings WHERE wall >= ? AND wall < ? AND sensor = ? AND quantity = ?"
            " AND unit = ? ORDER BY wall"
        )
        low, high = -math.inf if since is None else since, math.inf if until is None else until
        for at, value, quality in self._ask(query, (low, high, *name)):
            if is_number(at) and is_number(value):
                yield RawReading(at, value, str(quality))

    def forecast(self, name: SeriesName, at: float | None = None) -> StoredForecast | None:
        """The newest one, or the newest that was made by `at` (Unix seconds); None when there is none that is sound."""
        number = self.names().get(name)
        if number is None:
            return None
        period = (hour_row(number, 0), hour_row(number, LAST_HOUR if at is None else int(at // HOUR_S)))
        columns = "id, origin, step_s, numbers, checksum"
        query = f"SELECT {columns} FROM series_forecasts WHERE id BETWEEN ? AND ? ORDER BY id DESC"
        for row, origin, step, numbers, seal in self._ask(query, period):
            if isinstance(numbers, bytes) and len(numbers) % 12 == 0 and seal == checksum((row, origin, step, numbers)):
                count = len(numbers) // 12
                values = np.array(struct.unpack(f"<{3 * count}f", numbers), np.float32).reshape(3, count)
                return StoredForecast(origin, step, values[0], values[1], values[2])
        return None

    def states(self) -> dict[SeriesName, str]:
        """What the watches had to know again, as JSON."""
        found = dict(self._ask("SELECT id, state FROM series_states")) if self.names() else {}
        return {name: found[number] for name, number in self.names().items() if isinstance(found.get(number), str)}

    def outliers(self, name: SeriesName) -> Iterator[tuple[float, Any]]:
        """When something began or ended to be wrong with its sensor in this unit, and what: see deviations.py."""
        query = (
            "SELECT wall, deviation FROM alerts WHERE kind = 'outlier' AND sensor = ? AND ifnull(unit, '') = ?"
            " ORDER BY wall"
        )
        yield from self._ask(query, (name.sensor, name.unit))

    # -- parts -------------------------------------------------------------------------------------------

    def _ask(self, query: str, arguments: tuple[Any, ...] = ()) -> Iterator[Any]:
        with as_our_error():
            yield from self._connection.execute(query, arguments)

    def _bounds(self, name: SeriesName, since: int | None, until: int | None) -> tuple[int, int]:
        if since is not None and until is not None:
            return since, until
        number = self.names().get(name)
        extent = None if number is None else self._extent(name, number)
        first, end = (extent.first, extent.end) if extent is not None else (since or 0, since or 0)
        return first if since is None else since, end if until is None else until

    def _extent(self, name: SeriesName, number: int) -> Extent | None:
        """Also by its last reading: the minute may not be closed yet."""
        places = [*self._outermost(number, "ASC"), *self._outermost(number, "DESC")]
        for hour, theirs in self._unpacked(name, 0, (LAST_HOUR + 1) * IN_HOUR).items():
            places += [hour * IN_HOUR + min(theirs), hour * IN_HOUR + max(theirs)]
        return Extent(name, min(places), max(places) + 1) if places else None

    def _outermost(self, number: int, order: Literal["ASC", "DESC"]) -> list[int]:
        """First and last minute of the first or last packed hour; the whole hour when it is damaged."""
        query = f"SELECT {_HOUR} FROM series_hours WHERE id >= ? AND id < ? ORDER BY id {order} LIMIT 1"
        for row, *columns in self._ask(query, (hour_row(number, 0), hour_row(number + 1, 0))):
            hour = unpacked_hour(row, *columns)
            there = [] if hour is None else np.flatnonzero(np.isfinite(hour.minutes)).tolist()
            return [hour_of(row) * IN_HOUR + place for place in (there or [0, IN_HOUR - 1])]
        return []

    def _hours(self, name: SeriesName, first: int, end: int) -> Iterator[tuple[int, tuple[bytes, bytes] | None]]:
        """Packed hours; None for a damaged one."""
        number = self.names().get(name)
        if number is None or end <= first:
            return
        query = f"SELECT {_HOUR} FROM series_hours WHERE id BETWEEN ? AND ?"
        period = (hour_row(number, first // IN_HOUR), hour_row(number, (end - 1) // IN_HOUR))
        for row, minutes, summaries, seal in self._ask(query, period):
            yield hour_of(row), (minutes, summaries) if is_sound(row, minutes, summaries, seal) else None

    def _hour(self, name: SeriesName, hour: int) -> Hour:
        for _, found in self._hours(name, hour * IN_HOUR, (hour + 1) * IN_HOUR):
            if found is not None:
                return Hour(np.frombuffer(found[0], "<f4").astype(np.float32), np.frombuffer(found[1], SLOT).copy())
        return Hour.empty()

    def _unpacked(self, name: SeriesName, first: int, end: int) -> dict[int, dict[int, Minute]]:
        number = self.names().get(name)
        with as_our_error():
            return {} if number is None or end <= first else unpacked(self._connection, name, number, first, end)


def _lay(into: NDArray[Any], at: int, values: NDArray[Any]) -> None:
    """Put `values` into place `at`, which may lie partly outside."""
    first, end = max(0, at), min(len(into), at + len(values))
    if first < end:
        into[first:end] = values[first - at : end - at]


# -- opening ---------------------------------------------------------------------------------------------


@contextmanager
def as_our_error(path: Path | None = None) -> Iterator[None]:
    """SQLite's errors become a DatabaseError."""
    try:
        yield
    except sqlite3.Error as error:
        where = "" if path is None else f"{path}: "
        raise DatabaseError(f"{where}{error}{_ADVICE}") from error


@contextmanager
def reading(path: Path) -> Iterator[SeriesReader]:
    """A reader of the database at `path`, which must exist. Raises DatabaseError.

    It sees one state of the file: stay for a moment only, meanwhile its journal grows.
    """
    if not is_there(path):
        raise DatabaseError(f"{path}: there is no such database yet; it appears when the daemon first runs")
    refuse_other_files(path)
    with as_our_error(path), closing(_connected(path)) as connection:
        connection.text_factory = lambda raw: raw.decode("utf-8", "surrogateescape")
        connection.execute("BEGIN")
        yield SeriesReader(connection)


def _connected(path: Path) -> sqlite3.Connection:
    name = f"file://{quote(os.fsencode(real_path(path)))}"
    try:
        return _opened(f"{name}?mode=rw")
    except sqlite3.OperationalError:  # a folder that may only be read: SQLite has to make an index beside its journal
        if is_there(beside(path, "-wal")):
            raise
        return _opened(f"{name}?immutable=1")


def _opened(name: str) -> sqlite3.Connection:
    connection = sqlite3.connect(name, uri=True, isolation_level=None, timeout=5.0)
    try:
        connection.execute("PRAGMA query_only = ON")
        connection.execute("PRAGMA schema_version").fetchone()  # looks into the file
    except sqlite3.Error:
        connection.close()
        raise
    return connection
