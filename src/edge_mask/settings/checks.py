"""What has to fit together, and what has to be there, before a configuration can be used."""

import re
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from edge_mask.redact import redact
from edge_mask.settings.document import Path as Key
from edge_mask.settings.explain import nearest
from edge_mask.settings.model import Settings
from edge_mask.settings.sensors import TEMPERATURE_UNITS, USUAL_UNITS

Complaint = tuple[Key, str]

MAX_SLASHES = 7
MAX_TOPIC_BYTES = 256


def complaints(settings: Settings) -> Iterator[Complaint]:
    """Every problem that only shows when the whole is seen; reads the files it names."""
    yield from _something_to_do(settings)
    yield from _not_built_yet(settings)
    yield from _names(settings)
    yield from _sensors(settings)
    yield from _outputs(settings)
    yield from _gate(settings)
    yield from _topics(settings)
    yield from _mqtt(settings)
    yield from _files(settings)


def _something_to_do(settings: Settings) -> Iterator[Complaint]:
    if not settings.cameras and not settings.sensors:
        yield ("cameras",), "there is nothing to watch; give at least one camera here, or one sensor under sensors"


def _not_built_yet(settings: Settings) -> Iterator[Complaint]:
    """Keys of the contract that this version would have to ignore: better a sentence than silence."""
    if settings.web.enabled:
        yield ("web", "enabled"), "the dashboard comes with a later version; allowed now: false"
    if settings.gate.passage_sensor is not None:
        yield ("gate", "passage_sensor"), "passage sensors come with a later version; allowed now: nothing"


def _names(settings: Settings) -> Iterator[Complaint]:
    for section in ("cameras", "sensors", "outputs"):
        names = [part.name for part in getattr(settings, section)]
        for index, name in enumerate(names):
            if name in names[:index]:
                yield (section, index, "name"), f'"{name}" is taken by {section}[{names.index(name)}]; choose another'


def _sensors(settings: Settings) -> Iterator[Complaint]:
    for index, sensor in enumerate(settings.sensors):
        key = ("sensors", index)
        if sensor.kind == "replay" and sensor.path is None:
            yield key, "a replay needs a path: a CSV file with the columns seconds,value"
        if sensor.kind != "replay" and (sensor.loop or sensor.rate != "realtime"):
            name = "loop" if sensor.loop else "rate"
            yield (*key, name), f"does not belong to a sensor of kind {sensor.kind}; remove it"
        if sensor.quantity == "temperature" and sensor.unit not in TEMPERATURE_UNITS:
            yield (*key, "unit"), f'found "{sensor.unit}"; allowed for a temperature: {", ".join(TEMPERATURE_UNITS)}'
        elif sensor.quantity in USUAL_UNITS and sensor.unit in TEMPERATURE_UNITS:  # often the default, left as it was
            usual = USUAL_UNITS[sensor.quantity]
            yield (*key, "unit"), f'found "{sensor.unit}"; allowed for {sensor.quantity}: {usual} or another unit of it'
        if sensor.min is not None and sensor.max is not None and sensor.min >= sensor.max:
            yield (*key, "min"), f"found {sensor.min:g}; allowed: less than max, {sensor.max:g}"


def _outputs(settings: Settings) -> Iterator[Complaint]:
    wanted = {"led": ("path",), "gpio": ("chip", "line")}
    places: dict[tuple[object, ...], str] = {}
    for index, output in enumerate(settings.outputs):
        for key in ("path", "chip", "line"):
            is_there, belongs = getattr(output, key) is not None, key in wanted[output.kind]
            if belongs and not is_there:
                yield ("outputs", index, key), f"is missing; an output of kind {output.kind} needs it"
            elif is_there and not belongs:
                yield ("outputs", index, key), f"does not belong to an output of kind {output.kind}; remove it"
        place = (output.kind, output.path, output.chip, output.line)
        if place in places:
            yield ("outputs", index), f'is the same line as "{places[place]}"; remove one of them'
        places.setdefault(place, output.name)


def _gate(settings: Settings) -> Iterator[Complaint]:
    names = [sensor.name for sensor in settings.sensors]
    name = settings.gate.temperature_sensor
    if name is not None and name not in names:
        allowed = ", ".join(names) or "nothing, as no sensor is configured"
        yield ("gate", "temperature_sensor"), f'there is no sensor "{name}"; allowed: {allowed}'
    for sensor in settings.sensors:
        if sensor.name == settings.gate.temperature_sensor and sensor.quantity != "temperature":
            yield ("gate", "temperature_sensor"), f'"{sensor.name}" measures {sensor.quantity}, not temperature'


def _topics(settings: Settings) -> Iterator[Complaint]:
    topics = settings.topics
    thing = settings.device.thing_name
    quantities = Counter(sensor.quantity for sensor in settings.sensors)
    for name in topics.__pydantic_extra__:
        if name not in quantities:
            known = ["root", *type(topics).model_fields, *quantities]
            yield ("topics", name), f"no message or sensor has this name; {nearest(name, list(dict.fromkeys(known)))}"
    longest = max(["commands/snapshot/response", *quantities], key=len)
    yield from _topic(("topics", "root"), topics.root, thing, "/" + longest)
    for name, topic in topics.renames.items():
        yield from _topic(("topics", name), topic, thing, "/snapshot/response" if name == "commands" else "")


def _topic(key: Key, topic: str, thing: str, below: str) -> Iterator[Complaint]:
    """`below` is what the house itself puts after the topic."""
    whole = topic.replace("{thing}", thing) + below
    beside = f" together with {below}" if below else ""
    if not topic or "\0" in topic or topic.startswith("/") or topic.endswith("/"):
        yield key, f'"{topic}" is not a topic; allowed: words with single slashes between them'
    elif re.search(r"[+#]", whole):
        yield key, f'"{topic}" holds a wildcard; allowed: a topic without + and #'
    elif "{" in whole or "}" in whole:
        yield key, f'"{topic}" holds an unknown placeholder; allowed: {{thing}}'
    elif topic.startswith("$"):
        yield key, f'"{topic}" belongs to the broker; allowed: a topic that does not begin with $'
    elif whole.count("/") > MAX_SLASHES:
        yield key, f'"{topic}"{beside} has {whole.count("/")} slashes; allowed: at most {MAX_SLASHES}'
    elif len(whole.encode()) > MAX_TOPIC_BYTES:
        yield key, f'"{topic}"{beside} has {len(whole.encode())} bytes; allowed: at most {MAX_TOPIC_BYTES}'


def _mqtt(settings: Settings) -> Iterator[Complaint]:
    mqtt = settings.mqtt
    if mqtt.password is not None and mqtt.password_file is not None:
        yield ("mqtt", "password"), "is given twice; keep password_file or password"
    if (mqtt.password or mqtt.password_file) and mqtt.username is None:
        yield ("mqtt", "username"), "is missing; a password needs a username"
    if mqtt.tls is None:
        return
    for key, other in (("cert", "key"), ("key", "cert")):
        if getattr(mqtt.tls, key) and not getattr(mqtt.tls, other):
            yield ("mqtt", "tls", other), f"is missing; {key} needs {other}"
    for key, kind in (("ca", "CERTIFICATE"), ("cert", "CERTIFICATE"), ("key", "PRIVATE KEY")):
        path: Path | None = getattr(mqtt.tls, key)
        if path is not None:
            yield from _readable(("mqtt", "tls", key), path, partial(_pem, kind))


def _files(settings: Settings) -> Iterator[Complaint]:
    if settings.mqtt.password_file is not None:
        yield from _readable(("mqtt", "password_file"), settings.mqtt.password_file, _password)
    for index, pattern in enumerate(settings.rules):
        if not re.search(r"[*?\[]", pattern):
            yield from _readable(("rules", index), Path(pattern), lambda _: None)


def _readable(key: Key, path: Path, problem: Callable[[str], str | None]) -> Iterator[Complaint]:
    try:
        wrong = problem(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        wrong = f"there is no such file (looked in {Path.cwd()})" if not path.is_absolute() else "there is no such file"
    except UnicodeDecodeError:
        wrong = "is not a text file"
    except OSError as error:
        wrong = f"cannot be read: {error.strerror}"
    except ValueError:
        wrong = "is not a path"  # a zero byte
    if wrong is not None:
        yield key, f'"{redact(str(path))}": {wrong}'


def _pem(kind: str, text: str) -> str | None:
    return None if re.search(rf"-----BEGIN [A-Z ]*{kind}-----", text) else f"holds no {kind.lower()} in PEM form"


def _password(text: str) -> str | None:
    lines = text.rstrip("\r\n").splitlines()
    return None if len(lines) == 1 and lines[0] else f"has {len(lines)} lines; allowed: the password alone on one line"
