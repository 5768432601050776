"""Bars of passed and refused visits: where each rectangle of the drawing stands. Drawn by `templates/bars.html`."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from edge_mask.web.pages.scale import Grid, grid

_WIDTH: Final = 560
_HEIGHT: Final = 260
_LEFT: Final = 26
_TOP: Final = 18
_BOTTOM: Final = 26
_WIDEST: Final = 44.0
_TICKS: Final = 9
"""So many labels find room side by side; a telephone shows every other one."""


@dataclass(frozen=True, slots=True)
class Count:
    """What one bar shows."""

    label: str
    """For the table and the pointer."""
    tick: str
    """Below the bar, short."""
    passed: int
    refused: int


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar: refused above passed."""

    label: str
    tick: str
    passed: int
    refused: int
    x: float
    middle: float
    passed_y: float
    passed_h: float
    refused_y: float
    refused_h: float


@dataclass(frozen=True, slots=True)
class Bars:
    """A drawing."""

    width: int
    height: int
    left: int
    wide: float
    grid: Sequence[Grid]
    bars: Sequence[Bar]
    every: int
    """So many bars from one label to the next."""
    says: str
    """What it shows, in a sentence."""


def bars_of(counts: Sequence[Count], says: str) -> Bars:
    """All bars begin at zero; each label that finds room is written."""
    room = (_WIDTH - _LEFT) / max(1, len(counts))
    wide = min(_WIDEST, max(1.0, room * 0.72))
    highest, lines = grid(0, max((each.passed + each.refused for each in counts), default=0), _TOP, _HEIGHT - _BOTTOM)
    per = (_HEIGHT - _BOTTOM - _TOP) / highest
    every = -(-len(counts) // _TICKS)
    floor = float(_HEIGHT - _BOTTOM)
    found = []
    for place, each in enumerate(counts):
        passed, refused = each.passed * per, each.refused * per
        middle = _LEFT + room * (place + 0.5)
        found.append(
            Bar(
                label=each.label,
                tick=each.tick if place % every == 0 else "",
                passed=each.passed,
                refused=each.refused,
                x=round(middle - wide / 2, 1),
                middle=round(middle, 1),
                passed_y=round(floor - passed, 1),
                passed_h=round(passed, 1),
                refused_y=round(floor - passed - refused, 1),
                refused_h=round(refused, 1),
            )
        )
    return Bars(_WIDTH, _HEIGHT, _LEFT, round(wide, 1), lines, found, every, says)
