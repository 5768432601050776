"""What a decision is made of, and the protocol of those who make them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from edge_mask.decide.look import Evidence
from edge_mask.messages import Event, Reading, Track
from edge_mask.units import Moment


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """One look of one camera: the faces seen in it and what else was known at that moment."""

    tracks: Sequence[Track]
    """Those seen in this very frame."""
    width: int
    height: int
    """Size of the picture in pixels."""
    at: Moment
    readings: Sequence[Reading] = ()
    """The good ones of the gate's thermometer since the look before; whose each is, its time tells."""
    evidence: Mapping[int, Evidence] = field(default_factory=dict)
    """By track; empty where nobody examines the pixels."""


class Watch(Protocol):
    """Makes events of what one camera sees. One thread at a time uses it; it reads no clock."""

    @property
    def is_occupied(self) -> bool:
        """Whether something is under way that would be lost by a restart. Any thread may ask."""
        ...

    def observe(self, sight: Sight) -> list[Event]:
        """The events that this look completes; looks come in the order of time."""
        ...

    def tick(self, now: Moment) -> list[Event]:
        """The events that time alone completes: the camera may have sent nothing for long."""
        ...

    def finish(self, at: Moment) -> list[Event]:
        """The events still owed when the camera ends."""
        ...
