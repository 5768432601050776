"""Thermometers and other meters: the kinds of sensors, each with the keys it has."""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

from pydantic import Discriminator, Field, Tag

from edge_mask.quantities import duration
from edge_mask.settings.base import Place, allowed
from edge_mask.settings.feeds import GpioSensor, MqttSensor, SerialSensor
from edge_mask.settings.measures import Value
from edge_mask.units import Seconds

_IN_SYSFS: Final = Place(re.compile(r"(?!/|(.*/)?\.\.(/|$)).*"), "a chip, channel or zone that the kernel lists")


class KernelSensor(Value):
    """A sensor that the kernel shows in files."""

    kind: Literal["iio", "hwmon", "w1", "thermal"] = Field(
        description="`iio`, `hwmon` (SHT3x) and `w1` (DS18B20) are the kernel's sensors, `thermal` a zone of the"
        " machine itself."
    )
    path: Annotated[str | None, _IN_SYSFS] = Field(
        default=None,
        min_length=1,
        description="w1: the device, for instance 28-0316a2795b1f. iio and hwmon: chip and channel, for instance"
        " mlx90614/temp_object or sht3x/temp1. thermal: the zone, for instance cpu-thermal; without it zone 0."
        " Elsewhere, without it, the only one that measures the quantity.",
    )
    interval: Annotated[Seconds, duration(at_least=0.01, at_most=86400)] = Field(
        default=Seconds(2.0), description="Time between two readings."
    )

    @property
    def pause(self) -> Seconds | None:
        return self.interval


class ReplaySensor(Value):
    """Recorded values."""

    kind: Literal["replay"] = Field(description="A file of recorded values.")
    path: Annotated[str, Place()] = Field(
        min_length=1,
        description="CSV file with columns seconds,value.",
        json_schema_extra=allowed("a CSV file with the columns seconds,value"),
    )
    interval: Annotated[Seconds, duration(at_least=0.01, at_most=86400)] = Field(
        default=Seconds(2.0),
        description="A decision takes readings up to two of these old, or 10s. The replay"
        " itself follows the times in its file.",
    )
    rate: Literal["realtime", "max"] = Field(
        default="realtime", description="At the pace of the file's seconds, or as fast as it goes."
    )
    loop: bool = Field(default=False, description="Start again at the end.")


Sensor = KernelSensor | ReplaySensor | SerialSensor | MqttSensor | GpioSensor

BY_KIND: Final[Mapping[str, type[Sensor]]] = {
    "replay": ReplaySensor,
    **dict.fromkeys(("iio", "hwmon", "w1", "thermal"), KernelSensor),
    "serial": SerialSensor,
    "mqtt": MqttSensor,
    "gpio": GpioSensor,
}
"""Kind → its settings."""


def _kind(value: Any) -> str | None:
    kind = value.get("kind") if isinstance(value, Mapping) else getattr(value, "kind", None)
    return None if kind is None else str(kind)


AnySensor = Annotated[
    Annotated[ReplaySensor, Tag("replay")]
    | Annotated[KernelSensor, Tag("iio")]
    | Annotated[KernelSensor, Tag("hwmon")]
    | Annotated[KernelSensor, Tag("w1")]
    | Annotated[KernelSensor, Tag("thermal")]
    | Annotated[SerialSensor, Tag("serial")]
    | Annotated[MqttSensor, Tag("mqtt")]
    | Annotated[GpioSensor, Tag("gpio")],
    Discriminator(_kind),
]
