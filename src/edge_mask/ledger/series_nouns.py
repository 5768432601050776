"""What is read of series."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from edge_mask.ledger.series_hour import Summaries
from edge_mask.ledger.series_numbers import SeriesName

Floats = NDArray[np.float32]


class Extent(NamedTuple):
    """A series, and the minutes (since 1970) of which anything is kept; `end` excluded."""

    name: SeriesName
    first: int
    end: int


@dataclass(frozen=True, slots=True)
class MinuteMeans:
    """Without a gap in time: `first` is the whole minute since 1970 of `values[0]`; NaN = nothing was read."""

    first: int
    values: Floats
    damaged: int = 0
    """Hours that are there and cannot be read: NaN, too."""


@dataclass(frozen=True, slots=True)
class TenMinutes:
    """Summaries of ten minutes; the first begins at the whole minute `first` since 1970. `count` 0 = nothing was read;
    the other numbers are NaN then."""

    first: int
    rows: Summaries
    """`count`, `min`, `mean`, `max`, `last`."""


@dataclass(frozen=True, slots=True)
class StoredForecast:
    """`origin` in Unix seconds; the three are of one length."""

    origin: float
    step_s: int
    values: Floats
    low: Floats
    high: Floats


class RawReading(NamedTuple):
    """One reading as it was recorded."""

    at: float
    value: float
    quality: str
