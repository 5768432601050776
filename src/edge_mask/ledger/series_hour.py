"""An hour of one series as the database keeps it: sixty minute means and six summaries of ten minutes.

    id         see series_numbers.py
    minutes    60 × float32, NaN where nothing was read
    summaries  6 × (count, min, mean, max, last), count 0 where nothing was read
    checksum   over the three

What comes twice, after a clock went back, is that of more readings; of equals, the later.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from edge_mask.ledger.series_numbers import Minute, bounded
from edge_mask.ledger.soundness import checksum

IN_HOUR: Final = 60
"""Minutes."""
IN_SLOT: Final = 10
"""Minutes of a summary."""
SLOTS: Final = IN_HOUR // IN_SLOT
SLOT: Final = np.dtype([("count", "<u4"), ("min", "<f4"), ("mean", "<f4"), ("max", "<f4"), ("last", "<f4")])
_MINUTES = np.dtype("<f4")
_MOST_READINGS = 2**32 - 1

Summaries = NDArray[np.void]
"""Of dtype SLOT."""
Summary = tuple[int, float, float, float, float]
"""One of them."""


@dataclass(slots=True)
class Hour:
    """Sixty minutes of one series."""

    minutes: NDArray[np.float32]
    summaries: Summaries

    @staticmethod
    def empty() -> "Hour":
        return Hour(np.full(IN_HOUR, np.nan, np.float32), _no_summaries())

    def lay(self, minutes: Mapping[int, Minute]) -> None:
        """Take in minutes by their place in the hour."""
        slots: dict[int, list[int]] = defaultdict(list)
        for place in sorted(minutes):
            slots[place // IN_SLOT].append(place)
        for slot, places in slots.items():
            self._sum_up(slot, places, [minutes[place] for place in places])
        self.minutes[[*minutes]] = [bounded(minute.mean) for minute in minutes.values()]

    def _sum_up(self, slot: int, places: Sequence[int], minutes: Sequence[Minute]) -> None:
        """Before the means of these minutes are laid down."""
        there: Summary = self.summaries[slot].item()
        made = _summary(minutes)
        if not there[0]:
            self.summaries[slot] = made
        elif np.isnan(self.minutes[places]).all():
            self.summaries[slot] = _joined(there, made)
        elif made[0] >= there[0]:
            self.summaries[slot] = made

    def blank(self, first: int, last: int) -> None:
        """Forget these minutes and every summary with one of them."""
        self.minutes[first : last + 1] = np.nan
        self.summaries[first // IN_SLOT : last // IN_SLOT + 1] = _no_summaries()[0]

    @property
    def is_empty(self) -> bool:
        return bool(np.isnan(self.minutes).all() and not self.summaries["count"].any())

    def packed(self, row: int) -> tuple[bytes, bytes, int]:
        """The columns `minutes`, `summaries` and `checksum`."""
        minutes, summaries = self.minutes.astype(_MINUTES).tobytes(), self.summaries.tobytes()
        return minutes, summaries, checksum((row, minutes, summaries))


def unpacked(row: int, minutes: Any, summaries: Any, seal: Any) -> Hour | None:
    """None for a damaged row."""
    if not is_sound(row, minutes, summaries, seal):
        return None
    return Hour(np.frombuffer(minutes, _MINUTES).astype(np.float32), np.frombuffer(summaries, SLOT).copy())


def is_sound(row: int, minutes: Any, summaries: Any, seal: Any) -> bool:
    """Whether the columns are what was written."""
    return (
        isinstance(minutes, bytes)
        and isinstance(summaries, bytes)
        and len(minutes) == IN_HOUR * _MINUTES.itemsize
        and len(summaries) == SLOTS * SLOT.itemsize
        and bool(seal == checksum((row, minutes, summaries)))
    )


def _no_summaries() -> Summaries:
    nothing = np.zeros(SLOTS, SLOT)
    for name in ("min", "mean", "max", "last"):
        nothing[name] = np.nan
    return nothing


def _summary(minutes: Sequence[Minute]) -> Summary:
    """Of minutes in the order of time."""
    count = sum(each.count for each in minutes)
    mean = sum(bounded(each.mean) * (each.count / count) for each in minutes)
    low, high = min(each.min for each in minutes), max(each.max for each in minutes)
    return min(count, _MOST_READINGS), bounded(low), bounded(mean), bounded(high), bounded(minutes[-1].last)


def _joined(there: Summary, made: Summary) -> Summary:
    """Of two parts of the same ten minutes that have no minute in common; nobody knows which was the last."""
    count = there[0] + made[0]
    mean = there[2] * (there[0] / count) + made[2] * (made[0] / count)
    return min(count, _MOST_READINGS), min(there[1], made[1]), mean, max(there[3], made[3]), made[4]
