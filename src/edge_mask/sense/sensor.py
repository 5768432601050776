"""The Sensor protocol, one value at a time, and what every driver is told about its sensor."""

from dataclasses import dataclass, field
from typing import Protocol

from edge_mask.messages import Reading
from edge_mask.runtime.clock import Clock
from edge_mask.sense.correction import Correction
from edge_mask.sense.scale import convert
from edge_mask.units import Moment, Seconds


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


@dataclass(frozen=True, slots=True)
class Identity:
    """Name, quantity and unit of a sensor's readings, and how often it is read."""

    name: str
    quantity: str = "temperature"
    unit: str = "C"
    interval: Seconds = Seconds(1.0)
    correction: Correction = field(default_factory=Correction)

    def reading(self, value: float, unit: str, clock: Clock) -> Reading:
        """A reading made now of a value in the driver's own unit. Raises Refused when it cannot be converted."""
        return self.reading_at(value, unit, clock.now())

    def reading_at(self, value: float, unit: str, at: Moment) -> Reading:
        """The same at its own moment."""
        true = self.correction.of(convert(value, unit, self.unit), self.unit)
        return Reading(self.name, self.quantity, true, self.unit, at)
