"""Slow leaks, by the nights."""

import json
from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import pytest
from tests.series.made import DAY, ROME, changed, part, town
from tests.series.playing import NAN, QUIET, house

from edge_mask.series.blocks import blocks, hours
from edge_mask.series.grid import Grid, hour_of_day
from edge_mask.series.night import Nights
from edge_mask.series.nouns import Block, Minutes, Outlier, Site
from edge_mask.series.quiet import Quiet, night_noise

BEFORE = 40
"""Nights that were stored."""


@pytest.fixture(scope="module")
def good() -> Minutes:
    return town("2025-04-01T22:00", 100, noise=0.3, weather=0.0)


def with_leak(good: Minutes, day: int, days: int, size: float, *, ramp: int = 3) -> Minutes:
    """So much more flow, all day and night, after a ramp of days."""
    values = good.values.copy()
    count = days * DAY
    values[day * DAY : day * DAY + count] += size * np.clip(np.arange(count) / (ramp * DAY), 0, 1)
    return Minutes(good.first, values.astype(np.float32))


def warm(minutes: Minutes, site: Site = QUIET, before: int = BEFORE) -> Quiet:
    under, history = Quiet(site), part(minutes, 0, before * DAY)
    under.warm_up(hours(history), blocks(history))
    return under


def play(under: Quiet, minutes: Minutes) -> list[tuple[str, int]]:
    """What begins and ends, with the days since these minutes began."""
    known, made, said = hours(minutes), blocks(minutes), []
    was: tuple[Outlier, ...] = ()
    for number, mean in enumerate(made.values.tolist(), made.first):
        now = under.block(Block(number * 10, mean, mean, 10), known)
        if now != was:
            said.append(("begun" if now else "ended", (number * 10 - minutes.first) // DAY))
        was = now
    return said


def rest(minutes: Minutes, before: int = BEFORE) -> Minutes:
    return part(minutes, before * DAY, len(minutes.values))


def test_a_leak_of_an_eighth_of_the_night_is_said_within_a_week_and_its_repair_the_night_after(good: Minutes) -> None:
    leaking = with_leak(good, 60, 16, 0.75)
    said = play(warm(leaking), rest(leaking))
    assert [state for state, _ in said] == ["begun", "ended"]
    assert 20 < said[0][1] <= 27
    assert 36 <= said[1][1] <= 37


def test_sixty_nights_without_a_leak_are_silent(good: Minutes) -> None:
    assert play(warm(good), rest(good)) == []


@pytest.mark.parametrize("first", ["2025-02-15T23:00", "2025-09-12T22:00"], ids=["23 hours", "25 hours"])
def test_days_of_23_and_25_hours_are_no_leak(first: str) -> None:
    whole = town(first, 70, noise=0.3, weather=0.0)
    assert play(warm(whole, before=30), rest(whole, 30)) == []


def test_one_night_with_a_burst_is_no_leak(good: Minutes) -> None:
    burst = changed(good, 60 * DAY + 60, 60 * DAY + 420, by=30.0)
    assert play(warm(burst), rest(burst)) == []


def test_more_use_by_day_is_no_leak(good: Minutes) -> None:
    clock = hour_of_day(Grid(ROME).wall(good.first // 60, len(good.values) // 60))
    by_day = np.repeat(np.where((clock >= 6) & (clock < 21), 4.0, 0.0), 60)
    by_day[: 60 * DAY] = 0.0
    busy = Minutes(good.first, (good.values + by_day).astype(np.float32))
    assert play(warm(busy), rest(busy)) == []


def test_a_week_without_readings_is_no_leak(good: Minutes) -> None:
    gap = changed(good, 60 * DAY, 67 * DAY, to=NAN)
    assert play(warm(gap), rest(gap)) == []


def test_a_leak_that_stays_is_what_is_usual_after_four_weeks(good: Minutes) -> None:
    leaking = with_leak(good, 50, 50, 1.2)
    said = play(warm(leaking), rest(leaking))
    assert [state for state, _ in said] == ["begun", "ended"]
    assert 25 <= said[1][1] - said[0][1] <= 31


def test_a_leak_that_grows_is_said_again(good: Minutes) -> None:
    grown = with_leak(with_leak(good, 50, 50, 1.0), 66, 34, 2.0)
    said = play(warm(grown), rest(grown))
    assert [state for state, _ in said][:3] == ["begun", "ended", "begun"]
    assert said[1][1] == said[2][1]
    assert 26 <= said[2][1] <= 30


def test_a_restart_in_the_middle_of_a_leak_says_it_once(good: Minutes) -> None:
    leaking = with_leak(good, 60, 16, 0.75)
    first = warm(leaking)
    said = play(first, part(leaking, BEFORE * DAY, 70 * DAY))
    again = warm(leaking, before=70)
    again.load(json.loads(json.dumps(first.dump())))
    assert [state for state, _ in said] == ["begun"]
    more = play(again, part(leaking, 70 * DAY, 80 * DAY))
    assert more == [("begun", 0), ("ended", 6)]  # open from the first block on


def test_a_restart_before_it_is_said_does_not_forget_the_nights_so_far(good: Minutes) -> None:
    leaking = with_leak(good, 60, 16, 0.75)
    under, said = warm(leaking), []
    for day in range(BEFORE, 80):
        said += [(state, day) for state, _ in play(under, part(leaking, day * DAY, (day + 1) * DAY))]
        again = warm(leaking, before=day + 1)
        again.load(under.dump())
        under = again
    assert said[0][0] == "begun"
    assert 62 <= said[0][1] <= 67


def test_a_running_toilet_in_a_house_that_says_zero_at_night() -> None:
    site = replace(QUIET, resolution=0.005, limits=(0.0, 3.0))
    home = Minutes(good_first(), house(60))
    leaking = with_leak(home, 45, 9, 0.012, ramp=1)
    said = play(warm(leaking, site), rest(leaking))
    assert [state for state, _ in said] == ["begun", "ended"]
    assert play(warm(home, site), rest(home)) == []


def good_first() -> int:
    return town("2025-04-01T22:00", 1).first


def test_nights_that_differ_by_the_weekday_are_compared_with_their_like(good: Minutes) -> None:
    days = np.arange(len(good.values)) // DAY % 7
    watered = Minutes(good.first, (good.values * (1 + 0.5 * (days == 3) + 0.3 * (days == 5))).astype(np.float32))
    leaking = with_leak(watered, 85, 14, 0.9)
    assert play(warm(watered, before=70), rest(watered, 70)) == []
    said = play(warm(leaking, before=70), rest(leaking, 70))
    assert [state for state, _ in said][:1] == ["begun"]
    assert 15 < said[0][1] <= 24


def test_what_a_site_lets_one_see_is_the_difference_of_its_nights(good: Minutes) -> None:
    steady = night_noise(QUIET, blocks(good))
    assert steady is not None
    random = np.random.default_rng(2)
    restless = np.repeat(1 + 0.2 * random.normal(size=100), DAY) * good.values
    assert 0.001 < steady < 0.04
    noisy = night_noise(QUIET, blocks(Minutes(good.first, restless.astype(np.float32))))
    assert noisy is not None
    assert 0.07 < noisy < 0.4
    assert night_noise(replace(QUIET, quiet_hours=None), blocks(good)) is None
    assert night_noise(QUIET, blocks(part(good, 0, 3 * DAY))) is None


def nights(site: Site, first: int, means: Iterable[float]) -> list[float]:
    """When the nights began of which there are figures."""
    assert site.quiet_hours is not None
    under = Nights(site.zone, site.quiet_hours)
    return [
        night.began for block, mean in enumerate(means, first // 10) if (night := under.put(block, mean)) is not None
    ]


def test_nights_begin_by_the_clock_on_the_wall_whatever_it_does() -> None:
    begun = nights(QUIET, town("2025-03-27T22:00", 1).first, [5.0] * 144 * 5)
    assert [int(at) % 86_400 // 3600 for at in begun] == [21, 21, 21, 20, 20]


def test_a_night_of_which_too_little_was_read_has_no_figures() -> None:
    means = [5.0] * 144 * 5
    means[216:240] = [NAN] * 24
    assert len(nights(QUIET, town("2025-04-01T10:00", 1).first, means)) == 4
