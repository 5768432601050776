"""Levels of hours and drifts of days, against what was forecast."""

import json
import math

import numpy as np
import pytest
from tests.series.made import DAY, FLOW, changed, part, town

from edge_mask.series.blocks import blocks, hours
from edge_mask.series.detector import BlockDetector
from edge_mask.series.drift import Drift
from edge_mask.series.level import Level
from edge_mask.series.model import Model
from edge_mask.series.nouns import BLOCK, Block, Hours, Minutes

LEARNED = 120


@pytest.fixture(scope="module")
def winter() -> Minutes:
    """With a change of the clock on day 25 after the history and one at its end, 155 days later."""
    return town("2025-06-03T22:00", 180)


@pytest.fixture(scope="module")
def model(winter: Minutes) -> Model:
    return Model.fit(FLOW, part(winter, 0, LEARNED * DAY))


def ready(detector: BlockDetector, whole: Minutes, day: int = LEARNED) -> BlockDetector:
    history = part(whole, 0, day * DAY)
    detector.warm_up(hours(history), blocks(history))
    return detector


def play(detector: BlockDetector, whole: Minutes, first: int, last: int) -> list[tuple[float, float]]:
    """When something was wrong, in days from `first` on: (begun, ended)."""
    tens, known = blocks(whole), hours(whole)
    found: list[list[float]] = []
    wrong = False
    for index in range(first * 144, last * 144):
        mean = float(tens.values[index])
        block = Block((tens.first + index) * BLOCK, mean, mean, 0 if math.isnan(mean) else BLOCK)
        hour = (index + 1) // 6
        said = detector.block(block, Hours(known.first, known.values[max(0, hour - 26 * 168) : hour]))
        if hour > 26 * 168:
            raise AssertionError("the made series is too long for this")
        at = (index + 1) / 144 - first
        if said and not wrong:
            found.append([at, math.inf])
        if wrong and not said:
            found[-1][1] = at
        wrong = bool(said)
    return [(begun, ended) for begun, ended in found]


@pytest.mark.parametrize("by", [4.0, -3.0], ids=["a burst", "a valve that was closed"])
def test_another_level_of_eight_hours_is_told_once_and_ends(winter: Minutes, model: Model, by: float) -> None:
    start = (LEARNED + 5) * DAY + 13 * 60
    shifted = changed(winter, start, start + 8 * 60, by=by)
    [(begun, ended)] = play(ready(Level(FLOW, model), shifted), shifted, LEARNED, LEARNED + 12)
    assert 5 + 13 / 24 < begun < 5 + 15 / 24
    assert 5 + 19 / 24 < ended < 6


def test_usual_weeks_and_the_change_of_the_clock_are_no_level_and_no_drift(winter: Minutes, model: Model) -> None:
    assert play(ready(Level(FLOW, model), winter), winter, LEARNED, 180) == []
    assert play(ready(Drift(FLOW, model), winter), winter, LEARNED, 180) == []


def test_a_meter_that_counts_the_doubled_hour_twice_is_no_burst(winter: Minutes, model: Model) -> None:
    doubled = (LEARNED + 24) * DAY + 3 * 60  # 26 October 2025, 01:00 UTC
    twice = changed(winter, doubled, doubled + 60, by=8.0)
    assert play(ready(Level(FLOW, model), twice), twice, LEARNED, LEARNED + 30) == []


def test_a_season_that_draws_more_by_day_is_no_drift_and_no_level(winter: Minutes, model: Model) -> None:
    minutes = np.arange(len(winter.values)) / DAY - (LEARNED + 10)
    bulge = 1 + 0.10 * np.clip(np.sin(np.pi * minutes / 16), 0, None) * (minutes < 16)
    values = (6 + (winter.values - 6) * bulge).astype(np.float32)
    season = Minutes(winter.first, values)
    assert play(ready(Level(FLOW, model), season), season, LEARNED, LEARNED + 40) == []
    assert play(ready(Drift(FLOW, model), season), season, LEARNED, LEARNED + 40) == []


@pytest.mark.parametrize("gain", [0.35, -0.35])
def test_a_gain_that_creeps_for_two_weeks_is_told_once(winter: Minutes, model: Model, gain: float) -> None:
    days = np.arange(len(winter.values)) / DAY - (LEARNED + 10)
    creeping = 1 + gain * np.clip(days / 14, 0, 1)
    drifting = Minutes(winter.first, (winter.values * creeping).astype(np.float32))
    [(begun, ended)] = play(ready(Drift(FLOW, model), drifting), drifting, LEARNED, LEARNED + 40)
    assert 13 < begun < 24
    assert ended > begun


def test_a_restart_within_a_level_and_a_drift_knows_what_was_told(winter: Minutes, model: Model) -> None:
    days = np.arange(len(winter.values)) / DAY - (LEARNED + 10)
    drifting = Minutes(winter.first, (winter.values * (1 + 0.5 * np.clip(days / 14, 0, 1))).astype(np.float32))
    before = ready(Drift(FLOW, model), drifting)
    [(begun, _)] = play(before, drifting, LEARNED, LEARNED + 21)
    after = ready(Drift(FLOW, model), drifting, LEARNED + 21)
    after.load(json.loads(json.dumps(before.dump())))
    assert begun < 21
    assert play(after, drifting, LEARNED + 21, LEARNED + 22)[0][0] < 0.01  # as it was, from the first block on

    burst = changed(winter, (LEARNED + 6) * DAY - 300, (LEARNED + 6) * DAY + 300, by=5.0)
    level = ready(Level(FLOW, model), burst)
    play(level, burst, LEARNED, LEARNED + 6)
    again = ready(Level(FLOW, model), burst, LEARNED + 6)
    again.load(json.loads(json.dumps(level.dump())))
    history = part(burst, 0, (LEARNED + 6) * DAY + BLOCK)
    mean = float(blocks(history).values[-1])
    block = Block(history.first + (LEARNED + 6) * DAY, mean, mean, BLOCK)
    [told], [known] = again.block(block, hours(history)), level.block(block, hours(history))
    assert (told.reason, told.began) == (known.reason, known.began)


def test_a_week_without_readings_is_no_level_and_no_drift(winter: Minutes, model: Model) -> None:
    gap = changed(winter, (LEARNED + 5) * DAY, (LEARNED + 12) * DAY, to=math.nan)
    assert play(ready(Level(FLOW, model), gap), gap, LEARNED, LEARNED + 30) == []
    assert play(ready(Drift(FLOW, model), gap), gap, LEARNED, LEARNED + 30) == []


def test_nothing_is_told_in_the_first_two_weeks(winter: Minutes, model: Model) -> None:
    young = part(winter, 0, 40 * DAY)
    shifted = changed(young, 8 * DAY, 9 * DAY, by=9.0)
    assert play(ready(Level(FLOW, model), shifted, 2), shifted, 2, 14) == []


def test_a_weekday_that_runs_like_a_sunday_is_no_level(winter: Minutes, model: Model) -> None:
    values = winter.values.copy()
    wednesday = (LEARNED + 6) * DAY
    sunday = wednesday - 3 * DAY
    values[wednesday : wednesday + DAY] = values[sunday : sunday + DAY]
    holiday = Minutes(winter.first, values)
    assert play(ready(Level(FLOW, model), holiday), holiday, LEARNED, LEARNED + 10) == []


def test_a_burst_weeks_after_a_change_of_the_clock_is_told(winter: Minutes, model: Model) -> None:
    start = (LEARNED + 50) * DAY + 13 * 60
    shifted = changed(winter, start, start + 4 * 60, by=4.0)
    [(begun, _)] = play(ready(Level(FLOW, model), shifted), shifted, LEARNED, 180)
    assert 50 + 13 / 24 < begun < 50 + 15 / 24
