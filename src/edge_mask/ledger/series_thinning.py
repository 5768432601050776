"""What of series goes: readings whose minutes are packed and that are old, hours that are older, old forecasts.

Always a small part at a time: what is recorded waits meanwhile.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection

from edge_mask.ledger.series_numbers import HOUR_S, hour_of, hour_row
from edge_mask.units import Moment, Seconds

_READINGS_AT_ONCE = 300
_LOOKED_AT_ONCE = 5000
_HOURS_AT_ONCE = 50
"""Of one series."""
_DAY: Final = 86400.0


@dataclass(frozen=True, slots=True)
class SeriesBounds:
    """How long series are kept."""

    raw: Seconds = Seconds(7 * _DAY)
    """Single readings."""
    keep: Seconds = Seconds(365 * _DAY)
    """Minutes and summaries."""
    sensors: frozenset[str] | None = None
    """Whose readings are those of series (`line` is also `line-001`); None: all that have a series."""


class OldReadings:
    """Deletes the single readings of series; knows how far it has come in this run."""

    def __init__(self) -> None:
        self._from = 0.0
        self._looked_at = -math.inf

    def thin(
        self, connection: Connection, of: Iterable[tuple[str, str]], before: float, raw: float, now: Moment, boot: str
    ) -> bool:
        """Those of these sensors and quantities from before `before` (Unix seconds); True when there are more.

        What was read in this run is also that old by the monotonic clock: a clock that jumps ahead must not cost it.
        """
        if now.mono - self._looked_at >= _DAY:  # what came late lies behind the place where the last call ended
            self._from, self._looked_at = 0.0, now.mono
        wanted = [value for each in of for value in each]
        if self._from >= before or not wanted:
            return False
        query = "SELECT wall FROM readings WHERE wall >= ? AND wall < ? ORDER BY wall LIMIT 1 OFFSET ?"
        until = connection.exec_driver_sql(query, (self._from, before, _LOOKED_AT_ONCE)).scalar()
        until = before if until is None else max(until, math.nextafter(self._from, math.inf))
        pairs = ", ".join(["(?, ?)"] * (len(wanted) // 2))
        which = (
            f"SELECT rowid FROM readings WHERE wall >= ? AND wall < ? AND (sensor, quantity) IN (VALUES {pairs})"
            f" AND synced <> 0 AND (boot <> ? OR mono < ?) LIMIT {_READINGS_AT_ONCE}"
        )
        arguments = (self._from, until, *wanted, boot, now.mono - raw)
        gone = connection.exec_driver_sql(f"DELETE FROM readings WHERE rowid IN ({which})", arguments).rowcount
        if gone < _READINGS_AT_ONCE:
            self._from = until
        return self._from < before


class OldHours:
    """Deletes old hours and forecasts. A clock that jumps ahead in this run moves the end of what is kept by a day at
    most."""

    def __init__(self) -> None:
        self._first: tuple[float, float] | None = None
        self._done: int | None = None
        """The hour in which there was nothing left to do."""

    def thin(self, connection: Connection, series: Iterable[int], bounds: SeriesBounds, now: Moment) -> bool:
        """True when there are more."""
        if self._first is None:
            self._first = (now.wall, now.mono)
        wall = min(now.wall, self._first[0] + now.mono - self._first[1] + _DAY)
        if self._done == (hour := int(wall // HOUR_S)):
            return False
        has_more = False
        for number in series:
            for table, keep in (("series_hours", bounds.keep), ("series_forecasts", bounds.raw)):
                has_more |= _drop(connection, table, number, int((wall - keep) // HOUR_S)) == _HOURS_AT_ONCE
        self._done = None if has_more else hour
        return has_more


def drop_oldest(connection: Connection, most: int) -> int:
    """Delete hours, the oldest of all series first, to make room; how many went."""
    gone = 0
    while gone < most:
        firsts = []
        last = -1
        while (row := _next_series(connection, last)) is not None:
            firsts.append(row)
            last = row | (hour_row(1, 0) - 1)
        if not firsts:
            break
        oldest = min(map(hour_of, firsts))
        rows = [(row,) for row in firsts if hour_of(row) == oldest]
        gone += connection.exec_driver_sql("DELETE FROM series_hours WHERE id = ?", rows).rowcount
    return gone


def _next_series(connection: Connection, behind: int) -> int | None:
    """The oldest hour of the next series."""
    query = "SELECT id FROM series_hours WHERE id > ? ORDER BY id LIMIT 1"
    found = connection.exec_driver_sql(query, (behind,)).scalar()
    return found if isinstance(found, int) else None


def _drop(connection: Connection, table: str, series: int, before: int) -> int:
    which = f"SELECT id FROM {table} WHERE id >= ? AND id < ? LIMIT {_HOURS_AT_ONCE}"
    period = (hour_row(series, 0), hour_row(series, before))
    return connection.exec_driver_sql(f"DELETE FROM {table} WHERE id IN ({which})", period).rowcount
