"""Units of measure, conversion between them, and the physical limits of each quantity."""

import math
from dataclasses import dataclass

from edge_mask.errors import Refused, TryLater


@dataclass(frozen=True, slots=True)
class _Unit:
    """What a unit measures, how many of it make one of the base unit, and where its zero lies in units of its own."""

    measures: str
    in_one: float = 1.0
    zero: float = 0.0

    def to_base(self, value: float) -> float:
        return (value - self.zero) / self.in_one

    def from_base(self, value: float) -> float:
        return value * self.in_one + self.zero


_UNITS = {
    "C": _Unit("temperature"),
    "F": _Unit("temperature", 1.8, 32.0),
    "K": _Unit("temperature", 1.0, 273.15),
    "%": _Unit("ratio"),
    "ppm": _Unit("ratio", 10_000.0),
    "Pa": _Unit("pressure"),
    "hPa": _Unit("pressure", 0.01),
    "kPa": _Unit("pressure", 0.001),
    "bar": _Unit("pressure", 1e-5),
    "V": _Unit("voltage"),
    "mV": _Unit("voltage", 1000.0),
    "A": _Unit("current"),
    "mA": _Unit("current", 1000.0),
    "W": _Unit("power"),
    "mW": _Unit("power", 1000.0),
    "Ohm": _Unit("resistance"),
    "kOhm": _Unit("resistance", 0.001),
    "lx": _Unit("illuminance"),
    "lux": _Unit("illuminance"),
    "m": _Unit("length"),
    "cm": _Unit("length", 100.0),
    "mm": _Unit("length", 1000.0),
}
"""The units that are converted into each other; the base unit of each measure is the first."""

_PHYSICAL: dict[str, tuple[float, float, str]] = {
    "temperature": (-55.0, 125.0, "C"),
    "humidity": (0.0, 100.0, "%"),
    "pressure": (30_000.0, 120_000.0, "Pa"),
}
"""Quantity → the widest range that its sensors measure. A number outside comes from a broken sensor."""


@dataclass(frozen=True, slots=True)
class Range:
    """The lowest and the highest value that is believed, in the sensor's configured unit."""

    low: float = -math.inf
    high: float = math.inf

    def __str__(self) -> str:
        if math.isinf(self.low):
            return f"at most {self.high:g}"
        return f"at least {self.low:g}" if math.isinf(self.high) else f"{self.low:g} to {self.high:g}"

    def __contains__(self, value: float) -> bool:
        return self.low <= value <= self.high


def convert(value: float, unit: str, to: str) -> float:
    """`value` in another unit. Raises Refused when the two measure different things or are not known."""
    if unit == to:
        return value
    measures = _measured_by(unit)
    if measures is None or measures != _measured_by(to):
        known = [name for name, each in _UNITS.items() if measures in (None, each.measures)]
        raise Refused(f"{unit!r} cannot be given as {to!r}; allowed as `unit`: {', '.join(known)}")
    converted = _UNITS[to].from_base(_UNITS[unit].to_base(value))
    return float(f"{converted:.14g}")  # 36.6, not 36.60000000000001


def physical_range(quantity: str, unit: str, low: float | None = None, high: float | None = None) -> Range:
    """The configured limits, and the physical ones where none is configured; none are known for a foreign unit."""
    first, last, base = _PHYSICAL.get(quantity, (-math.inf, math.inf, unit))
    if _measured_by(base) != _measured_by(unit):
        first, last, base = -math.inf, math.inf, unit
    return Range(
        convert(first, base, unit) if low is None else low,
        convert(last, base, unit) if high is None else high,
    )


def _measured_by(unit: str) -> str | None:
    return _UNITS[unit].measures if unit in _UNITS else None


def number(text: str, what: str) -> float:
    """The finite number in a text. Raises TryLater with a sentence: the next one may be right."""
    try:
        value = float(text.replace("_", "x"))  # 1_000 is a number to Python alone
    except ValueError:
        raise TryLater(f"{what}: {text.strip()[:40]!r} is not a number") from None
    if not math.isfinite(value):
        raise TryLater(f"{what}: {text.strip()!r} is not a finite number")
    return value
