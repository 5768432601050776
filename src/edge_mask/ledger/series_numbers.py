"""The numbers of the rows of series.

hours, forecasts  number of the series · 2²⁷ + whole hours since 1970: those of one series lie side by side
minutes           whole minutes since 1970 · 2²⁰ + number of the series: the newest lie side by side
states            number of the series
"""

from dataclasses import dataclass
from typing import Final, NamedTuple

_HOUR_BITS, _SERIES_BITS = 27, 20
MOST_SERIES: Final = 1 << _SERIES_BITS
LAST_HOUR: Final = (1 << _HOUR_BITS) - 1
HOUR_S: Final = 3600
MINUTE_S: Final = 60
PACKED: Final = "series packed"
"""The counter of the first hour (since 1970) that is not packed yet; without it all are looked through."""
LARGEST_VALUE: Final = 3.4028234663852886e38
"""Of a float32; what is larger is kept as this."""


class SeriesName(NamedTuple):
    """Which series: one quantity of one sensor in one unit. After a change of unit another begins."""

    sensor: str
    quantity: str
    unit: str


@dataclass(frozen=True, slots=True)
class Minute:
    """The readings of one minute."""

    count: int
    mean: float
    min: float
    max: float
    last: float


def hour_row(series: int, hour: int) -> int:
    """The number of the row of an hour; of one that no row can have, that of the nearest."""
    return series << _HOUR_BITS | max(0, min(hour, LAST_HOUR))


def hour_of(row: int) -> int:
    """Whole hours since 1970."""
    return row & LAST_HOUR


def series_of_hour(row: int) -> int:
    """The number of the series."""
    return row >> _HOUR_BITS


def minute_row(minute: int, series: int) -> int:
    """The number of the row of a minute whose hour is not over."""
    return minute << _SERIES_BITS | series


def minute_of(row: int) -> int:
    """Whole minutes since 1970."""
    return row >> _SERIES_BITS


def series_of_minute(row: int) -> int:
    """The number of the series."""
    return row & (MOST_SERIES - 1)


def bounded(value: float) -> float:
    """As a float32 can hold it."""
    if -LARGEST_VALUE <= value <= LARGEST_VALUE:
        return value
    return max(-LARGEST_VALUE, min(LARGEST_VALUE, value))
