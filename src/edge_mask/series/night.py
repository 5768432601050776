"""Quiet hours of one night as a few figures, from ten-minute means."""

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, tzinfo
from typing import Final

import numpy as np

from edge_mask.series.nouns import BLOCK, Floats

_KNOWN: Final = 0.7
"""The share of a night that must have been read."""
_HOUR: Final = 6
"""Blocks of an hour."""


@dataclass(frozen=True, slots=True)
class Night:
    """One night that was read."""

    began: float
    """Unix seconds."""
    weekday: int
    """Of the evening; which number is which day does not matter here."""
    figures: Floats


class Nights:
    """Gathers the blocks of each night; local time decides, also in nights of six or eight hours."""

    def __init__(self, zone: tzinfo, quiet_hours: tuple[time, time]) -> None:
        self._zone = zone
        begin, end = (each.hour * 60 + each.minute for each in quiet_hours)
        self._begin, self._length = begin, (end - begin) % 1440 or 1440
        self._night: tuple[int, int, list[float]] | None = None
        self._hour = -1
        self._offset = 0

    def put(self, block: int, mean: float) -> Night | None:
        """A block (whole ones since 1970) is over; after the last one of a night, that night."""
        into = (block * BLOCK + self._local_offset(block) - self._begin) % 1440
        first = block * BLOCK - into
        over = None
        if self._night is not None and (into >= self._length or abs(self._night[0] - first) > 180):
            over = self._figures()
        if into < self._length:
            if self._night is None:
                self._night = (first, (first + self._offset) // 1440 % 7, [])
            self._night[2].append(mean)
        return over

    def _local_offset(self, block: int) -> int:
        """Minutes from UTC to local time; it changes on whole hours at most."""
        hour = block // _HOUR
        if hour != self._hour:
            local = datetime.fromtimestamp(hour * 3600, UTC).astimezone(self._zone)
            self._hour, self._offset = hour, int((local.utcoffset() or timedelta()).total_seconds()) // 60
        return self._offset

    def _figures(self) -> Night | None:
        assert self._night is not None
        (first, weekday, means), self._night = self._night, None
        values = np.array(means)
        known = np.isfinite(values)
        if known.sum() < _KNOWN * self._length / BLOCK:
            return None
        return Night(first * 60.0, weekday, _figures(values))


def _figures(values: Floats) -> Floats:
    """The lowest hour, the mean of all, the lowest fifth, the mean after midnight: which is steadiest, a site shows."""
    known = np.isfinite(values)
    total = np.cumsum(np.r_[0.0, np.where(known, values, 0.0)])
    count = np.cumsum(np.r_[0, known])
    in_hour = count[_HOUR:] - count[:-_HOUR]
    hours = (total[_HOUR:] - total[:-_HOUR]) / np.maximum(in_hour, 1)
    core = values[len(values) * 4 // 7 :]
    core = core[np.isfinite(core)]
    every = values[known]
    lowest = hours[in_hour >= _HOUR // 2].min()
    return np.array([lowest, every.mean(), np.quantile(every, 0.2), core.mean() if len(core) else every.mean()])
