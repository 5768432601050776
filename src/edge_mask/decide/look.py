"""What one look says of one visitor: all that a verdict is made of, in numbers that can be kept and read again.

Numbers are rounded where they are made: a record of the looks holds exactly what was decided with.
"""

from dataclasses import dataclass

from edge_mask.messages import Box, Reading
from edge_mask.units import Moment, Seconds


@dataclass(frozen=True, slots=True)
class Evidence:
    """How well a face could be seen in one frame, and whether it lives. Three digits each."""

    sharpness: float
    """How much the light of the face bends from pixel to pixel, in parts of its contrast; 0 is a plain surface."""
    size: float
    """The face's longer side as a part of the picture's shorter side."""
    aspect: float
    """Width of the face by its height."""
    step: float | None = None
    """Mean square change of the pixels at the face's place since the look before, in grey levels; None at the first
    look at a place."""
    drift: float | None = None
    """The same since the first look at this place."""


@dataclass(frozen=True, slots=True)
class Taken:
    """One temperature of the visitor's, in the sensor's unit."""

    value: float
    unit: str
    at: Seconds
    """Seconds since the visitor came."""


@dataclass(frozen=True, slots=True)
class VisitorLook:
    """One look at one visitor who stands near enough to be judged."""

    at: Seconds
    """Seconds since the visitor came, in whole milliseconds."""
    label: str
    score: float
    """Four digits."""
    box: Box
    """Pixels of the picture, one digit."""
    evidence: Evidence | None = None
    readings: tuple[Taken, ...] = ()
    """Temperatures that belong to this visitor and may be decided with at this look."""
    is_turn: bool = True
    """Nobody who stands nearer still waits for a verdict."""


def since(came: Moment, at: Moment) -> Seconds:
    """The time of a look."""
    return Seconds(round(at.mono - came.mono, 3))


def taken(reading: Reading, came: Moment) -> Taken:
    """A reading as a visitor's own."""
    return Taken(round(reading.value, 3), reading.unit, since(came, reading.at))


def rounded(box: Box) -> Box:
    """In tenths of a pixel."""
    return Box(round(box.x, 1), round(box.y, 1), round(box.w, 1), round(box.h, 1))
