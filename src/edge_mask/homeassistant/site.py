"""What an announcement tells of: this device, its cameras and its sensors."""

import re
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from edge_mask.units import Seconds

_FOREIGN = re.compile(r"[^A-Za-z0-9_-]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Meter:
    """One quantity of one sensor."""

    sensor: str
    quantity: str
    unit: str
    interval: Seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """A device as Home Assistant shall see it."""

    thing: str
    name: str
    """On displays."""
    software: str
    model: str | None
    """Name and version of the mask model."""
    topic_of: Callable[[str], str]
    """The topic of a kind of message or of a quantity."""
    gates: tuple[str, ...] = ()
    """Cameras that judge visitors."""
    rooms: tuple[str, ...] = ()
    """Cameras that look at a room."""
    streak: int = 6
    """Looks in a row with a bare face that make a room's alert."""
    longest_gap: Seconds = Seconds(300.0)
    """A room that was not looked at for longer has no streak any more."""
    meters: tuple[Meter, ...] = ()
    voices: Mapping[str, tuple[Meter, ...]] = field(default_factory=dict)
    """By name the quantities of each sensor whose lines name the one that measured: `line` speaks as `line-001`."""
    takes_commands: bool = False

    @property
    def object_id(self) -> str:
        """Stands in the discovery topic and begins every unique id, so it must never change for one thing name."""
        return object_id(self.thing)

    def joined_by(self, ids: Mapping[str, str]) -> "Site":
        """With the sensors that have spoken, by their whole name, each with that of its voice."""
        more = (replace(meter, sensor=name) for name, voice in ids.items() for meter in self.voices[voice])
        return replace(self, meters=(*self.meters, *more))


def object_id(thing: str) -> str:
    """The object id of a thing."""
    return slug(f"edge-mask-{thing}")


def slug(text: str) -> str:
    """`text` in the characters that Home Assistant allows; two texts never share one."""
    plain = _FOREIGN.sub("_", text)
    return plain if plain == text else f"{plain}-{zlib.crc32(text.encode()):08x}"
