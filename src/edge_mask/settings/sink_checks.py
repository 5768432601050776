"""Checks of the section `sink`: filters of topics, the way to the broker, and secrets."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from edge_mask.settings.model import Settings
from edge_mask.settings.named_files import Complaint, secret_problem, unreadable
from edge_mask.settings.variables import FromEnvironment


def sink_complaints(settings: Settings) -> Iterator[Complaint]:
    """Every problem of `sink`; reads the named files."""
    sink = settings.sink
    if sink is None:
        return
    if settings.mqtt.transport != "mqtt" or settings.mqtt.protocol != "5":
        text = "needs a broker that speaks MQTT 5; allowed: mqtt.transport: mqtt and mqtt.protocol: 5"
        yield ("sink",), text
    if not sink.filters:
        yield ("sink", "topics"), "names nothing; allowed: filters such as edge-mask/+/+"
    for each in sink.filters:
        if problem := _filter_problem(each):
            yield ("sink", "topics"), f'"{each}" {problem}'
    if sink.password_file is not None:
        yield from unreadable(("sink", "password_file"), sink.password_file, secret_problem)
    if sink.pictures is not None:
        for name in ("access_key_file", "secret_key_file"):
            yield from unreadable(("sink", "pictures", name), getattr(sink.pictures, name), secret_problem)


def literal_password(data: dict[str, Any]) -> list[Complaint]:
    """A password of the database that stands in the file."""
    section = data.get("sink")
    found = section.get("database") if isinstance(section, dict) else None
    if not isinstance(found, str) or isinstance(found, FromEnvironment):
        return []
    if not urlsplit(found).netloc.rpartition("@")[0].partition(":")[2]:
        return []
    text = "a password does not belong in this file; use sink.password_file, or ${SINK_DATABASE} for the whole address"
    return [(("sink", "database"), text)]


def _filter_problem(text: str) -> str | None:
    levels = text.split("/")
    if levels[0] == "$share":
        return "is a shared subscription, which loses messages when a sink dies; allowed: edge-mask/+/+ in every sink"
    if "#" in "".join(levels[:-1]) or ("#" in levels[-1] and levels[-1] != "#"):
        return "has a # that is not its last part; allowed: edge-mask/# for everything below"
    if any("+" in level and level != "+" for level in levels):
        return "has a + beside other characters; allowed: + for a whole part"
    return None
