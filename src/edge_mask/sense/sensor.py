"""The Sensor protocol: one value at a time."""

from typing import Protocol

from edge_mask.messages import Reading
from edge_mask.units import Seconds


class Sensor(Protocol):
    """A thermometer or another meter. One thread owns it."""

    @property
    def name(self) -> str: ...

    @property
    def interval(self) -> Seconds:
        """How long to wait from the last read to the next; a replay's own times make it vary."""
        ...

    def read(self) -> Reading | None:
        """The next reading, None when a replay has ended.

        Raises TryLater when silent or nonsensical, Refused when it will never give one.
        """
        ...

    def close(self) -> None: ...
