"""The thermometer of a gate camera: which one it is, and how its pace bounds what is decided with it."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from edge_mask.app.instruments import Instruments
from edge_mask.decide.visitor import GatePolicy
from edge_mask.messages import Reading
from edge_mask.settings.cameras import Camera
from edge_mask.settings.model import Settings
from edge_mask.settings.sensors import Sensor
from edge_mask.units import Seconds

QUANTITY = "temperature"
_MAX_AGE = Seconds(10.0)
"""An older reading does not count; of a slow sensor, one of two of its intervals does."""
_LONGEST_WAIT = Seconds(10.0)
"""Nobody stands longer than this before a slow sensor."""

Readings = Callable[[Seconds], Sequence[Reading]]


def thermometer_of(settings: Settings, camera: Camera) -> Sensor | None:
    """The sensor that measures this camera's visitors; with several gates it hangs at the one that is named."""
    gate = settings.gate
    if gate.temperature_sensor is None or gate.temperature_camera not in (None, camera.name):
        return None
    return next(each for each in settings.sensors if each.speaks_as(gate.temperature_sensor))


def with_thermometer(policy: GatePolicy, settings: Settings, sensor: Sensor | None) -> GatePolicy:
    """The policy of a gate at which this sensor hangs; without one nobody is asked for a temperature."""
    if sensor is None:
        return policy
    return replace(
        policy,
        fever_above=settings.gate.fever_above,
        unit=sensor.measured[QUANTITY].unit,
        without_temperature=settings.gate.without_temperature,
        temperature_max_age=Seconds(max(_MAX_AGE, 2.0 * (getattr(sensor, "interval", None) or 0.0))),
        temperature_wait=Seconds(min(max(policy.temperature_wait, sensor.pause or 0.0), _LONGEST_WAIT)),
    )


def readings_for(settings: Settings, sensor: Sensor | None, instruments: Instruments) -> Readings:
    """Gives a gate the good readings of its thermometer, each once. Asked for before the sensors start."""
    name = settings.gate.temperature_sensor
    if sensor is None or name is None:
        return lambda _until: ()
    return instruments.tap(name, QUANTITY).take
