"""Which topic each kind of message goes to, and which texts MQTT can carry as topic, header or user property."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final


@dataclass(frozen=True)
class Topics:
    """`{thing}` is replaced in the root and in each renamed topic."""

    root: str
    thing: str
    renames: Mapping[str, str] = field(default_factory=dict)

    def of(self, kind: str) -> str:
        """The topic of a kind of message by its name, or of a quantity such as `humidity`."""
        return self.renames.get(kind, f"{self.root}/{kind}").replace("{thing}", self.thing)

    @property
    def commands(self) -> str:
        """The filter that hears every command, also one that nobody knows."""
        return self.command("+")

    def command(self, name: str) -> str:
        """Where the command `name` is asked for."""
        return f"{self.of('commands')}/{name}"

    def answer(self, name: str) -> str:
        """Where it is answered, unless the request names another topic."""
        return f"{self.command(name)}/response"


@dataclass(frozen=True, slots=True)
class ShadowTopics:
    """One shadow of a thing in AWS IoT: the classic one, or the one called `name`."""

    thing: str
    name: str | None = None

    def of(self, *words: str) -> str:
        """A topic below the shadow's own: `of("update", "delta")`."""
        named = () if self.name is None else ("name", self.name)
        return "/".join(("$aws/things", self.thing, "shadow", *named, *words))


@dataclass(frozen=True, slots=True)
class JobTopics:
    """The AWS IoT jobs of a thing."""

    thing: str

    def of(self, *words: str) -> str:
        """A topic below: `of("notify-next")`, `of("start-next", "accepted")`, `of(job, "update")`."""
        return "/".join(("$aws/things", self.thing, "jobs", *words))


LONGEST: Final = 65_535
"""Bytes of one text or of correlation data: MQTT writes their length into two bytes."""

_PLANES = "".join(f"{chr(plane * 0x10000 + 0xFFFE)}{chr(plane * 0x10000 + 0xFFFF)}" for plane in range(17))
_FORBIDDEN = re.compile(f"[\x00-\x1f\x7f-\x9f\ufdd0-\ufdef{_PLANES}]")
"""MQTT forbids NUL and advises against control characters and non-characters; mosquitto hangs up on each of them."""


def text_problem(name: str, text: object) -> str:
    """Why no packet can carry this text; empty when one can. The sentence calls it `name`."""
    if not isinstance(text, str):
        return f"{name} is no text"
    try:
        size = len(text.encode())
    except UnicodeEncodeError:
        return f"{name} holds half a surrogate pair, which is no character"
    if size > LONGEST:
        return f"{name} takes {size} bytes; MQTT carries at most {LONGEST}"
    if (found := _FORBIDDEN.search(text)) is not None:
        return f"{name} holds the character U+{ord(found[0]):04X}, on which brokers end the connection"
    return ""
