"""Units of measure and the limits of what can physically be: everything a number needs to become a reading."""

import math
from collections.abc import Callable
from dataclasses import dataclass

from edge_mask.errors import Refused, TryLater

_TO_BASE: dict[str, tuple[str, Callable[[float], float], Callable[[float], float]]] = {
    "C": ("temperature", lambda value: value, lambda value: value),
    "F": ("temperature", lambda value: (value - 32.0) / 1.8, lambda value: value * 1.8 + 32.0),
    "K": ("temperature", lambda value: value - 273.15, lambda value: value + 273.15),
    "%": ("ratio", lambda value: value, lambda value: value),
    "Pa": ("pressure", lambda value: value, lambda value: value),
    "hPa": ("pressure", lambda value: value * 100.0, lambda value: value / 100.0),
    "kPa": ("pressure", lambda value: value * 1000.0, lambda value: value / 1000.0),
    "bar": ("pressure", lambda value: value * 1e5, lambda value: value / 1e5),
}
"""Unit → what it measures, to its base unit (C, %, Pa), and back."""

_PHYSICAL: dict[str, tuple[float, float, str]] = {
    "temperature": (-55.0, 125.0, "C"),
    "humidity": (0.0, 100.0, "%"),
    "pressure": (30_000.0, 120_000.0, "Pa"),
}
"""Quantity → the widest range its sensors measure; beyond it a number comes from a broken one."""


@dataclass(frozen=True, slots=True)
class Range:
    """What a value may be, both ends included, in the sensor's configured unit."""

    low: float = -math.inf
    high: float = math.inf

    def __contains__(self, value: float) -> bool:
        return self.low <= value <= self.high


def convert(value: float, unit: str, to: str) -> float:
    """`value` in another unit. Raises Refused when the two measure different things or are not known."""
    if unit == to:
        return value
    if unit not in _TO_BASE or _measured_by(unit) != _measured_by(to):
        raise Refused(f"{unit!r} cannot be given as {to!r}; known units: {', '.join(_TO_BASE)}")
    return _TO_BASE[to][2](_TO_BASE[unit][1](value))


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
    return _TO_BASE[unit][0] if unit in _TO_BASE else None


def number(text: str, what: str) -> float:
    """The finite number in a text. Raises TryLater with a sentence: the next one may be right."""
    try:
        value = float(text)
    except ValueError:
        raise TryLater(f"{what}: {text.strip()[:40]!r} is not a number") from None
    if not math.isfinite(value):
        raise TryLater(f"{what}: {text.strip()!r} is not a finite number")
    return value
