"""Lines where the single readings are gone: minutes within a day, summaries of ten minutes beyond it.

packed hours   ▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁
readings                        ▁▁▁▁▁▁▁▁▁▁▁▁▁▁
the line       hours ──────────▶│◀─ readings
"""

import itertools
import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_mask.ledger.curves import Point
from edge_mask.ledger.series_hour import IN_HOUR, IN_SLOT, SLOT, SLOTS, is_sound
from edge_mask.ledger.series_numbers import HOUR_S, MINUTE_S, SeriesName, hour_of, hour_row
from edge_mask.ledger.soundness import is_text

_SLOT_S = IN_SLOT * MINUTE_S
_QUERY = "SELECT id, minutes, summaries, checksum FROM series_hours WHERE id BETWEEN ? AND ?"
Key = tuple[str, str]
"""Quantity and sensor."""


@dataclass(frozen=True, slots=True)
class Packed:
    """What is packed of a series in a part of the period; without damaged hours."""

    name: SeriesName
    since: float
    until: float
    hours: NDArray[np.int64]
    columns: list[tuple[bytes, bytes]]

    def steps(self, step: int) -> Iterator[Point]:
        """Oldest first; `step` (seconds) is a minute or a multiple of ten."""
        return self._steps(*self._minutes(), step) if step < _SLOT_S else self._steps(*self._slots(), step)

    @property
    def newest(self) -> tuple[float, float] | None:
        """When the last minute with a reading began, and its mean."""
        at, rows, length = self._minutes()
        there = np.flatnonzero(self._asked(at, rows, length))
        return (float(at[there[-1]]), float(rows["mean"][there[-1]])) if len(there) else None

    def _minutes(self) -> tuple[NDArray[np.float64], Any, int]:
        """Moments, rows as of summaries, and how long each is. How many readings a minute had is not known any more:
        those of its ten are shared out."""
        means = np.frombuffer(b"".join(each[0] for each in self.columns), "<f4")
        counts = np.frombuffer(b"".join(each[1] for each in self.columns), SLOT)["count"]
        there = np.isfinite(means).reshape(-1, IN_SLOT).sum(axis=1)
        rows = np.zeros(len(means), SLOT)
        for name in ("min", "mean", "max", "last"):
            rows[name] = means
        shared = np.maximum(1, counts // np.maximum(1, there)).repeat(IN_SLOT)
        rows["count"] = np.where(np.isfinite(means), shared, 0)
        return (self.hours[:, None] * HOUR_S + np.arange(IN_HOUR) * MINUTE_S).ravel().astype(float), rows, MINUTE_S

    def _slots(self) -> tuple[NDArray[np.float64], Any, int]:
        rows = np.frombuffer(b"".join(each[1] for each in self.columns), SLOT)
        return (self.hours[:, None] * HOUR_S + np.arange(SLOTS) * _SLOT_S).ravel().astype(float), rows, _SLOT_S

    def _asked(self, at: NDArray[np.float64], rows: Any, length: int) -> NDArray[np.bool_]:
        asked: NDArray[np.bool_] = (rows["count"] > 0) & (at >= self.since - length + 1) & (at < self.until)
        return asked

    def _steps(self, at: NDArray[np.float64], rows: Any, length: int, step: int) -> Iterator[Point]:
        asked = self._asked(at, rows, length)
        at, rows = at[asked], rows[asked]
        if not len(at):
            return
        begins = at // step * step
        edges = np.flatnonzero(np.r_[True, begins[1:] != begins[:-1]])
        counts = np.add.reduceat(rows["count"].astype(np.int64), edges)
        sums = np.add.reduceat(rows["mean"].astype(float) * rows["count"], edges)
        lows, highs = np.minimum.reduceat(rows["min"], edges), np.maximum.reduceat(rows["max"], edges)
        lasts = at[np.r_[edges[1:] - 1, len(at) - 1]] + length - 1
        columns = (begins[edges], sums / counts, lows, highs, counts, np.zeros_like(counts), at[edges], lasts)
        yield from itertools.starmap(Point, zip(*(column.tolist() for column in columns), strict=True))


def packed(
    connection: sqlite3.Connection,
    since: float,
    until: float,
    quantity: str | None,
    began: Mapping[Key, tuple[float, str]],
) -> dict[Key, Packed]:
    """What is packed of the time before the first single reading of each line; `began` tells when that was (Unix
    seconds), and its unit. Of several units without readings: the one that was written last."""
    found: dict[Key, Packed] = {}
    for name, number in _names(connection):
        key = (name.quantity, name.sensor)
        first, unit = began.get(key, (until, name.unit))
        if quantity in (None, name.quantity) and unit == name.unit:
            theirs = _of(connection, name, number, since, min(until, first // _SLOT_S * _SLOT_S))
            if len(theirs.hours) and (key not in found or theirs.hours[-1] > found[key].hours[-1]):
                found[key] = theirs
    return found


def _names(connection: sqlite3.Connection) -> list[tuple[SeriesName, int]]:
    rows = connection.execute("SELECT id, sensor, quantity, unit FROM series").fetchall()
    return [(SeriesName(*names), number) for number, *names in rows if all(map(is_text, names))]


def _of(connection: sqlite3.Connection, name: SeriesName, number: int, since: float, until: float) -> Packed:
    hours, columns = [], []
    if since < until:
        period = (hour_row(number, int(since // HOUR_S)), hour_row(number, int((until - 1) // HOUR_S)))
        for row, minutes, summaries, seal in connection.execute(_QUERY, period):
            if is_sound(row, minutes, summaries, seal):
                hours.append(hour_of(row))
                columns.append((minutes, summaries))
    return Packed(name, since, until, np.array(hours, np.int64), columns)
