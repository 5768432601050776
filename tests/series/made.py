"""Made series: a town's week with noise, seeded, minute by minute."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np

from edge_mask.series.grid import Grid, hour_of_day, weekday
from edge_mask.series.nouns import Floats, Minutes, SeriesKey, Site

ROME = ZoneInfo("Europe/Rome")
FLOW = Site(key=SeriesKey("main", "flow"), unit="L/s", zone=ROME, limits=(0.0, 60.0), resolution=0.01)
DAY = 1440


def minute_of(text: str) -> int:
    """Whole minutes since 1970 of a UTC time."""
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) // 60


def town(
    first: str, days: int, *, seed: int = 7, noise: float = 0.5, weather: float = 0.03, site: Site = FLOW
) -> Minutes:
    """A morning and an evening peak by the clock on the wall, less at the weekend, days that are as the one before."""
    random = np.random.default_rng(seed)
    start = minute_of(first)
    hours = Grid(site.zone).wall(start // 60, days * 24 + 1)
    clock, late = hour_of_day(hours), weekday(hours) >= 5
    morning = np.exp(-(((clock - np.where(late, 9.5, 7.5)) / 1.5) ** 2))
    evening = np.exp(-(((clock - 19.5) / 2.0) ** 2))
    level = 6.0 + 9.0 * morning + 7.0 * evening
    days_like = np.convolve(random.normal(0, 1, len(hours) + 71), np.full(72, 1 / 8.5), "valid")
    level = level * (1 + weather * days_like)
    minutes = np.arange(days * DAY) / 60
    values = np.interp(minutes, np.arange(len(level)) + 0.5, level) + random.normal(0, noise, days * DAY)
    return Minutes(start, np.round(values, 2).astype(np.float32))


def changed(minutes: Minutes, first: int, last: int, *, by: float = 0.0, to: float | None = None) -> Minutes:
    """Another level between two offsets in minutes; `to` NaN takes the readings away."""
    values: Floats = minutes.values.copy()
    values[first:last] = values[first:last] + by if to is None else to
    return Minutes(minutes.first, values)


def part(minutes: Minutes, first: int, last: int) -> Minutes:
    """From one offset to another."""
    return Minutes(minutes.first + first, minutes.values[first:last])
