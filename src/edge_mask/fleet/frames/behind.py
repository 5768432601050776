"""Whether this device keeps up with the intervals of its cameras; it does not change its mind at every moment.

frames replaced ──▶ behind: frames are given away ──▶ the own model would manage all of them again ──▶ it keeps up
"""

from dataclasses import dataclass
from typing import Final

from edge_mask.units import Seconds

_LOST: Final = 0.2
"""Share of the frames that was replaced before anybody looked."""
_FEWEST: Final = 5
"""Frames that are judged together, unless that takes too long."""
_SHORTEST, _LONGEST = Seconds(2.0), Seconds(30.0)
_EASY: Final = 0.8
"""Share of its time that the own model would need for all frames."""
_CALM: Final = 3
"""Blocks of time in a row that are easy, before it is believed."""


@dataclass(frozen=True, slots=True)
class Work:
    """Totals since the start."""

    handed_on: int
    """Frames that cameras with an interval to keep have made."""
    replaced: int
    """Those of them that a newer one replaced."""
    given: int
    """Those that somebody else was given."""
    waited: float
    """Seconds that the own lanes have waited for a frame, together."""


class Behind:
    """`observe` is called every second or two."""

    def __init__(self, lanes: int) -> None:
        self._lanes = lanes
        self._began: Seconds | None = None
        self._before = Work(0, 0, 0, 0.0)
        self._easy = 0
        self.is_behind = False

    def observe(self, now: Seconds, work: Work) -> bool:
        """Whether it is behind now."""
        if self._began is None:
            self._began, self._before = now, work
            return self.is_behind
        lasted, frames = now - self._began, work.handed_on - self._before.handed_on
        if lasted < _SHORTEST or (frames < _FEWEST and lasted < _LONGEST):
            return self.is_behind
        replaced, given = work.replaced - self._before.replaced, work.given - self._before.given
        if not self.is_behind:
            self.is_behind, self._easy = replaced > max(1.0, _LOST * frames), 0
        else:
            busy = 1 - (work.waited - self._before.waited) / (lasted * self._lanes)
            looked = frames - replaced - given
            is_easy = frames == 0 or (looked > 0 and busy * frames / looked < _EASY)
            self._easy = self._easy + 1 if is_easy else 0
            self.is_behind = self._easy < _CALM
        self._began, self._before = now, work
        return self.is_behind
