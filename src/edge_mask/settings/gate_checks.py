"""Checks of what belongs to the gate besides its cameras: the passage sensor."""

from collections.abc import Iterator
from typing import Final

from edge_mask.settings.feeds import GpioSensor, MqttSensor
from edge_mask.settings.measures import STATES
from edge_mask.settings.model import Settings
from edge_mask.settings.named_files import Complaint
from edge_mask.settings.sensors import ReplaySensor, Sensor

_FITTING: Final = (GpioSensor, MqttSensor, ReplaySensor)


def passage_complaints(settings: Settings) -> Iterator[Complaint]:
    """Whether somebody who goes through can be seen."""
    name = settings.gate.passage_sensor
    if name is None:
        return
    key = ("gate", "passage_sensor")
    sensor = next((each for each in settings.sensors if each.name == name), None)
    if sensor is None:
        fitting = [each.name for each in settings.sensors if _fits(each)]
        allowed = ", ".join(fitting) or "nothing, as no sensor of a state is configured"
        yield key, f'there is no sensor "{name}"; allowed: {allowed}'
    elif not isinstance(sensor, _FITTING):
        yield key, f'"{name}" is of kind {sensor.kind}; allowed: a sensor of kind gpio, mqtt or replay'
    elif sensor.quantity not in STATES:
        yield key, f'"{name}" tells of {sensor.quantity}; allowed: a sensor of {", ".join(STATES)}'


def _fits(sensor: Sensor) -> bool:
    return isinstance(sensor, _FITTING) and sensor.quantity in STATES
