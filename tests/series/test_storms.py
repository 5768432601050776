"""What flaps, what ends while a minute is mixed, and how far a single reading may go: no alert too many or too few."""

import math
from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import pytest
from tests.series.playing import NAN, PLAIN, START, USUAL, begun, moving, play, restarted, watch

from edge_mask.series.criteria import Criteria
from edge_mask.series.nouns import Site
from edge_mask.series.watch import Watch

GATE = replace(PLAIN, unit="°C", limits=(-40.0, 120.0))
BODY = Criteria(min=10.0, max=43.0)


def six(minutes: Iterable[float], shift: int = 0) -> list[float]:
    """Six readings a minute of each value; `shift`: the values change in the middle of a minute."""
    return [value for value in minutes for _ in range(6)][shift:]


def often(under: Watch, readings: list[float]) -> list[tuple[str, str, int]]:
    """As `play`, of six readings a minute."""
    said: list[tuple[str, str, int]] = []
    for minute in range(len(readings) // 6):
        for place, value in enumerate(readings[6 * minute : 6 * minute + 6]):
            under.reading((START + minute) * 60.0 + 10 * place, value)
        said += [(each.outlier.reason, each.state, minute) for each in under.minute(START + minute).said]
    return said


def test_a_house_in_another_unit_that_is_in_range_at_night_is_no_storm_of_alerts() -> None:
    random = np.random.default_rng(4)
    site = replace(PLAIN, limits=(0.0, 3.0))
    values = np.zeros(28 * 60)
    for at in random.integers(0, 28 * 60, 80):
        values[at : at + random.integers(1, 8)] = random.choice([4.8, 7.2, 12.0])
    values[9 * 60 : 16 * 60] = 0.0
    said = play(Watch(site, Criteria(min=0.0, max=1.2, max_step=1.2, zero_run=20_000)), [*values, *[0.0] * 600])
    assert 1 <= begun(said).count("out_of_range") <= 6
    assert said[-1][:2] == ("out_of_range", "ended")


def test_a_value_that_flaps_over_what_can_be_measured_is_told_once() -> None:
    said = play(watch(), [*moving(20), *[9999.0, 8.1, 8.2, 8.3] * 50, *moving(60)])
    assert said == [("out_of_range", "begun", 20), ("out_of_range", "ended", 226)]


def test_a_sensor_that_is_silent_again_and_again_is_told_a_few_times() -> None:
    said = play(watch(), [*moving(20), *[NAN] * 9, *[8.4, *[NAN] * 9, 8.5, *[NAN] * 9] * 50, *moving(600)])
    assert begun(said) == ["silent", "silent"]
    assert said[-1][:2] == ("silent", "ended")


def test_a_stuck_sensor_with_a_gap_now_and_then_is_stuck_once() -> None:
    said = play(watch(), [*moving(20), *[*[8.3] * 40, NAN] * 10, *moving(60)])
    assert [(reason, state) for reason, state, _ in said] == [("stuck", "begun"), ("stuck", "ended")]


def test_what_came_back_yesterday_ends_at_once_again_today() -> None:
    wrong, well = [9999.0] * 2, moving(1440)
    said = play(watch(), [*well, *wrong, *well, *wrong, *well])
    assert [at for _, state, at in said if state == "ended"] == [1451, 2893]


def test_a_restart_does_not_forget_how_often_it_came_back() -> None:
    flapping = [*moving(20), *[*[9999.0] * 2, *moving(25)] * 12, *moving(300)]
    whole = play(watch(), flapping)
    under, parts = watch(), []
    for first in range(0, len(flapping), 13):
        parts += play(under, flapping[first : first + 13], START + first, counted_from=START)
        under = restarted(under)
    assert parts == whole
    assert len(whole) <= 6


def test_a_state_from_before_calm_times_is_taken() -> None:
    before = watch()
    play(before, [*moving(20), 9999.0])
    state = before.dump()
    del state["calm"]
    after = watch()
    after.load(state)
    assert play(after, moving(30), START + 21, counted_from=START) == [("out_of_range", "ended", 30)]


@pytest.mark.parametrize("shift", range(6))
@pytest.mark.parametrize("minutes", [3, 12, 20, 300])
def test_after_a_spike_that_ends_within_a_minute_there_is_no_step(minutes: int, shift: int) -> None:
    values = [*moving(60, 15.0), *[45.0] * minutes, *moving(60, 15.0)]
    said = often(Watch(PLAIN, replace(USUAL, max_step=1.5, run=10)), six(values, shift))
    assert [each for each in begun(said) if each != "stuck"] == ["spike"]
    assert [state for reason, state, _ in said if reason == "spike"] == ["begun", "ended"]


@pytest.mark.parametrize("shift", range(6))
def test_after_a_stuck_value_that_ends_within_a_minute_there_is_no_step(shift: int) -> None:
    values = [*moving(60, 15.0), *[16.0] * 60, *moving(60, 22.0)]
    assert begun(often(Watch(PLAIN, replace(USUAL, max_step=1.5)), six(values, shift))) == ["stuck"]


def test_a_spike_that_is_the_new_level_ends_and_a_later_step_is_told() -> None:
    said = play(watch(), [*moving(60), *[31.0, 31.5] * 30, *moving(60, 24.0), *moving(60, 12.0)])
    assert begun(said) == ["spike", "step"]


@pytest.mark.parametrize("value", [60.0, -5.0, 43.5])
def test_a_reading_in_the_first_minute_is_held_to_the_shipped_criteria(value: float) -> None:
    under = Watch(GATE, BODY)
    assert under.reading(START * 60.0, 25.0) is None
    found = under.reading(START * 60.0 + 1, value)
    assert found is not None
    assert (found.reason, found.expected) == ("spike", (10.0, 43.0))


def test_what_a_thermometer_sees_of_air_and_faces_makes_its_limits_no_wider() -> None:
    under = Watch(GATE, BODY)
    for minute in range(START, START + 60):
        for place, value in enumerate([25.0, 25.1, 36.4, 36.2, 25.0, 39.5]):
            assert under.reading(minute * 60.0 + place, value) is None
        assert under.minute(minute).said == ()
    found = under.reading((START + 60) * 60.0, 44.0)
    assert found is not None
    assert found.reason == "spike"


def test_learned_limits_let_a_single_reading_go_at_most_their_own_width_beyond() -> None:
    learned = Criteria(min=20.0, max=30.0, version=1)
    site: Site = replace(GATE, limits=(-math.inf, math.inf))
    under = Watch(site, learned)
    play(under, [25.0])
    for place, value in enumerate([25.0, 500.0, 25.0]):
        under.reading((START + 1) * 60.0 + place, value)
    under.minute(START + 1)
    found = under.reading((START + 2) * 60.0, 41.0)
    assert found is not None
    assert found.reason == "spike"
