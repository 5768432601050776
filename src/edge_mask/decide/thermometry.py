"""One thermometer serves one person at a time: whose each reading is, and what a person's readings come to.

looks ──who stood nearest──▶ stays ──a reading taken during a stay──▶ Temperatures of that person ──▶ one value
"""

import statistics
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from edge_mask.decide.look import Taken
from edge_mask.messages import Quality, Reading
from edge_mask.units import Moment, Seconds

NEARER = 1.2
"""Somebody else stands nearest when their face is larger by this factor: two faces of one size do not take turns."""
SCALED = 3 * 1.4826
"""An outlier is further from the median than three standard deviations, as the median absolute deviation tells them
(Hampel's identifier; 1.4826 makes it the standard deviation of normally distributed readings)."""
NOISE = 0.5
"""In degrees Celsius: no reading this near to the median is an outlier, however alike the others are."""
FEWEST = 3
"""With fewer readings nobody can say which one is the outlier."""
_MOST_STAYS = 32
_MOST_READINGS = 256


@dataclass(slots=True)
class _Stay:
    """The looks in a row at which the same person stood nearest."""

    who: int
    first: Seconds
    last: Seconds


class Thermometry:
    """Shares out the readings of one thermometer among the people before one camera.

    A reading is somebody's when they stood nearest at the look before it and at the look after it. What was taken
    while nobody stood there, or while one person made room for the next, is nobody's.
    """

    def __init__(self, unseen: Seconds = Seconds(1.0)) -> None:
        """Looks that show nobody, for up to `unseen`, do not end a stay: a face may be missed, or turned away."""
        self._unseen = unseen
        self._stays: deque[_Stay] = deque(maxlen=_MOST_STAYS)
        self._may_go_on = False
        """Whether the last stay may still turn out to be longer."""
        self._was_missed = False
        self._waiting: list[Reading] = []

    def share(self, standing: Mapping[int, float], readings: Sequence[Reading], at: Moment) -> dict[int, list[Reading]]:
        """The readings that this look proves to be somebody's, by person.

        `standing`: the size of each face that is near enough and in the zone. `readings`: those not given before, in
        any order; one that comes late is given to whom it was taken of. Looks come in the order of time.
        """
        self._see(nearest(standing, self._holder), at.mono)
        good = [each for each in readings if each.quality is Quality.GOOD]
        waiting, self._waiting = [*self._waiting, *good], []
        found: dict[int, list[Reading]] = {}
        for reading in sorted(waiting, key=lambda each: each.at.mono)[-_MOST_READINGS:]:
            taken = reading.at.mono
            stay = next((each for each in self._stays if each.first <= taken <= each.last), None)
            if stay is not None:
                found.setdefault(stay.who, []).append(reading)
            elif taken > at.mono or (self._may_go_on and taken > self._stays[-1].last):
                self._waiting.append(reading)
        return found

    @property
    def _holder(self) -> int | None:
        return self._stays[-1].who if self._may_go_on else None

    def _see(self, who: int | None, now: Seconds) -> None:
        last = self._stays[-1] if self._may_go_on else None
        if last is not None and (who is None or self._was_missed) and now - last.last > self._unseen:
            self._may_go_on, last = False, None
        self._was_missed = who is None
        if who is None:
            return
        if last is not None and last.who == who:
            last.last = now
        else:
            self._stays.append(_Stay(who, now, now))
        self._may_go_on = True


def nearest(standing: Mapping[int, float], holder: int | None) -> int | None:
    """Who stands nearest: `holder` until somebody is clearly nearer, and of two alike the one who came first."""
    if not standing:
        return None
    best = min(standing, key=lambda person: (-standing[person], person))
    if holder is not None and holder in standing and standing[best] <= NEARER * standing[holder]:
        return holder
    return best


class Temperatures:
    """The readings taken of one person; nothing older than `max_age` counts."""

    def __init__(self, max_age: Seconds, taken: Iterable[Taken] = ()) -> None:
        self._max_age = max_age
        self._taken: deque[Taken] = deque(taken, maxlen=_MOST_READINGS)
        self._middle: Taken | None = None

    @property
    def taken(self) -> tuple[Taken, ...]:
        """All that a later look may still be decided with, the oldest first."""
        return tuple(self._taken)

    def add(self, taken: Sequence[Taken]) -> None:
        """What was taken of this person since the look before."""
        if taken:
            self._taken = deque(sorted([*self._taken, *taken], key=lambda each: each.at), maxlen=_MOST_READINGS)
            self._middle = None

    def at(self, now: Seconds) -> Taken | None:
        """The newest one, with the median of all as its value; None when none is young enough."""
        while self._taken and now - self._taken[0].at > self._max_age:
            self._taken.popleft()
            self._middle = None
        if not self._taken:
            return None
        if self._middle is None:
            newest = self._taken[-1]
            noise = NOISE * 1.8 if newest.unit == "F" else NOISE
            self._middle = replace(newest, value=middle([each.value for each in self._taken], noise))
        return self._middle


def middle(values: Sequence[float], noise: float) -> float:
    """The median without outliers; it lies between the least and the greatest value."""
    median = statistics.median(values)
    if len(values) < FEWEST:
        return median
    deviation = statistics.median(abs(value - median) for value in values)
    reach = max(SCALED * deviation, noise)
    return statistics.median(value for value in values if abs(value - median) <= reach)
