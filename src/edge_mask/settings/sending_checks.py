"""Checks of topics, the broker, the database and other files before anything is sent."""

import re
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from edge_mask.settings.aws_checks import aws_complaints
from edge_mask.settings.explain import nearest
from edge_mask.settings.model import Settings
from edge_mask.settings.named_files import Complaint, pem_problem, secret_problem, unreadable
from edge_mask.yaml_file import Path as Key

MAX_SLASHES = 7
MAX_TOPIC_BYTES = 256
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")
"""Characters in a topic on which brokers hang up."""


def sending_complaints(settings: Settings) -> Iterator[Complaint]:
    """Every problem of sending and storing; reads the named files."""
    yield from _topics(settings)
    yield from _mqtt(settings)
    yield from _homeassistant(settings)
    yield from _rates(settings)
    yield from _files(settings)
    yield from _places(settings)


def _topics(settings: Settings) -> Iterator[Complaint]:
    topics = settings.topics
    thing = settings.device.thing_name
    quantities = Counter(quantity for sensor in settings.sensors for quantity in sensor.measured)
    for name in topics.__pydantic_extra__:
        if name not in quantities:
            known = ["root", *type(topics).model_fields, *quantities]
            yield ("topics", name), f"no message or sensor has this name; {nearest(name, list(dict.fromkeys(known)))}"
    longest = max(["commands/snapshot/response", *quantities], key=len)
    yield from _topic(("topics", "root"), topics.root, thing, "/" + longest)
    for name, topic in topics.renames.items():
        yield from _topic(("topics", name), topic, thing, "/snapshot/response" if name == "commands" else "")


def _topic(key: Key, topic: str, thing: str, below: str) -> Iterator[Complaint]:
    """`below`: the suffix that the house adds to the topic."""
    whole = topic.replace("{thing}", thing) + below
    beside = f" together with {below}" if below else ""
    if _CONTROL.search(topic):
        yield key, f"{topic!a} holds a control character; allowed: letters, digits, signs and single slashes"
    elif not topic or topic.startswith("/") or topic.endswith("/"):
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
    yield from _require_subscriber(settings)
    yield from aws_complaints(settings)
    if mqtt.tls is None:
        return
    for key, other in (("cert", "key"), ("key", "cert")):
        if getattr(mqtt.tls, key) and not getattr(mqtt.tls, other) and not settings.aws.pkcs11:
            yield ("mqtt", "tls", other), f"is missing; {key} needs {other}"
    for key, kind in (("ca", "CERTIFICATE"), ("cert", "CERTIFICATE"), ("key", "PRIVATE KEY")):
        path: Path | None = getattr(mqtt.tls, key)
        if path is not None:
            yield from unreadable(("mqtt", "tls", key), path, partial(pem_problem, kind))


def _require_subscriber(settings: Settings) -> Iterator[Complaint]:
    """Only an acknowledgement of MQTT 5 says that nobody subscribes."""
    mqtt = settings.mqtt
    if not mqtt.require_subscriber:
        return
    key = ("mqtt", "require_subscriber")
    if mqtt.transport != "mqtt":
        yield key, f"mqtt.transport is {mqtt.transport}, which does not say who subscribes; allowed: false"
    elif mqtt.protocol != "5":
        text = f"mqtt.protocol is {mqtt.protocol}, where no broker says that nobody subscribes"
        yield key, f'{text}; allowed: false, or protocol: "5"'


def _homeassistant(settings: Settings) -> Iterator[Complaint]:
    home = settings.homeassistant
    yield from _topic(
        ("homeassistant", "prefix"), home.prefix, "", f"/device/edge-mask-{settings.device.thing_name}/config"
    )
    if not home.enabled:
        return
    key = ("homeassistant", "enabled")
    if settings.mqtt.transport == "none":
        yield key, "mqtt.transport is none, so Home Assistant would hear nothing; allowed: false, or another transport"
    if settings.forward == "rules-only":
        yield key, "forward is rules-only, so Home Assistant would hear nothing of this device; allowed: forward: all"


def _rates(settings: Settings) -> Iterator[Complaint]:
    """Whether the backlog can ever shrink: the send rate must exceed the rate of new messages."""
    if settings.forward == "rules-only" and not settings.rules:
        yield ("forward",), "rules-only sends nothing, as there are no rules; give rule files under rules, or write all"
    if settings.forward == "rules-only" or settings.mqtt.transport == "none":
        return
    every = [sensor.pause / len(sensor.measured) for sensor in settings.sensors if sensor.pause]
    every += [
        camera.interval
        for camera in settings.cameras
        if camera.role == "cctv" and camera.interval and not camera.source.lower().startswith(("file:", "images:"))
    ]
    made = sum(1 / interval for interval in every)
    rate = settings.outbox.drain_rate
    if made > rate:
        text = (
            f"found {rate:g}/s, but sensors and cctv cameras make {made:g} messages a second, so that the outbox would"
        )
        yield ("outbox", "drain_rate"), f"{text} never be empty; allowed: more than that, or longer intervals"


def _files(settings: Settings) -> Iterator[Complaint]:
    if settings.mqtt.password_file is not None:
        yield from unreadable(("mqtt", "password_file"), settings.mqtt.password_file, secret_problem)
    for index, pattern in enumerate(settings.rules):
        if not re.search(r"[*?\[]", pattern):
            yield from unreadable(("rules", index), Path(pattern), lambda _: None)


def _places(settings: Settings) -> Iterator[Complaint]:
    """The database needs a file of its own."""
    database = settings.outbox.path
    for key, path in _read_files(settings):
        if path.absolute() == database.absolute():
            yield ("outbox", "path"), f'"{database}" is read for {key} already; give the database a file of its own'


def _read_files(settings: Settings) -> Iterator[tuple[str, Path]]:
    mqtt = settings.mqtt
    tls = {} if mqtt.tls is None else {f"mqtt.tls.{name}": path for name, path in mqtt.tls}
    for key, path in {"mqtt.password_file": mqtt.password_file, **tls}.items():
        if path is not None:
            yield key, path
    yield from ((f"rules[{index}]", Path(rule)) for index, rule in enumerate(settings.rules))
    for index, sensor in enumerate(settings.sensors):
        if sensor.kind == "replay":
            yield f"sensors[{index}].path", Path(sensor.path)
    for index, camera in enumerate(settings.cameras):
        if camera.source.lower().startswith("file:"):
            yield f"cameras[{index}].source", Path(camera.source[len("file:") :])
