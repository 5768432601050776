"""Units that the type checker can tell apart, and the two-clock moment."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, NewType

Seconds = NewType("Seconds", float)
"""A duration, or a point on the monotonic clock."""

Bytes = NewType("Bytes", int)

DEGREES: Final[Mapping[str, str]] = {"C": "°C", "F": "°F", "K": "K"}
"""Units of temperature as people write them."""

Unix = NewType("Unix", float)
"""Seconds since 1970-01-01T00:00:00Z on the wall clock."""


@dataclass(frozen=True, slots=True)
class Moment:
    """One instant on both clocks; `synced` says whether the wall clock could be believed then."""

    mono: Seconds
    wall: Unix
    synced: bool = True
