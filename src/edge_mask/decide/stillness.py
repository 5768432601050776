"""Whether a face lives: its box moves, or its pixels drift away from what they were.

A camera's noise changes each picture as much from the look before as from a look two seconds ago. A living face, which
breathes and sways, goes on: it is further from what it was than from what it was just now. A poster and a frozen camera
do not change, or by noise alone. Whoever holds a telephone moves it: this is no proof that somebody is there.
"""

from edge_mask.decide.look import Evidence, VisitorLook
from edge_mask.messages import Box
from edge_mask.units import Seconds

MOVES = 0.05
"""Parts of the face by which its box must move or grow: noise lets a box of a still face tremble by less."""
DRIFTS = 1.6
"""Squares of drift by squares of steps, both in sum: posters were measured up to 1.2, and 1.5 in light that fades; of
living faces that sway by millimetres, one in fifty is below it after five looks, and none after eight."""
FEWEST, FEWEST_LATER = 3, 5
"""Looks, beside the first two at a place, that tell it."""
NOTHING = 0.01
"""A drift of less in a picture without noise is none."""


class Stillness:
    """Follows one face; looks come in the order of time."""

    def __init__(self) -> None:
        self._resting: Box | None = None
        """Where the box was when it moved last."""
        self._lived: Seconds | None = None
        """When it showed life last."""
        self._looks = 0
        """At this place, beside the first one."""
        self._steps = self._drifts = 0.0
        self._places = 0
        self._was_measured = False

    def see(self, look: VisitorLook) -> None:
        """One look."""
        if self._resting is None or has_moved(self._resting, look.box):
            if self._resting is not None:
                self._lived = look.at
            self._resting = look.box
        if look.evidence is not None:
            self._compare(look.evidence)
            if self._has_drifted():
                self._lived = look.at

    def is_still(self, now: Seconds, window: Seconds, *, is_over: bool) -> bool:
        """No life within the window. Until it `is_over` there may be some yet; nobody is called still at the end who
        was not looked at often enough to tell."""
        if self._lived is not None and now - self._lived <= window:
            return False
        return self._was_measured if is_over else self._places > 0

    def _compare(self, evidence: Evidence) -> None:
        if evidence.step is None or evidence.drift is None:  # the first look at a place
            self._places += 1
            self._looks, self._steps, self._drifts = 0, 0.0, 0.0
            return
        self._looks += 1
        if self._looks > 1:  # at the second look both are the same change
            self._steps += evidence.step
            self._drifts += evidence.drift

    def _has_drifted(self) -> bool:
        is_first = self._places <= 1
        terms = self._looks - 1
        if terms < (FEWEST if is_first else FEWEST_LATER):
            return False
        self._was_measured = True
        return self._drifts > max(DRIFTS * self._steps, NOTHING * terms)


def has_moved(old: Box, new: Box) -> bool:
    """By a visible part of the face."""
    reach = MOVES * max(old.w, old.h)
    sides = ((old.x, new.x), (old.y, new.y), (old.x + old.w, new.x + new.w), (old.y + old.h, new.y + new.h))
    return any(abs(before - after) > reach for before, after in sides)
