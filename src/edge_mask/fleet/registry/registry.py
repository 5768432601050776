"""What devices say of themselves, as it is heard: whoever does not say it properly is a sentence, and nothing else.

retained messages ──▶ Registry.hear ──▶ a Device for each thing, with what is wrong about it
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from pydantic import BaseModel, ValidationError

from edge_mask.errors import ConfigurationError
from edge_mask.fleet.registry.stream import public
from edge_mask.fleet.registry.text import shown
from edge_mask.kinds import ABOUT, ROOM, STATUS
from edge_mask.messages import Message
from edge_mask.settings.fleet import THING
from edge_mask.settings.sending import TopicNames
from edge_mask.wire.fleet_models import Reported
from edge_mask.wire.models import About, Offline, Online, Room
from edge_mask.wire.topics import MODEL_REPORTED, Topics

MOST_BYTES: Final = 65_536
"""Of one message; what a device says of itself takes a few hundred."""
MOST_THINGS: Final = 20_000
_ANY: Final = "+"
_SHAPES: Final[Mapping[str, type[BaseModel]]] = {ABOUT.name: About, ROOM.name: Room, MODEL_REPORTED: Reported}


class Unfit(Exception):
    """Why something is not what it should be."""


@dataclass(slots=True)
class Device:
    """What is known of one thing."""

    thing: str
    said: dict[str, dict[str, Any]] = field(default_factory=dict)
    """By kind of message, checked."""
    problems: dict[str, str] = field(default_factory=dict)
    """What is wrong, by kind of message."""

    @property
    def state(self) -> str:
        """`online`, `offline`, or `unknown` where it says nothing of it."""
        return str(self.said.get(STATUS.name, {}).get("state", "unknown"))

    def as_data(self) -> dict[str, Any]:
        """For JSON; null stands for what it does not say."""
        kinds = {"about": ABOUT.name, "room": ROOM.name, "status": STATUS.name, "reported": MODEL_REPORTED}
        told = {name: self.said.get(kind) for name, kind in kinds.items()}
        return {"thing": self.thing, "state": self.state, **told, "problems": list(self.problems.values())}


class Registry:
    """One thread uses it."""

    def __init__(self, names: TopicNames, thing: str = _ANY) -> None:
        """`thing`: only this one. Raises ConfigurationError for topics that do not tell one device from the other."""
        topics = Topics(names.root, thing, names.renames)
        self.topics = {kind: topics.of(kind) for kind in (ABOUT.name, ROOM.name, STATUS.name, MODEL_REPORTED)}
        """The filters to subscribe to, by kind of message."""
        self._patterns = {kind: _pattern(kind, names, thing) for kind in self.topics}
        self.devices: dict[str, Device] = {}
        self.left_out = 0
        """Things that were too many."""

    def hear(self, message: Message) -> None:
        """Take in what a device says; an empty message takes back what was said before. Never raises."""
        for kind, pattern in self._patterns.items():
            if (match := pattern.fullmatch(message.topic)) is not None:
                self._take(kind, match["thing"], message.payload)
                return

    def _take(self, kind: str, thing: str, payload: bytes) -> None:
        if thing not in self.devices and len(self.devices) >= MOST_THINGS:
            self.left_out += 1
            return
        device = self.devices.setdefault(thing, Device(thing))
        device.said.pop(kind, None)
        device.problems.pop(kind, None)
        if not payload:
            return
        try:
            device.said[kind] = _checked(kind, thing, _object(payload))
        except Unfit as why:
            device.problems[kind] = shown(f"{thing}: {kind} is left out: {why}", 400)


def _pattern(kind: str, names: TopicNames, thing: str) -> "re.Pattern[str]":
    """Of the topic, with the thing as a group."""
    key = kind if kind in names.renames else "root"
    template = Topics(names.root, "{thing}", names.renames).of(kind)
    levels = template.split("/")
    if "{thing}" not in levels or any("{thing}" in level for level in levels if level != "{thing}"):
        text = f'topics.{key}: "{template}" does not tell one device from the other; allowed: {{thing}} between slashes'
        raise ConfigurationError([text])
    group = "[^/]+" if thing == _ANY else re.escape(thing)
    parts = [re.escape(level) if level != "{thing}" else None for level in levels]
    first = parts.index(None)
    return re.compile(
        "/".join(f"(?P<thing>{group})" if n == first else part or "(?P=thing)" for n, part in enumerate(parts))
    )


def _object(payload: bytes) -> dict[str, Any]:
    if len(payload) > MOST_BYTES:
        raise Unfit(f"it has {len(payload)} bytes; at most {MOST_BYTES} are read")
    try:
        found = json.loads(payload, parse_constant=_no_number)
    except RecursionError as error:
        raise Unfit("it is nested too deeply") from error
    except ValueError as error:
        raise Unfit("it is no JSON") from error
    if not isinstance(found, dict):
        raise Unfit("it is no JSON object")
    return found


def _no_number(name: str) -> None:
    raise ValueError(name)


def _checked(kind: str, thing: str, found: dict[str, Any]) -> dict[str, Any]:
    """What is known of its kind, and nothing else. Raises Unfit."""
    if re.fullmatch(THING, thing) is None:
        raise Unfit("no thing can have this name")
    if isinstance(other := found.get("thing", thing), str) and other != thing:
        raise Unfit(f"it says that it is {other}")
    shape = _SHAPES.get(kind) or (Offline if found.get("state") == "offline" else Online)
    try:
        fields = _known(shape.model_validate(found))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        raise Unfit(f"{'.'.join(map(str, first['loc']))}: {first['msg'][:1].lower()}{first['msg'][1:]}") from error
    except RecursionError as error:
        raise Unfit("it is nested too deeply") from error
    if fields.get("stream_url") is not None:
        fields["stream_url"] = public(fields["stream_url"])
    return fields


def _known(part: BaseModel) -> dict[str, Any]:
    """Its fields as they were given, without those that this version does not know."""
    given = {name: getattr(part, name) for name in type(part).model_fields if name in part.model_fields_set}
    return {name: _known(value) if isinstance(value, BaseModel) else value for name, value in given.items()}
