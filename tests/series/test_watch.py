"""One series from readings to what is said of it."""

import math
from datetime import UTC

from edge_mask.series.criteria import Criteria
from edge_mask.series.nouns import SeriesKey, Site
from edge_mask.series.watch import Watch

SITE = Site(key=SeriesKey("main", "flow"), unit="L/s", zone=UTC, limits=(0.0, 60.0))
START = 27_000_000


def watch(criteria: Criteria | None = None) -> Watch:
    return Watch(SITE, criteria or Criteria(min=0.0, max=40.0, max_step=10.0, run=30))


def play(under: Watch, values: list[float], first: int = START) -> list[tuple[str, str, int]]:
    """What was said, as (reason, state, minutes after `first`)."""
    said: list[tuple[str, str, int]] = []
    for offset, value in enumerate(values):
        if not math.isnan(value):
            under.reading((first + offset) * 60.0 + 30.0, value)
        closed = under.minute(first + offset)
        said += [(each.outlier.reason, each.state, offset) for each in closed.said]
    return said


def moving(count: int) -> list[float]:
    return [8.0 + (index % 5) / 10 for index in range(count)]


def test_silence_is_said_once_within_ten_minutes_and_its_end_once() -> None:
    said = play(watch(), [*moving(20), *[math.nan] * 120, *moving(20)])
    assert [(reason, state) for reason, state, _ in said] == [("silent", "begun"), ("silent", "ended")]
    assert 20 < said[0][2] < 30
    assert said[1][2] == 140


def test_a_restart_in_the_middle_of_silence_does_not_say_it_twice() -> None:
    before = watch()
    play(before, [*moving(20), *[math.nan] * 60])
    after = watch()
    after.load(before.dump())
    assert play(after, [*[math.nan] * 30, *moving(5)], START + 80) == [("silent", "ended", 30)]
