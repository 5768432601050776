"""A made-up district's water: what flows into it, minute by minute, and what went wrong in one month of it.

People draw by the clock on the wall, more in the evening of a warm day, later at the weekend; no day is quite as the
one before. Nothing in it was measured anywhere. One seed makes one district.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np

from edge_mask.series.criteria import Criteria
from edge_mask.series.grid import DAY, Grid, Reals, hour_of_day, weekday
from edge_mask.series.nouns import Minutes, SeriesKey, Site

ZONE: Final = ZoneInfo("Europe/Rome")
SITE: Final = Site(
    key=SeriesKey("main", "flow"),
    unit="L/s",
    zone=ZONE,
    limits=(0.0, 60.0),
    resolution=0.01,
    quiet_hours=(time(22), time(5)),
    shipped=Criteria(min=0.0, max=40.0, max_step=8.0),
)
SEED: Final = 28
BEGIN: Final = datetime(2026, 3, 1, tzinfo=ZONE)
"""Of the month that is played; its last Sunday has 23 hours."""
END: Final = datetime(2026, 4, 1, tzinfo=ZONE)
HISTORY: Final = timedelta(weeks=12)
"""What is stored by then."""


def _on(day: int, clock: str) -> datetime:
    return datetime.combine(BEGIN + timedelta(days=day - 1), time.fromisoformat(clock), ZONE)


LEAKS, _GROWN, REPAIRED = _on(15, "14:00"), _on(17, "14:00"), _on(25, "11:00")
LEAK: Final = 0.4
"""Litres a second, once it has grown."""
_NIGHT, _MORNING, _EVENING = 3.2, 7.0, 5.5


@dataclass(frozen=True, slots=True)
class District:
    """`history` to learn from, `live` to be seen minute after minute."""

    history: Minutes
    live: Minutes


def district(seed: int = SEED) -> District:
    """The same for the same seed."""
    first, end = minute_of(BEGIN - HISTORY), minute_of(END)
    values = _with_faults(_drawn(np.random.default_rng(seed), first, end), first)
    shown = np.round(values, 2).astype(np.float32)
    begin = minute_of(BEGIN)
    return District(Minutes(first, shown[: begin - first]), Minutes(begin, shown[begin - first :]))


def _drawn(random: np.random.Generator, first: int, end: int) -> Reals:
    """Hours by the wall, days that differ a little, and the noise of single taps."""
    count = (end - first) // 60 + 2
    wall = Grid(ZONE).wall(first // 60, count)
    clock, is_free = hour_of_day(wall), weekday(wall) >= 5
    morning = np.exp(-(((clock - np.where(is_free, 9.5, 7.0)) / np.where(is_free, 2.2, 1.4)) ** 2))
    noon = np.exp(-(((clock - 12.5) / 2.0) ** 2))
    evening = np.exp(-(((clock - 19.5) / 2.2) ** 2))
    people = _MORNING * morning + 3.0 * noon + _EVENING * evening
    days = wall // DAY - wall[0] // DAY
    shares = 1.0 + 0.06 * _slow(random, int(days[-1]) + 1)
    hourly = people * shares[days] * (1.0 + 0.07 * random.normal(size=count))
    night = _NIGHT * (1.0 + 0.012 * random.normal(size=int(days[-1]) + 1))[days]
    minutes = np.arange(end - first)
    centres = np.arange(count) * 60.0 + 30.0 - first % 60
    level = np.interp(minutes, centres, hourly + night)
    drawn: Reals = np.maximum(level + np.sqrt(level) * 0.12 * random.normal(size=len(minutes)), 0.0)
    return drawn


def _slow(random: np.random.Generator, count: int) -> Reals:
    """Days resemble the day before."""
    found = np.zeros(count)
    for day, change in enumerate(random.normal(size=count)):
        found[day] = 0.6 * found[day - 1] + 0.8 * change
    return found


def _with_faults(drawn: Reals, first: int) -> Reals:
    """A cable that is out, a meter that hangs, two wrong readings, and a leak that grows until it is repaired."""
    values = drawn.copy()

    def place(moment: datetime) -> int:
        return minute_of(moment) - first

    values[place(_on(5, "10:12")) : place(_on(5, "13:40"))] = np.nan
    stuck = slice(place(_on(9, "08:30")), place(_on(9, "16:05")))
    values[stuck] = values[stuck.start]
    values[place(_on(12, "15:20")) : place(_on(12, "15:22"))] = 38.0
    leaks, grown, repaired = place(LEAKS), place(_GROWN), place(REPAIRED)
    values[leaks:repaired] += LEAK * np.minimum(np.arange(repaired - leaks) / (grown - leaks), 1.0)
    return values


def minute_of(moment: datetime) -> int:
    """Whole minutes since 1970."""
    return int(moment.astimezone(UTC).timestamp()) // 60
