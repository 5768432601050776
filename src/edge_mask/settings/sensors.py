"""Thermometers and other meters."""

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, field_validator

from edge_mask.kinds import KINDS, READINGS
from edge_mask.quantities import duration
from edge_mask.settings.base import Name, Section, allowed
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

LATER_KINDS = ("serial", "mqtt", "gpio")


def _runs_now(value: object) -> object:
    if value in LATER_KINDS:
        raise ValueError(f"kind {value} comes with a later version; allowed now: replay, iio, hwmon, w1, thermal")
    return value


class SensorSettings(Section):
    """One sensor."""

    name: Name = Field(description="How messages, logs and `gate.temperature_sensor` call it.")
    kind: Annotated[Literal["replay", "iio", "hwmon", "w1", "thermal"], BeforeValidator(_runs_now)] = Field(
        description="`iio`, `hwmon` (SHT3x) and `w1` (DS18B20) are the kernel's sensors, `thermal` a zone of the"
        " machine itself, `replay` a file of recorded values."
    )
    path: str | None = Field(
        default=None,
        min_length=1,
        description="replay: CSV file with columns seconds,value. w1: the device, for instance 28-0316a2795b1f."
        " iio and hwmon: chip and channel, for instance mlx90614/temp_object or sht3x/temp1. thermal: the zone, for"
        " instance cpu-thermal; without it zone 0. Elsewhere, without it, the only one that measures the quantity.",
    )
    quantity: str = Field(
        default="temperature",
        pattern=r"^[a-z][a-z0-9_]{0,63}$",
        description="What it measures: the topic its readings go to, and the field that holds the value.",
        json_schema_extra=allowed("lower-case letters, digits and '_', beginning with a letter"),
    )
    unit: str = Field(
        default="C", min_length=1, max_length=16, description="Unit of the value; C, F or K for a temperature."
    )
    interval: Annotated[Seconds, duration(at_least=0.01, at_most=86400)] = Field(
        default=Seconds(2.0), description="Time between two readings; a replay follows the times in its file."
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
    rate: Literal["realtime", "max"] = Field(
        default="realtime", description="replay only: at the pace of the file's seconds, or as fast as it goes."
    )
    loop: bool = Field(default=False, description="replay only: start again at the end.")

    @field_validator("quantity")
    @classmethod
    def _is_free(cls, value: str) -> str:
        if value in RESERVED:
            raise ValueError(f'"{value}" means something else in messages or topics; choose another word')
        return value
