"""What finds outliers: each detector says what is wrong now; the watch makes beginnings and ends of it."""

from dataclasses import dataclass
from typing import Any, Protocol

from edge_mask.series.nouns import Block, Floats, Forecast, Hours, Outlier


@dataclass(frozen=True, slots=True)
class Seen:
    """A minute that is over, as it was read; `count` 0: nothing came."""

    minute: int
    count: int
    mean: float
    low: float
    high: float
    last: float
    after_pause: bool
    """The minutes before it were not watched: the clock jumped or the program did not run."""

    @property
    def end(self) -> float:
        """When it was over, in Unix seconds."""
        return (self.minute + 1) * 60.0


@dataclass(frozen=True, slots=True)
class Blocks:
    """Means of ten minutes that are in line: `first` is the whole block since 1970 of `values[0]`."""

    first: int
    values: Floats


class Forecaster(Protocol):
    """What was learned of a series' weeks."""

    def forecast(self, origin: float, hours: Hours) -> Forecast:
        """The hours after `origin`, from those before it."""
        ...


class Kept(Protocol):
    """Goes on after a restart."""

    def dump(self) -> dict[str, Any]:
        """What the stored minutes do not tell, as plain JSON."""
        ...

    def load(self, state: dict[str, Any]) -> None:
        """Go on from a `dump`."""
        ...


class BlockDetector(Kept, Protocol):
    """Looks at each ten minutes."""

    def warm_up(self, hours: Hours, blocks: Blocks) -> None:
        """What was before; nothing is said of it."""
        ...

    def block(self, block: Block, hours: Hours) -> tuple[Outlier, ...]:
        """What is wrong at the end of this block; `hours` ends with the last one that is over."""
        ...

    def retrained(self, model: Forecaster) -> None:
        """Compare with this one from now on."""
        ...
