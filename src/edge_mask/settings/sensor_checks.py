"""Checks of sensors: units, limits, corrections, and what two of them cannot share."""

from collections.abc import Iterator, Mapping

from edge_mask.kinds import KINDS, READINGS
from edge_mask.settings.feeds import GpioSensor, MqttSensor, SerialSensor
from edge_mask.settings.measures import TEMPERATURE_UNITS, USUAL_UNITS, Calibration, Quantity
from edge_mask.settings.model import Settings
from edge_mask.settings.named_files import Complaint
from edge_mask.settings.sensors import Sensor
from edge_mask.yaml_file import Path as Key

_OF_THE_PORT = ("baud", "bytesize", "parity", "stopbits", "checksum")


def sensor_complaints(settings: Settings) -> Iterator[Complaint]:
    """Every problem of a sensor with itself or with another part."""
    for index, sensor in enumerate(settings.sensors):
        key = ("sensors", index)
        for name, quantity in sensor.measured.items():
            where = (*key, "quantities", name) if isinstance(sensor, SerialSensor) else key
            yield from _measured(where, name, quantity)
            yield from _corrected((*where, "calibration"), name, quantity.calibration)
        match sensor:
            case SerialSensor():
                yield from _lines(key, sensor)
            case MqttSensor():
                yield from _topics(key, sensor, settings)
    yield from _names(settings.sensors)
    yield from _ports(settings.sensors)


def _measured(key: Key, name: str, quantity: Quantity) -> Iterator[Complaint]:
    unit = quantity.unit
    if name == "temperature" and unit not in TEMPERATURE_UNITS:
        yield (*key, "unit"), f'found "{unit}"; allowed for a temperature: {", ".join(TEMPERATURE_UNITS)}'
    elif name in USUAL_UNITS and unit in TEMPERATURE_UNITS:  # often the default, left as it was
        yield (*key, "unit"), f'found "{unit}"; allowed for {name}: {USUAL_UNITS[name]} or another unit of it'
    if quantity.min is not None and quantity.max is not None and quantity.min >= quantity.max:
        yield (*key, "min"), f"found {quantity.min:g}; allowed: less than max, {quantity.max:g}"


def _corrected(key: Key, name: str, calibration: Calibration) -> Iterator[Complaint]:
    points = calibration.points
    if points is not None and (calibration.offset, calibration.scale) != (0.0, 1.0):
        yield (*key, "points"), "say the same as offset and scale; remove one of them"
    if points is not None and (points[0][0] == points[1][0] or points[0][1] == points[1][1]):
        yield (*key, "points"), "give no line; allowed: two points that differ in what is said and in what is true"
    if calibration.scale == 0.0:
        yield (*key, "scale"), "found 0; allowed: any other number, as 0 makes all values the same"
    if calibration.emissivity is not None and name != "temperature":
        yield (*key, "emissivity"), f"corrects a temperature, not {name}; remove it"
    if (calibration.emissivity is None) != (calibration.surroundings is None):
        missing = "surroundings" if calibration.surroundings is None else "emissivity"
        yield (*key, missing), "is missing; emissivity and surroundings need each other"


def _lines(key: Key, sensor: SerialSensor) -> Iterator[Complaint]:
    for name in sensor.quantities:
        if name not in sensor.groups:
            yield (*key, "pattern"), f'has no group for "{name}"; write (?P<{name}>…) where its value stands'
    listed = ", ".join(sensor.quantities)
    for group in sorted(sensor.groups - {"id", *sensor.quantities}):
        yield (*key, "pattern"), f'has a group "{group}", which is no quantity; allowed: id, {listed}'
    if len(sensor.quantities) > 1 and sensor.calibration != Calibration():
        yield (*key, "calibration"), f"could mean each of {listed}; write it below one of them in quantities"


def _topics(key: Key, sensor: MqttSensor, settings: Settings) -> Iterator[Complaint]:
    if settings.mqtt.transport == "none":
        yield (*key, "kind"), "needs a broker, and mqtt.transport is none; allowed now: other kinds"
    topics, thing = settings.topics, settings.device.thing_name
    quantities = [quantity for each in settings.sensors for quantity in each.measured]
    said = (*(kind.name for kind in KINDS if kind is not READINGS), *quantities)
    own = {topics.renames.get(name, f"{topics.root}/{name}").replace("{thing}", thing) for name in said}
    birth = f"{settings.homeassistant.prefix}/status"
    for name in ("topic", "availability"):
        topic = getattr(sensor, name) or ""
        if topic in own:
            yield (*key, name), f'"{topic}" is where this device publishes itself; choose another topic'
        elif topic.startswith("$aws/") or (settings.homeassistant.enabled and topic == birth):
            yield (*key, name), f'"{topic}" is heard by another part of this device; choose another topic'


def _names(sensors: tuple[Sensor, ...]) -> Iterator[Complaint]:
    """Sensors with ids in their lines take all names that begin like theirs."""
    families = [sensor for sensor in sensors if isinstance(sensor, SerialSensor) and sensor.has_ids]
    for index, sensor in enumerate(sensors):
        for family in families:
            if family is not sensor and family.speaks_as(sensor.name):
                text = f'"{sensor.name}" could be an id of "{family.name}", whose pattern has a group id'
                yield ("sensors", index, "name"), f"{text}; choose another"


def _ports(sensors: tuple[Sensor, ...]) -> Iterator[Complaint]:
    """A port has one speed, whoever reads it."""
    first: dict[str, SerialSensor] = {}
    for index, sensor in enumerate(sensors):
        if not isinstance(sensor, SerialSensor):
            continue
        other = first.setdefault(sensor.path, sensor)
        for key in _OF_THE_PORT:
            mine, theirs = getattr(sensor, key), getattr(other, key)
            if mine != theirs:
                yield ("sensors", index, key), f'is {theirs} for "{other.name}" on the same port; make them equal'


def lines_taken(settings: Settings) -> Mapping[tuple[object, ...], str]:
    """The GPIO lines of sensors, as `place_of` writes them."""
    return {
        place_of(sensor.chip, sensor.line): sensor.name for sensor in settings.sensors if isinstance(sensor, GpioSensor)
    }


def line_complaints(settings: Settings) -> Iterator[Complaint]:
    """One GPIO line cannot serve two sensors."""
    taken: dict[tuple[object, ...], str] = {}
    for index, sensor in enumerate(settings.sensors):
        if isinstance(sensor, GpioSensor):
            place = place_of(sensor.chip, sensor.line)
            if place in taken:
                yield ("sensors", index, "line"), f'is the line of "{taken[place]}" already; remove one of them'
            taken.setdefault(place, sensor.name)


def place_of(chip: str | None, line: str | None) -> tuple[object, ...]:
    """One chip has three names: 0, gpiochip0, /dev/gpiochip0; a number may have zeros before it."""
    name = (chip or "").removeprefix("/dev/")
    where = f"gpiochip{int(name)}" if name.isdecimal() else name
    return where, int(line) if line is not None and line.isdecimal() else line
