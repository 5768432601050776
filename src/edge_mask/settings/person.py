"""How warm a person's skin may be: what a gate's thermometer says outside of that is of the air, a wall, or nothing."""

from typing import Final

from edge_mask.settings.cameras import Gate

_COLDEST: Final = 28.0
"""Degrees Celsius. A forehead out of a winter's street is seen at about 30, a heated room at 20 to 25."""
_HOTTEST: Final = 43.0
_BELOW_FEVER: Final = 5.0
_ABOVE_FEVER: Final = 5.0
"""A limit that was set low, or high, for skin at a distance is taken to be right."""


def warmth_of_a_person(gate: Gate, unit: str) -> tuple[float, float]:
    """In the unit of the thermometer: what is configured, or what fits to `fever_above`."""
    if gate.temperature_range is not None:
        return gate.temperature_range
    fever = celsius_of(gate.fever_above, unit)
    coldest, hottest = min(_COLDEST, fever - _BELOW_FEVER), max(_HOTTEST, fever + _ABOVE_FEVER)
    return given_in(coldest, unit), given_in(hottest, unit)


def celsius_of(value: float, unit: str) -> float:
    """From one of the units of a temperature."""
    return {"F": (value - 32) / 1.8, "K": value - 273.15}.get(unit, value)


def given_in(celsius: float, unit: str) -> float:
    """Into one of them, in hundredths."""
    return round({"F": celsius * 1.8 + 32, "K": celsius + 273.15}.get(unit, celsius), 2)
