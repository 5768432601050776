"""What every sensor is told about itself."""

from dataclasses import dataclass

from edge_mask.messages import Reading
from edge_mask.runtime.clock import Clock
from edge_mask.sense.scale import convert
from edge_mask.units import Seconds


@dataclass(frozen=True, slots=True)
class Identity:
    """Name, quantity and unit of a sensor's readings, and how often it is read."""

    name: str
    quantity: str = "temperature"
    unit: str = "C"
    interval: Seconds = Seconds(1.0)

    def reading(self, value: float, unit: str, clock: Clock) -> Reading:
        """A reading made now of a value in the driver's own unit. Raises Refused when it cannot be converted."""
        return Reading(self.name, self.quantity, convert(value, unit, self.unit), self.unit, clock.now())
