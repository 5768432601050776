"""From what a sensor says to what is true: a line through two points, and the emissivity of a surface."""

from dataclasses import dataclass

from edge_mask.errors import TryLater
from edge_mask.sense.scale import convert

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Correction:
    """`scale` and `offset` first, then what a surface reflects is taken away from what it radiates."""

    scale: float = 1.0
    offset: float = 0.0
    emissivity: float | None = None
    surroundings: float | None = None
    """Temperature of what the surface reflects, in the sensor's configured unit."""

    @classmethod
    def through(cls, first: Point, second: Point) -> "Correction":
        """The line through two points (said, true)."""
        scale = (second[1] - first[1]) / (second[0] - first[0])
        return cls(scale, first[1] - scale * first[0])

    def of(self, value: float, unit: str) -> float:
        """The true value. Raises TryLater when no surface could look like that."""
        if self == _NONE:
            return value
        straight = value * self.scale + self.offset
        if self.emissivity is not None and self.surroundings is not None:
            straight = self._radiated(straight, self.emissivity, self.surroundings, unit)
        return float(f"{straight:.12g}")  # 36.8, not 36.800000000000004

    def _radiated(self, value: float, emissivity: float, surroundings: float, unit: str) -> float:
        """The Stefan-Boltzmann law: the sensor sees ε·T⁴ of the surface and (1 - ε)·T⁴ of what it reflects."""
        seen, reflected = (convert(each, unit, "K") ** 4 for each in (value, surroundings))
        own = (seen - (1.0 - emissivity) * reflected) / emissivity
        if own <= 0.0:
            raise TryLater(f"{value:g} {unit} is colder than what the surface would reflect; check surroundings")
        return convert(own**0.25, "K", unit)


_NONE = Correction()
