"""The nouns of a series: minutes, blocks, hours, and what is out of line. Times are UTC; a missing value is NaN."""

from dataclasses import dataclass
from datetime import time, tzinfo
from typing import TYPE_CHECKING, Final, Literal

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from edge_mask.series.criteria import Criteria

Kind = Literal["system", "value", "forecast", "quiet"]
Reason = Literal["silent", "stuck", "out_of_range", "spike", "step", "level", "drift", "leak"]
Floats = NDArray[np.float32]

KINDS: Final[tuple[Kind, ...]] = ("system", "value", "forecast", "quiet")
BLOCK: Final = 10
"""Minutes of a block: what is compared with a forecast, what a night's lowest flow is made of."""


@dataclass(frozen=True, slots=True, order=True)
class SeriesKey:
    """One quantity of one sensor."""

    sensor: str
    quantity: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """What is known of a series before anything was measured."""

    key: SeriesKey
    unit: str
    zone: tzinfo
    limits: tuple[float, float] = (float("-inf"), float("inf"))
    """What the sensor can measure at all."""
    resolution: float | None = None
    quiet_hours: tuple[time, time] | None = None
    """Local times between which nobody draws water; None: no leak is looked for."""
    kinds: frozenset[Kind] = frozenset(KINDS)
    shipped: "Criteria | None" = None
    """The criteria to use until there are three weeks to learn from."""
    never_learned_out: tuple[float, float] | None = None
    """Values that no learned criteria call unusual: a thermometer that people decide by has often seen the healthy."""


@dataclass(frozen=True, slots=True)
class Minutes:
    """Minute means without a gap in time: `first` is the whole minute since 1970 of `values[0]`."""

    first: int
    values: Floats

    @property
    def end(self) -> int:
        """The minute after the last one."""
        return self.first + len(self.values)


@dataclass(frozen=True, slots=True)
class Hours:
    """Hourly means of minutes that are in line: `first` is the whole hour since 1970 of `values[0]`."""

    first: int
    values: Floats

    @property
    def end(self) -> int:
        """The hour after the last one."""
        return self.first + len(self.values)


@dataclass(frozen=True, slots=True)
class Outlier:
    """Something that is wrong: `began` in Unix seconds, `value` and `expected` (low, high) as it was found."""

    kind: Kind
    reason: Reason
    value: float | None
    expected: tuple[float | None, float | None] | None
    began: float


@dataclass(frozen=True, slots=True)
class Said:
    """An outlier begins or ends; the one of an end is the one that began."""

    outlier: Outlier
    state: Literal["begun", "ended"]
    at: float


@dataclass(frozen=True, slots=True)
class Closed:
    """A minute that is over; `count` 0: nothing was read in it and the values are NaN."""

    minute: int
    count: int
    mean: float
    min: float
    max: float
    last: float
    said: tuple[Said, ...]
    doubted: bool
    """Whether its values are those of a broken sensor, and nothing is to be learned from them."""


@dataclass(frozen=True, slots=True)
class Block:
    """Ten minutes that are over, from minute `first` on; the means are NaN when there were too few minutes."""

    first: int
    mean: float
    """Of the minutes that are in line."""
    raw: float
    """Of every minute that was read."""
    count: int
    """How many minutes are in `mean`."""

    @property
    def end(self) -> float:
        """When it was over, in Unix seconds."""
        return (self.first + BLOCK) * 60.0


@dataclass(frozen=True, slots=True)
class Forecast:
    """Means of the steps after `origin` (Unix seconds), with the band that most of the truth falls into."""

    origin: float
    step_s: int
    values: Floats
    low: Floats
    high: Floats
