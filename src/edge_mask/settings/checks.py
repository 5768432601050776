"""Checks across sections, and of files, before a configuration is used."""

from collections.abc import Iterator

from edge_mask.quantities import duration
from edge_mask.settings.cameras import Camera, Point
from edge_mask.settings.fleet_checks import fleet_complaints
from edge_mask.settings.gate_checks import output_complaints, passage_complaints
from edge_mask.settings.model import Settings
from edge_mask.settings.named_files import Complaint
from edge_mask.settings.notify_checks import notify_complaints
from edge_mask.settings.package_checks import package_complaints
from edge_mask.settings.peers_checks import peers_complaints
from edge_mask.settings.person import celsius_of, given_in
from edge_mask.settings.picture_checks import picture_complaints
from edge_mask.settings.second_look_checks import second_look_complaints
from edge_mask.settings.sending_checks import sending_complaints
from edge_mask.settings.sensor_checks import line_complaints, lines_taken, place_of, sensor_complaints
from edge_mask.settings.series_checks import series_complaints
from edge_mask.settings.sink_checks import sink_complaints
from edge_mask.settings.vote_checks import vote_complaints
from edge_mask.settings.web import web_complaints

COLDEST_FEVER, HOTTEST_FEVER = 25.0, 45.0
"""Degrees Celsius; a skin thermometer may measure much less than 37, and nobody alive is warmer than the second."""
_LEAST_AREA = 1e-6


def complaints(settings: Settings) -> Iterator[Complaint]:
    """Every problem that involves several keys or files; reads the named files."""
    yield from _something_to_do(settings)
    yield from _names(settings)
    yield from _cameras(settings)
    yield from sensor_complaints(settings)
    yield from line_complaints(settings)
    yield from series_complaints(settings)
    yield from _outputs(settings)
    yield from _pictures(settings)
    yield from picture_complaints(settings)
    yield from vote_complaints(settings)
    yield from _gate(settings)
    yield from passage_complaints(settings)
    yield from output_complaints(settings)
    yield from sending_complaints(settings)
    yield from notify_complaints(settings)
    yield from fleet_complaints(settings)
    yield from peers_complaints(settings)
    yield from web_complaints(settings.web)
    yield from sink_complaints(settings)
    yield from second_look_complaints(settings)
    yield from package_complaints(settings)


def _something_to_do(settings: Settings) -> Iterator[Complaint]:
    if settings.cameras or settings.sensors or settings.sink is not None:
        return
    if settings.fleet is not None and settings.fleet.type == "analysis":
        return
    if settings.mqtt.transport == "greengrass":
        text = "a nucleus gives them to the component that it starts, and none were given; or write at least one here"
        yield ("cameras",), f"there is nothing to watch: {text}"
    else:
        text = "there is nothing to watch; give at least one camera here, or one sensor under sensors"
        if settings.fleet is not None:
            text += ", or fleet.type: analysis for a device that only looks for others"
        yield ("cameras",), text


def _names(settings: Settings) -> Iterator[Complaint]:
    for section in ("cameras", "sensors", "outputs", "panels"):
        names = [part.name for part in getattr(settings, section)]
        for index, name in enumerate(names):
            if name in names[:index]:
                yield (section, index, "name"), f'"{name}" is taken by {section}[{names.index(name)}]; choose another'


def _cameras(settings: Settings) -> Iterator[Complaint]:
    taken: dict[str, str] = {}
    for index, camera in enumerate(settings.cameras):
        key = ("cameras", index)
        device = _device_of(camera)
        if device is not None and device in taken:
            yield (*key, "source"), f'is the camera of "{taken[device]}" already; one device serves one camera'
        elif device is not None:
            taken[device] = camera.name
        if camera.loop and not camera.source.lower().startswith(("file:", "images:")):
            yield (*key, "loop"), "only a file or a folder can start again at the end; remove it"
        if camera.zone is not None and _area(camera.zone) < _LEAST_AREA:
            yield (*key, "zone"), "encloses nothing, so that no face lies in it; give the corners of an area"


def _device_of(camera: Camera) -> str | None:
    """The device that only one camera can open."""
    source = camera.source.lower()
    if source.startswith("picamera2"):
        return f"picamera2:{source.partition(':')[2] or '0'}"
    if source.startswith("usb:"):
        place = camera.source[4:]
        return f"/dev/video{int(place)}" if place.isdecimal() else place
    return None


def _area(zone: tuple[Point, ...]) -> float:
    """Of the polygon, as a share of the picture (the shoelace formula)."""
    pairs = zip(zone, (*zone[1:], zone[0]), strict=True)
    return abs(sum(x * next_y - next_x * y for (x, y), (next_x, next_y) in pairs)) / 2


def _outputs(settings: Settings) -> Iterator[Complaint]:
    wanted = {"led": ("path",), "gpio": ("chip", "line")}
    places: dict[tuple[object, ...], str] = {
        ("gpio", None, *place): name for place, name in lines_taken(settings).items()
    }
    for index, output in enumerate(settings.outputs):
        for key in ("path", "chip", "line"):
            is_there, belongs = getattr(output, key) is not None, key in wanted[output.kind]
            if belongs and not is_there:
                yield ("outputs", index, key), f"is missing; an output of kind {output.kind} needs it"
            elif is_there and not belongs:
                yield ("outputs", index, key), f"does not belong to an output of kind {output.kind}; remove it"
        place = (output.kind, output.path, *place_of(output.chip, output.line))
        if place in places:
            yield ("outputs", index), f'is the same line as "{places[place]}"; remove one of them'
        places.setdefault(place, output.name)


def _gate(settings: Settings) -> Iterator[Complaint]:
    name = settings.gate.temperature_sensor
    yield from _measured_at(settings)
    if name is None:
        return
    sensor = next((each for each in settings.sensors if each.speaks_as(name)), None)
    if sensor is None:
        yield ("gate", "temperature_sensor"), f'there is no sensor "{name}"; allowed: {_thermometers(settings)}'
    elif (measured := sensor.measured.get("temperature")) is None:
        what = " and ".join(sensor.measured)
        yield (
            ("gate", "temperature_sensor"),
            f'"{name}" measures {what}, not temperature; allowed: {_thermometers(settings)}',
        )
    else:
        yield from _fever(settings, measured.unit, measured.max)


def _pictures(settings: Settings) -> Iterator[Complaint]:
    kept = settings.snapshots
    if kept.temp_ttl > kept.keep and "temp_ttl" in kept.model_fields_set:  # by default it is simply cut short
        found, most = (duration().show(time) for time in (kept.temp_ttl, kept.keep))
        yield ("snapshots", "temp_ttl"), f"found {found}; allowed: at most snapshots.keep, {most}"


def _thermometers(settings: Settings) -> str:
    fitting = [each.name for each in settings.sensors if "temperature" in each.measured]
    return ", ".join(fitting) or "nothing, as no sensor of temperature is configured"


def _measured_at(settings: Settings) -> Iterator[Complaint]:
    """One thermometer hangs at one gate."""
    gates = [camera.name for camera in settings.cameras if camera.role == "gate"]
    listed = ", ".join(gates) or "nothing, as there is none"
    name, wanted, key = (
        settings.gate.temperature_sensor,
        settings.gate.temperature_camera,
        ("gate", "temperature_camera"),
    )
    if wanted is not None and wanted not in gates:
        yield key, f'there is no gate camera "{wanted}"; allowed: {listed}'
    elif wanted is not None and name is None:
        yield key, "says where a thermometer hangs, and there is none; give temperature_sensor too, or remove this"
    elif wanted is None and name is not None and len(gates) > 1:
        text = f'is missing, and there are {len(gates)} gate cameras; "{name}" measures the visitors of one of them'
        yield key, f"{text}; allowed: {listed}"


def _fever(settings: Settings, unit: str, most: float | None) -> Iterator[Complaint]:
    """`fever_above` in the sensor's unit: above 37.5 degrees Fahrenheit all have a fever, above 375 Celsius none."""
    limit = settings.gate.fever_above
    celsius = celsius_of(limit, unit)
    if not COLDEST_FEVER <= celsius <= HOTTEST_FEVER:
        low, high = (given_in(each, unit) for each in (COLDEST_FEVER, HOTTEST_FEVER))
        yield ("gate", "fever_above"), f"found {limit:g}; allowed: from {low:g} to {high:g} {unit}, the sensor's unit"
    elif most is not None and limit >= most:
        yield ("gate", "fever_above"), f"found {limit:g}; allowed: less than the sensor's max, {most:g}"
    if (warmth := settings.gate.temperature_range) is not None and not warmth[0] < limit < warmth[1]:
        found = f"found {warmth[0]:g} to {warmth[1]:g}"
        yield ("gate", "temperature_range"), f"{found}; allowed: from less than fever_above, {limit:g}, to more than it"
