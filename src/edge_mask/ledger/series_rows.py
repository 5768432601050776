"""Rows of series: what a group commit takes of them, and the statements that write them.

The number of a series is made from its names: when a damaged file has lost the table of series, their hours are theirs
again as soon as they are written to.
"""

import json
import math
import struct
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass
from typing import Any

from sqlalchemy import Connection

from edge_mask.ledger.series_numbers import (
    HOUR_S,
    MINUTE_S,
    MOST_SERIES,
    PACKED,
    Minute,
    SeriesName,
    bounded,
    hour_row,
    minute_row,
)
from edge_mask.ledger.soundness import LATEST, checksum, is_text
from edge_mask.messages import Event
from edge_mask.redact import legible

_LAST_MINUTE = int(LATEST) // MINUTE_S


@dataclass(frozen=True, slots=True)
class MinuteRow:
    """A minute that is over, with at least one reading in it."""

    series: SeriesName
    minute: int
    """Whole minutes since 1970, by a clock that was set."""
    count: int
    mean: float
    min: float
    max: float
    last: float


@dataclass(frozen=True, slots=True)
class ForecastRow:
    """A forecast and its band; the three are of one length."""

    series: SeriesName
    origin: float
    """Unix seconds; the series has one forecast for each hour of the clock."""
    step_s: int
    values: Sequence[float]
    low: Sequence[float]
    high: Sequence[float]


@dataclass(frozen=True, slots=True)
class StateRow:
    """What a watch has to know again after a restart; takes the place of what was there."""

    series: SeriesName
    state: Mapping[str, Any]


SeriesRow = MinuteRow | ForecastRow | StateRow


@dataclass(frozen=True, slots=True)
class SeriesRows:
    """What a sender leaves for the recorder; one commit writes all of it."""

    rows: tuple[SeriesRow, ...]
    events: tuple[Event, ...] = ()
    """What is said of it."""


_INSERT_MINUTE = (
    "INSERT INTO series_minutes (id, count, mean, min, max, last) VALUES (?, ?, ?, ?, ?, ?)"
    " ON CONFLICT (id) DO UPDATE SET count = excluded.count, mean = excluded.mean, min = excluded.min,"
    " max = excluded.max, last = excluded.last WHERE excluded.count >= count OR typeof(count) <> 'integer'"
)
_INSERT_FORECAST = (
    "INSERT OR REPLACE INTO series_forecasts (id, origin, step_s, numbers, checksum) VALUES (?, ?, ?, ?, ?)"
)
_INSERT_STATE = "INSERT OR REPLACE INTO series_states (id, state) VALUES (?, ?)"


class Numbers:
    """The numbers of the series of one file. The ledger's thread uses it."""

    def __init__(self) -> None:
        self.known: dict[SeriesName, int] = {}
        self._fresh: dict[SeriesName, int] = {}
        """Not committed yet."""

    def load(self, connection: Connection) -> None:
        """From each file that is opened."""
        rows = connection.exec_driver_sql("SELECT id, sensor, quantity, unit FROM series").all()
        self.known = {SeriesName(*names): row for row, *names in rows if all(map(is_text, names))}

    def of(self, connection: Connection, name: SeriesName) -> int:
        """Its number, inside the caller's transaction; a new series gets one."""
        name = SeriesName(*map(legible, name))
        if (found := self.known.get(name)) is not None:
            return found
        if (number := self._fresh.get(name)) is None:
            taken = {*self.known.values(), *self._fresh.values()}
            number = zlib.crc32("\0".join(name).encode()) % MOST_SERIES
            while number in taken:
                number = (number + 1) % MOST_SERIES
            self._fresh[name] = number
        connection.exec_driver_sql("INSERT OR REPLACE INTO series VALUES (?, ?, ?, ?)", (number, *name))
        # What was read before it was a series is packed, too.
        connection.exec_driver_sql("DELETE FROM counters WHERE name = ?", (PACKED,))
        return number

    def number(self, name: SeriesName) -> int:
        """Its number; -1 for one that has none."""
        return self.known.get(name, self._fresh.get(name, -1))

    def written(self) -> None:
        """The transaction has committed."""
        self.known |= self._fresh
        self._fresh.clear()


def insert_series(connection: Connection, rows: Sequence[SeriesRow], numbers: Numbers) -> None:
    """Write them inside the caller's transaction. Of two rows for one minute that of more readings stays."""
    minutes: list[tuple[Any, ...]] = []
    for row in rows:
        number = numbers.of(connection, row.series)
        match row:
            case MinuteRow():
                if (values := _minute(row)) is not None:
                    minutes.append((minute_row(row.minute, number), *astuple(values)))
            case ForecastRow():
                connection.exec_driver_sql(_INSERT_FORECAST, _forecast(row, number))
            case StateRow():
                text = json.dumps(row.state, separators=(",", ":"))
                connection.exec_driver_sql(_INSERT_STATE, (number, text))
    if minutes:
        connection.exec_driver_sql(_INSERT_MINUTE, minutes)


def _minute(row: MinuteRow) -> Minute | None:
    """None for one without a reading, or that no calendar has."""
    values = (row.mean, row.min, row.max, row.last)
    if row.count < 1 or not 0 <= row.minute <= _LAST_MINUTE or any(math.isnan(each) for each in values):
        return None
    return Minute(min(int(row.count), 2**32), *(bounded(float(each)) for each in values))


def _forecast(row: ForecastRow, number: int) -> tuple[Any, ...]:
    values = [bounded(float(each)) for each in (*row.values, *row.low, *row.high)]
    numbers = struct.pack(f"<{len(values)}f", *values)
    key = hour_row(number, int(row.origin // HOUR_S))
    origin, step = float(row.origin), int(row.step_s)
    return key, origin, step, numbers, checksum((key, origin, step, numbers))
