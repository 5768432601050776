"""Whether a face lives: it moves, or its pixels change by more than the camera's noise.

A poster and a frozen camera do neither. Whoever holds a telephone moves it: this is no proof that somebody is there.
"""

from edge_mask.decide.look import Evidence, VisitorLook
from edge_mask.messages import Box
from edge_mask.units import Seconds

MOVES = 0.05
"""Parts of the face by which its box must move or grow: noise lets a box of a still face tremble by less."""
TIMES_NOISE, MORE = 1.5, 0.4
"""A living face changes by more than so many times the noise, and so many grey levels."""


class Stillness:
    """Follows one face; looks come in the order of time."""

    def __init__(self) -> None:
        self._resting: Box | None = None
        """Where the box was when it moved last."""
        self._lived: Seconds | None = None
        """When it showed life last."""
        self._is_examined = False

    def see(self, look: VisitorLook) -> None:
        """One look."""
        if self._resting is None or _has_moved(self._resting, look.box):
            if self._resting is not None:
                self._lived = look.at
            self._resting = look.box
        if look.evidence is not None and look.evidence.change is not None:
            self._is_examined = True
            if _has_changed(look.evidence):
                self._lived = look.at

    def is_still(self, now: Seconds, window: Seconds) -> bool:
        """No life within the window; nobody is called still whose pixels were not examined."""
        return self._is_examined and (self._lived is None or now - self._lived > window)


def _has_moved(old: Box, new: Box) -> bool:
    reach = MOVES * max(old.w, old.h)
    sides = ((old.x, new.x), (old.y, new.y), (old.x + old.w, new.x + new.w), (old.y + old.h, new.y + new.h))
    return any(abs(before - after) > reach for before, after in sides)


def _has_changed(evidence: Evidence) -> bool:
    assert evidence.change is not None
    return evidence.change > TIMES_NOISE * (evidence.noise or 0.0) + MORE
