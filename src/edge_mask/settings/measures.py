"""What sensors of every kind have: a name, what they measure, in which limits, and how it is corrected."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field, field_validator, model_validator

from edge_mask.kinds import KINDS, READINGS
from edge_mask.quantities import duration
from edge_mask.settings.base import Name, Section, allowed
from edge_mask.settings.series import Outliers
from edge_mask.units import Seconds

_ENVELOPE = ("id", "seq", "thing", "ts", "v", "late", "clock_ok", "sensor", "unit", "quality")
_TOPICS = ("root", "commands", "tflite_results", *(kind.name for kind in KINDS if kind is not READINGS))
_SHADOW = ("at", "highest")
RESERVED = frozenset(_ENVELOPE + _TOPICS + _SHADOW)
"""Names that a quantity must not have: envelope fields, other topics, fields of a sensor's shadow."""

TEMPERATURE_UNITS = ("C", "F", "K")
USUAL_UNITS = {
    "humidity": "%",
    "pressure": "hPa",
    "voltage": "V",
    "current": "A",
    "power": "W",
    "resistance": "Ohm",
    "illuminance": "lx",
    "distance": "m",
}
"""Quantities that are never measured in degrees, with their usual units."""
STATES = ("passage", "contact", "motion", "occupancy", "presence", "vibration", "water_leak", "smoke")
"""Quantities that are 1 or 0 and have no unit."""
PASSAGES = ("passage", "contact", "motion", "occupancy", "presence")
"""Those of them that tell of somebody who goes through."""


def is_state(quantity: str, unit: str) -> bool:
    """Whether it is 1 or 0 and nothing else; a vibration or smoke with a unit is measured."""
    return quantity in PASSAGES or (quantity in STATES and not unit)


def may_be_state(quantity: str, unit: str) -> bool:
    """Whether true and ON may be its values; what has a unit is measured, and is a number."""
    return is_state(quantity, unit) or not unit


WORD = r"[a-z][a-z0-9_]{0,63}"
WORDS = "lower-case letters, digits and '_', beginning with a letter"

Pair = tuple[float, float]


def free(quantity: str) -> str:
    """A quantity's name that means nothing else. Raises ValueError."""
    if quantity in RESERVED:
        raise ValueError(f'"{quantity}" means something else in messages or topics; choose another word')
    return quantity


class Calibration(Section):
    """From what a sensor says to what is true."""

    offset: float = Field(default=0.0, description="Is added, after `scale`.")
    scale: float = Field(default=1.0, description="What the sensor says is multiplied by this.")
    points: tuple[Pair, Pair] | None = Field(
        default=None,
        description="In the place of offset and scale: `[[said, true], [said, true]]`, two measurements beside a"
        " trusted instrument.",
        json_schema_extra=allowed("two pairs [what it says, what is true]"),
    )
    emissivity: float | None = Field(
        default=None,
        ge=0.1,
        le=1,
        description="Infrared thermometers that assume 1: how much of its heat the surface radiates; skin 0.98.",
    )
    surroundings: float | None = Field(
        default=None, description="With `emissivity`: temperature of what the surface reflects, in the sensor's unit."
    )


class Quantity(Section):
    """One quantity of a line."""

    unit: str = Field(default="", max_length=16, description="Unit of the value; C, F or K for a temperature.")
    min: float | None = Field(default=None, description="Least value to believe.")
    max: float | None = Field(default=None, description="Greatest value to believe.")
    calibration: Calibration = Field(default=Calibration(), description="Correction of this quantity.")


class SensorSettings(Section):
    """One sensor, of any kind."""

    name: Name = Field(description="How messages, logs and `gate.temperature_sensor` call it.")
    calibration: Calibration = Field(default=Calibration(), description="Correction of what it says.")
    outliers: Outliers | None = Field(
        default=None, description="What is looked for in its readings; without it nothing is."
    )

    @property
    def measured(self) -> Mapping[str, Quantity]:
        """What it measures, by quantity."""
        raise NotImplementedError

    @property
    def pause(self) -> Seconds | None:
        """Time between two readings; None when it speaks by itself, or ends."""
        return None

    def speaks_as(self, name: str) -> bool:
        """Whether readings of that name come from it."""
        return name == self.name


class OneQuantity(SensorSettings):
    """A sensor with one quantity."""

    quantity: str = Field(
        default="temperature",
        pattern=f"^{WORD}$",
        description="What it measures: the topic its readings go to, and the field that holds the value.",
        json_schema_extra=allowed(WORDS),
    )

    @field_validator("quantity")
    @classmethod
    def _is_free(cls, value: str) -> str:
        return free(value)


class Value(OneQuantity):
    """A sensor whose value has a unit and limits."""

    unit: str = Field(
        default="C",
        max_length=16,
        description="Unit of the value; C, F or K for a temperature. States such as passage or motion have none.",
    )
    min: float | None = Field(
        default=None, description="Least value to believe; without it what such a sensor can measure."
    )
    max: float | None = Field(
        default=None, description="Greatest value to believe; without it what such a sensor can measure."
    )
    stuck_after: Annotated[Seconds, duration()] = Field(
        default=Seconds(3600.0), description="The very same value for so long is not believed; 0s is never."
    )

    @model_validator(mode="before")
    @classmethod
    def _states_have_no_unit(cls, value: Any) -> Any:
        is_state = isinstance(value, dict) and value.get("quantity") in STATES
        return {"unit": "", **value} if is_state else value

    @property
    def measured(self) -> Mapping[str, Quantity]:
        return {self.quantity: Quantity(unit=self.unit, min=self.min, max=self.max, calibration=self.calibration)}
