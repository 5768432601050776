"""Lines behind a drawing at round numbers."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

_LINES: Final = 4
_ROUND: Final = (1, 2, 2.5, 5, 10)


@dataclass(frozen=True, slots=True)
class Grid:
    """One line: its value, and its height in the drawing."""

    value: float
    y: float


def step_of(length: float, *, is_whole: bool) -> float:
    """A round number of which about four make `length`."""
    if not length > 0:
        return 1.0
    ideal = length / _LINES
    power = 10.0 ** math.floor(math.log10(ideal))
    step = next(each * power for each in _ROUND if each * power >= ideal * 0.999)
    return max(1.0, float(math.ceil(step))) if is_whole else step


def grid(low: float, high: float, top: float, floor: float) -> tuple[float, Sequence[Grid]]:
    """For whole numbers from `low`: the highest value of the drawing, and its lines."""
    step = step_of(high - low, is_whole=True)
    highest = low + step * max(1, math.ceil((high - low) / step))
    return highest, lines(low, highest, step, top, floor)


def lines(low: float, high: float, step: float, top: float, floor: float) -> Sequence[Grid]:
    """A line for each multiple of `step`."""
    count = round((high - low) / step)
    return [Grid(low + step * each, round(floor - (floor - top) * each / count, 1)) for each in range(count + 1)]
