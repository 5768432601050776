"""What `/metrics` tells of a house besides what is tallied: read when Prometheus asks, and at no other time."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from edge_mask.observe.machine import Usage
from edge_mask.observe.tally import Labels
from edge_mask.units import Moment


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxFigures:
    """What waits, and what was dropped since the database was made."""

    pending: int
    bytes: int
    oldest_s: float
    refused: int
    dropped: Mapping[str, int]
    """By reason."""
    not_told: Mapping[str, int] = field(default_factory=dict)
    """Notifications, by reason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleFigures:
    """One rule since the process began."""

    matched: int
    failed: int
    is_set_aside: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class HouseFigures:
    """Now. What cannot be told is None, or absent from its mapping, and so it is in the answer."""

    now: Moment
    started: float
    """Unix seconds, as the clock says now; a clock that is set later does not move it into the future."""
    gates: tuple[str, ...] = ()
    """Cameras that judge; their counters are there before the first visit."""
    rooms: tuple[str, ...] = ()
    cameras: Mapping[str, bool] = field(default_factory=dict)
    """Whether each shows something."""
    sensors: Mapping[str, bool] = field(default_factory=dict)
    replaced: Mapping[Labels, int] = field(default_factory=dict)
    """Frames, by camera."""
    shared: Mapping[Labels, int] | None = None
    """Frames given to other devices and taken from them, by what became of them; None for a device by itself."""
    outbox: OutboxFigures | None = None
    live_dropped: int | None = None
    is_connected: bool | None = None
    """None without a broker."""
    certificates: Mapping[str, float] = field(default_factory=dict)
    """The end of each in Unix seconds, by what it is for."""
    rules: Mapping[str, RuleFigures] = field(default_factory=dict)
    second_looks: Mapping[str, int] | None = None
    """By outcome; None while there are none."""
    usage: Usage | None = None
    uptime_s: float | None = None
    soc_temperature: float | None = None
    disk: tuple[int, int] | None = None
    """Bytes of the file system with the database: its size, and what is free."""
    thing: str = ""
    version: str = ""
    model: tuple[str, str] | None = None
    """Name and version of the one that looks."""


class Measure(Protocol):
    """Reads them, in any thread."""

    def __call__(self) -> HouseFigures: ...
