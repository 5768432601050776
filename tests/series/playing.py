"""A watch of a made series, and what it says, minute by minute."""

import json
import math
from collections.abc import Iterable
from datetime import UTC, time

import numpy as np
from tests.series.made import FLOW, town

from edge_mask.series.criteria import Criteria
from edge_mask.series.nouns import Floats, Minutes, SeriesKey, Site
from edge_mask.series.watch import Watch

START = 27_000_000
"""A whole day, hour and block of UTC: 2021-05-03."""
NAN = math.nan
PLAIN = Site(key=SeriesKey("main", "flow"), unit="L/s", zone=UTC, limits=(0.0, 60.0))
USUAL = Criteria(min=2.0, max=30.0, max_step=5.0, run=30)
QUIET = Site(
    key=FLOW.key, unit="L/s", zone=FLOW.zone, limits=FLOW.limits, resolution=0.01, quiet_hours=(time(22), time(5))
)

Said = tuple[str, str, int]


def watch(criteria: Criteria = USUAL, site: Site = PLAIN) -> Watch:
    return Watch(site, criteria)


def play(under: Watch, values: Iterable[float], first: int = START, counted_from: int | None = None) -> list[Said]:
    """What was said, as (reason, state, minutes after `first`)."""
    zero = first if counted_from is None else counted_from
    said: list[Said] = []
    for minute, value in enumerate(values, first):
        if not math.isnan(value):
            under.reading(minute * 60.0 + 30.0, value)
        closed = under.minute(minute)
        said += [(each.outlier.reason, each.state, minute - zero) for each in closed.said]
    return said


def begun(said: Iterable[Said]) -> list[str]:
    return [reason for reason, state, _ in said if state == "begun"]


def moving(count: int, level: float = 8.0) -> list[float]:
    """A sensor that is well."""
    return [level + (index % 7) / 10 for index in range(count)]


def restarted(under: Watch, site: Site = PLAIN, history: Minutes | None = None, criteria: Criteria = USUAL) -> Watch:
    """The same watch after the program was ended and begun again: its state has been text."""
    again = Watch(site, criteria)
    if history is not None:
        again.warm_up(history)
    again.load(json.loads(json.dumps(under.dump(), allow_nan=False)))
    return again


def register(minutes: Minutes, every: int) -> Minutes:
    """A meter that renews its value each `every` minutes, and is asked each minute."""
    kept = np.repeat(minutes.values[::every], every)[: len(minutes.values)]
    return Minutes(minutes.first, kept.astype(np.float32))


def house(days: int, *, seed: int = 3) -> Floats:
    """Zero but for taps: none at night."""
    random = np.random.default_rng(seed)
    values = np.zeros(days * 1440, np.float32)
    for day in range(days):
        for _ in range(40):
            at = day * 1440 + int(random.integers(6 * 60, 22 * 60))
            values[at : at + int(random.integers(1, 8))] = random.choice([0.08, 0.12, 0.16, 0.25])
    return values


def spring(days: int = 60, *, seed: int = 7) -> Minutes:
    """Sixty days of a town before summer."""
    return town("2025-04-01T22:00", days, seed=seed)
