"""A contact, a light barrier, a motion sensor: which of its values mean that somebody went through.

Only the change from 0 to 1 does. The first value after an absence is a state: nobody knows how long it has been so.
"""

from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from edge_mask.units import Moment, Seconds

_HALF: Final = 0.5
"""A sensor of a state says 0 or 1; what else it says does not come here."""


class Level(Enum):
    """What is known of the sensor."""

    NEW = auto()
    """A sensor that tells only of changes has told nothing yet: its first 1 is a change."""
    AWAY = auto()
    """Silent, unavailable or not opened yet: the next value is a state."""
    LOW = auto()
    HIGH = auto()


class Sign(Enum):
    """What the sensor says."""

    ONE = auto()
    BOUNCE = auto()
    """A 1 so soon after a 0 that nobody can have come between."""
    ZERO = auto()
    GONE = auto()


@dataclass(frozen=True, slots=True)
class ToLevel:
    """The next level, and whether somebody went through."""

    level: Level
    is_passage: bool = False


LEVELS: Final[dict[Level, dict[Sign, ToLevel]]] = {
    Level.NEW: {
        Sign.ONE: ToLevel(Level.HIGH, is_passage=True),
        Sign.BOUNCE: ToLevel(Level.HIGH),
        Sign.ZERO: ToLevel(Level.LOW),
        Sign.GONE: ToLevel(Level.AWAY),
    },
    Level.AWAY: {
        Sign.ONE: ToLevel(Level.HIGH),
        Sign.BOUNCE: ToLevel(Level.HIGH),
        Sign.ZERO: ToLevel(Level.LOW),
        Sign.GONE: ToLevel(Level.AWAY),
    },
    Level.LOW: {
        Sign.ONE: ToLevel(Level.HIGH, is_passage=True),
        Sign.BOUNCE: ToLevel(Level.HIGH),
        Sign.ZERO: ToLevel(Level.LOW),
        Sign.GONE: ToLevel(Level.AWAY),
    },
    Level.HIGH: {
        Sign.ONE: ToLevel(Level.HIGH),
        Sign.BOUNCE: ToLevel(Level.HIGH),
        Sign.ZERO: ToLevel(Level.LOW),
        Sign.GONE: ToLevel(Level.AWAY),
    },
}


class StateWatch:
    """Follows one sensor. It reads no clock."""

    def __init__(self, debounce: Seconds, *, tells_changes_only: bool = False) -> None:
        """A 0 shorter than `debounce` does not part two passages. `tells_changes_only`: see Level.NEW."""
        self.level = Level.NEW if tells_changes_only else Level.AWAY
        self.known_since = float("inf")
        """Since when its level has been known without a break."""
        self._debounce = debounce
        self._fell_at = float("-inf")

    def said(self, value: float, at: Moment) -> bool:
        """Whether that is a passage."""
        if value < _HALF:
            if self.level is Level.HIGH:
                self._fell_at = at.mono
            return self._go(Sign.ZERO, at)
        return self._go(Sign.BOUNCE if at.mono - self._fell_at < self._debounce else Sign.ONE, at)

    def stands(self, value: float, at: Moment) -> None:
        """What it said some time ago."""
        self.level = Level.AWAY
        self.said(value, at)

    def gone(self, at: Moment) -> None:
        """Nothing is known of it until it speaks again."""
        self._go(Sign.GONE, at)

    def _go(self, sign: Sign, at: Moment) -> bool:
        to = LEVELS[self.level][sign]
        self.level = to.level
        self.known_since = float("inf") if to.level is Level.AWAY else min(self.known_since, at.mono)
        return to.is_passage
