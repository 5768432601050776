"""Bars of numbers of any kind, also below zero: where each rectangle of the drawing stands."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from edge_mask.web.pages.scale import Grid, step_of

_WIDTH: Final = 560
_HEIGHT: Final = 200
_LEFT: Final = 40
_TOP: Final = 18
_BOTTOM: Final = 26
_WIDEST: Final = 44.0
_TICKS: Final = 8


@dataclass(frozen=True, slots=True)
class Column:
    """One number."""

    label: str
    tick: str
    """Below it, where there is room."""
    value: float
    x: float
    middle: float
    y: float
    height: float


@dataclass(frozen=True, slots=True)
class Columns:
    """A drawing."""

    width: int
    height: int
    wide: float
    zero: float
    """The height of the line of zero."""
    grid: Sequence[Grid]
    columns: Sequence[Column]


def columns_of(values: Sequence[tuple[str, float]]) -> Columns:
    """All begin at zero."""
    low, high = min(0.0, *(value for _, value in values)), max(0.0, *(value for _, value in values))
    step = step_of(high - low, is_whole=False)
    bottom, top = math.floor(low / step) * step, math.ceil(high / step) * step
    top = top if top > bottom else bottom + step
    floor = float(_HEIGHT - _BOTTOM)

    def y_of(value: float) -> float:
        return round(floor - (floor - _TOP) * (value - bottom) / (top - bottom), 1)

    room = (_WIDTH - _LEFT) / len(values)
    wide, every = min(_WIDEST, max(1.0, room * 0.72)), -(-len(values) // _TICKS)
    found = []
    for place, (label, value) in enumerate(values):
        middle = _LEFT + room * (place + 0.5)
        above, below = y_of(max(0.0, value)), y_of(min(0.0, value))
        tick = label[:10] if place % every == 0 else ""
        found.append(
            Column(label, tick, value, round(middle - wide / 2, 1), round(middle, 1), above, round(below - above, 1))
        )
    lines = [Grid(bottom + step * each, y_of(bottom + step * each)) for each in range(round((top - bottom) / step) + 1)]
    return Columns(_WIDTH, _HEIGHT, round(wide, 1), y_of(0.0), lines, found)
