"""Checks of what belongs to the gate besides its cameras: the passage sensor and the output."""

from collections.abc import Iterator
from typing import Final

from edge_mask.settings.feeds import GpioSensor, MqttSensor
from edge_mask.settings.measures import PASSAGES
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
    elif sensor.quantity not in PASSAGES:
        yield key, f'"{name}" tells of {sensor.quantity}; allowed: a sensor of {", ".join(PASSAGES)}'


def output_complaints(settings: Settings) -> Iterator[Complaint]:
    """Whether there is such an output, and its times fit each other."""
    gate = settings.gate
    names = [output.name for output in settings.outputs]
    if gate.output is not None and gate.output not in names:
        allowed = ", ".join(names) or "nothing, as no output is configured under outputs"
        yield ("gate", "output"), f'there is no output "{gate.output}"; allowed: {allowed}'
    if gate.open_at_most >= gate.open_for:
        return
    if "open_at_most" in gate.model_fields_set:
        yield ("gate", "open_at_most"), f"found {gate.open_at_most:g}s; allowed: at least open_for, {gate.open_for:g}s"
    else:  # the sentence is about a key that was written
        text = f"found {gate.open_for:g}s; allowed: at most gate.open_at_most, {gate.open_at_most:g}s"
        yield ("gate", "open_for"), text


def _fits(sensor: Sensor) -> bool:
    return isinstance(sensor, _FITTING) and sensor.quantity in PASSAGES
