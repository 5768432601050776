"""Builds the drivers of sensors from their settings, for the house and for the doctor."""

from collections.abc import Callable, Sequence
from pathlib import Path

from edge_mask import json_path
from edge_mask.messages import Heard, Message
from edge_mask.runtime.clock import Clock
from edge_mask.sense.correction import Correction
from edge_mask.sense.factory import sensor_for
from edge_mask.sense.feed_meter import Voice
from edge_mask.sense.gpio import GpioFeed
from edge_mask.sense.lines import Dialect, Measured
from edge_mask.sense.mqtt_feed import Ear, MqttFeed
from edge_mask.sense.quality import QualityPolicy
from edge_mask.sense.scale import physical_range
from edge_mask.sense.sensor import Identity, Sensor
from edge_mask.sense.serial_port import SerialPort, Wiring
from edge_mask.settings.feeds import GpioSensor, MqttSensor, SerialSensor
from edge_mask.settings.measures import Calibration, is_state, may_be_state
from edge_mask.settings.sensors import KernelSensor, ReplaySensor
from edge_mask.settings.sensors import Sensor as AnySensor
from edge_mask.units import Seconds


def sensor_of(sensor: KernelSensor | ReplaySensor, clock: Clock, sysfs: Path) -> Sensor:
    """The driver of a sensor that is read at its interval. Raises Refused."""
    identity = Identity(
        sensor.name, sensor.quantity, sensor.unit, sensor.interval, correction=correction_of(sensor.calibration)
    )
    if isinstance(sensor, KernelSensor):
        return sensor_for(sensor.kind, sensor.path, identity, clock=clock, sysfs=sysfs)
    return sensor_for(sensor.kind, sensor.path, identity, clock=clock, rate=sensor.rate, loop=sensor.loop)


def correction_of(calibration: Calibration) -> Correction:
    """The line through its points, or its scale and offset; with the emissivity of the surface."""
    line = Correction(calibration.scale, calibration.offset)
    if calibration.points is not None:
        line = Correction.through(*calibration.points)
    return Correction(line.scale, line.offset, calibration.emissivity, calibration.surroundings)


def serial_port(sensors: Sequence[SerialSensor], clock: Clock) -> SerialPort:
    """The port that these sensors share. Raises Refused."""
    first = sensors[0]
    wiring = Wiring(first.path, first.baud, first.bytesize, first.parity, first.stopbits, first.checksum)
    return SerialPort(wiring, [_dialect(sensor) for sensor in sensors], clock=clock)


def _dialect(sensor: SerialSensor) -> Dialect:
    quantities = {name: Measured(each.unit, correction_of(each.calibration)) for name, each in sensor.measured.items()}
    ask = (sensor.ask or "").encode("latin-1")
    pause = 0.0 if sensor.pause is None else sensor.pause
    return Dialect(sensor.name, sensor.pattern, quantities, sensor.decimal, ask, pause)


def topics_heard(sensors: Sequence[AnySensor]) -> list[str]:
    """Where sensors listen on the broker."""
    return [
        topic for each in sensors if isinstance(each, MqttSensor) for topic in (each.topic, each.availability or "")
    ]


def mqtt_feed(
    sensors: Sequence[MqttSensor],
    clock: Clock,
    on_heard: Callable[[Heard], None] | None,
    depth_of: Callable[[Message], int] = lambda _message: 0,
) -> MqttFeed:
    """All topics of these sensors; `on_heard` gets each message of others."""
    ears = [
        Ear(
            Identity(sensor.name, sensor.quantity, sensor.unit, correction=correction_of(sensor.calibration)),
            sensor.topic,
            None if sensor.value is None else json_path.parse(sensor.value),
            sensor.availability,
            may_be_state(sensor.quantity, sensor.unit),
        )
        for sensor in sensors
    ]
    return MqttFeed(ears, clock=clock, on_heard=on_heard, depth_of=depth_of)


def gpio_feed(sensor: GpioSensor, clock: Clock) -> GpioFeed:
    """One line. Raises Refused."""
    return GpioFeed(
        Identity(sensor.name, sensor.quantity, "", correction=correction_of(sensor.calibration)),
        sensor.chip,
        int(sensor.line) if sensor.line.isdigit() else sensor.line,
        clock=clock,
        active_low=sensor.active_low,
        bias=sensor.bias,
        debounce=sensor.debounce,
    )


def voice_of(sensor: SerialSensor | MqttSensor | GpioSensor) -> Voice:
    """How the readings of a sensor that speaks by itself are judged, and which are kept."""
    if isinstance(sensor, GpioSensor):
        return Voice(sensor.name, policies_of(sensor, Seconds(0.0)))
    every = Seconds(0.0) if isinstance(sensor, SerialSensor) and sensor.ask else sensor.interval or Seconds(0.0)
    return Voice(sensor.name, policies_of(sensor, sensor.stuck_after), sensor.silent_after, every)


def quality_of(sensor: KernelSensor | ReplaySensor) -> QualityPolicy:
    """The bounds in which a sensor's readings count as valid."""
    return policies_of(sensor, sensor.stuck_after)[sensor.quantity]


def policies_of(
    sensor: KernelSensor | ReplaySensor | SerialSensor | MqttSensor | GpioSensor, stuck_after: Seconds
) -> dict[str, QualityPolicy]:
    """The same by quantity."""
    return {
        name: QualityPolicy(
            range=physical_range(name, each.unit, each.min, each.max),
            stuck_after=stuck_after,
            is_state=is_state(name, each.unit),
        )
        for name, each in sensor.measured.items()
    }
