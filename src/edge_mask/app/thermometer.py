"""The thermometer of a gate camera: which one it is, how its pace bounds what is decided with it, and what of it is
believed."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

from edge_mask.app.instruments import Instruments
from edge_mask.decide.visitor import GatePolicy
from edge_mask.messages import Fault, Reading
from edge_mask.runtime.clock import Clock
from edge_mask.runtime.outage import Outage
from edge_mask.settings.cameras import Camera
from edge_mask.settings.model import Settings
from edge_mask.settings.person import warmth_of_a_person
from edge_mask.settings.sensors import Sensor
from edge_mask.units import Seconds

log = logging.getLogger(__name__)

QUANTITY = "temperature"
_MAX_AGE = Seconds(10.0)
"""An older reading does not count; of a slow sensor, one of two of its intervals does."""
_LONGEST_WAIT = Seconds(10.0)
"""Nobody stands longer than this before a slow sensor."""
_IN_A_ROW: Final = 3
"""Visits at which only what no person can have was measured: somebody who looks away from an infrared thermometer is
measured as the wall behind them."""

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
    unit = sensor.measured[QUANTITY].unit
    coldest, hottest = warmth_of_a_person(settings.gate, unit)
    return replace(
        policy,
        fever_above=settings.gate.fever_above,
        unit=unit,
        coldest=coldest,
        hottest=hottest,
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


class Suspicion:
    """A thermometer that says again and again of people what no person can have: one trouble, and one recovery."""

    def __init__(self, sensor: str, policy: GatePolicy, report: Callable[[Fault], None], clock: Clock) -> None:
        self._policy = policy
        self._outage = Outage(f"sensor {sensor}", log, report, clock)
        self._in_a_row = 0

    def note(self, value: float, is_of_a_person: bool) -> None:
        """What was measured of one visitor."""
        if is_of_a_person:
            self._in_a_row = 0
            self._outage.end()
            return
        self._in_a_row += 1
        if self._in_a_row >= _IN_A_ROW:
            policy = self._policy
            said = f"said {value:g} {policy.unit} of the last of {self._in_a_row} visitors in a row"
            believed = f"outside of {policy.coldest:g} to {policy.hottest:g} {policy.unit}, gate.temperature_range"
            self._outage.begin("sensor_out_of_range", f"{said}, {believed}: they count as not measured")
