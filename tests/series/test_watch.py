"""One series from readings to what is said of it: once when it begins, once when it ends."""

import json
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from tests.series.made import part, town
from tests.series.playing import NAN, PLAIN, QUIET, START, USUAL, begun, moving, play, restarted, watch

from edge_mask.series.criteria import Criteria
from edge_mask.series.model import Model
from edge_mask.series.nouns import Minutes
from edge_mask.series.watch import Watch


def test_silence_is_said_once_within_ten_minutes_and_its_end_once() -> None:
    said = play(watch(), [*moving(20), *[NAN] * 120, *moving(20)])
    assert [(reason, state) for reason, state, _ in said] == [("silent", "begun"), ("silent", "ended")]
    assert 20 < said[0][2] < 30
    assert said[1][2] == 140


def test_silence_began_with_the_first_minute_that_was_missing() -> None:
    under = watch()
    play(under, [*moving(20), *[NAN] * 30])
    (found,) = under.open
    assert found.began == (START + 20) * 60.0


def test_a_week_without_readings_is_one_silence_and_nothing_else_after_it() -> None:
    under = watch()
    said = play(under, [*moving(60), *[NAN] * 7 * 1440, *moving(1440, level=12.0)])
    assert begun(said) == ["silent"]
    assert under.open == ()


def test_a_few_minutes_without_readings_are_nothing() -> None:
    assert play(watch(), [*moving(20), *[NAN] * 5, *moving(20)]) == []


def test_a_stuck_sensor_is_told_after_its_longest_usual_run() -> None:
    said = play(watch(), [*moving(20), *[8.3] * 300, *moving(20)])
    assert [(reason, state) for reason, state, _ in said] == [("stuck", "begun"), ("stuck", "ended")]
    assert 49 <= said[0][2] <= 52


def test_a_reading_of_a_stuck_sensor_is_an_outlier_at_once() -> None:
    under = watch()
    play(under, [8.3] * 40)
    found = under.reading((START + 40) * 60.0, 8.3)
    assert found is not None
    assert found.reason == "stuck"
    assert under.reading((START + 40) * 60.0, 8.4) is None


@pytest.mark.parametrize("nonsense", [-9.99, 65.535, 9999.0])
def test_what_the_sensor_cannot_measure_is_an_outlier_at_once(nonsense: float) -> None:
    under = watch()
    assert begun(play(under, [*moving(20), nonsense, nonsense, *moving(20)])) == ["out_of_range"]
    found = under.reading((START + 42) * 60.0, nonsense)
    assert found is not None
    assert (found.kind, found.reason, found.expected) == ("system", "out_of_range", (0.0, 60.0))


@pytest.mark.parametrize("spike", [0.4, 15.0, 42.0])
def test_a_spike_is_told_with_its_first_reading_and_over_with_the_next_good_one(spike: float) -> None:
    said = play(watch(), [*moving(20), spike, spike, *moving(20)])
    assert [(state, at) for _, state, at in said] == [("begun", 20), ("ended", 22)]


def test_a_sensor_in_another_unit_is_told_once_while_it_lasts() -> None:
    cubic_metres = [value * 3.6 for value in moving(600, level=9.0)]
    said = play(watch(), [*moving(60, level=9.0), *cubic_metres, *moving(60, level=9.0)])
    assert begun(said) == ["spike"]
    assert said[0][2] == 60
    assert [state for _, state, _ in said] == ["begun", "ended"]


def test_a_step_within_the_limits_is_told_once_and_then_is_a_level_of_its_own() -> None:
    said = play(watch(), [*moving(60), *moving(600, level=15.0)])
    assert begun(said) == ["step"]
    assert said[-1][1:] == ("ended", 75)


def test_a_value_that_crosses_its_limit_again_and_again_is_one_outlier() -> None:
    around = [29.0, 31.0] * 60
    climbing = [8.0 + index * 0.5 for index in range(42)]
    assert begun(play(watch(), [*moving(20), *climbing, *around, *reversed(climbing)])) == ["spike"]


def test_after_a_stuck_night_the_jump_to_the_true_value_is_no_step() -> None:
    assert begun(play(watch(), [*moving(20, level=8.0), *[8.5] * 400, *moving(100, level=18.0)])) == ["stuck"]


def test_nonsense_in_the_middle_of_another_outlier_does_not_say_it_twice() -> None:
    said = play(watch(), [*moving(20), *[42.0, 43.0] * 10, 9999.0, *[42.0, 43.0] * 10])
    assert begun(said) == ["spike", "out_of_range"]


def test_a_clock_that_jumps_forward_is_no_silence() -> None:
    under = watch()
    play(under, moving(60))
    assert play(under, moving(60), START + 60 + 240) == []


def test_a_clock_that_jumps_back_says_nothing_and_minutes_go_on() -> None:
    under = watch()
    play(under, moving(300))
    assert play(under, moving(120), START + 200) == []
    assert begun(play(under, [*moving(10), *[NAN] * 30], START + 320)) == ["silent"]


def test_all_kinds_live_through_jumps_of_the_clock() -> None:
    made = town("2025-04-01T22:00", 26, weather=0.0)
    history, live = part(made, 0, 20 * 1440), part(made, 20 * 1440, 26 * 1440).values.tolist()
    under = Watch(QUIET, Criteria(min=0.0, max=40.0, max_step=9.0, run=30), Model.fit(QUIET, history))
    under.warm_up(history)
    said, cuts = [], [0, 1440, 1455, 2880, 2890, 4320, 4380, 5760, 5761, 8640]
    for turn, (first, last) in enumerate(pairwise(cuts)):
        wrong = (0, 180, 0, -180, 0, 7, 0, -100_000, 0)[turn]  # the clock is wrong for a while, and then set
        said += play(under, live[first:last], history.end + first + wrong)
    assert said == []
    assert under.forecast((history.end + 8640) * 60.0) is not None


def test_silence_over_a_jump_of_the_clock_is_still_the_same_silence() -> None:
    under = watch()
    play(under, [*moving(20), *[NAN] * 30])
    assert play(under, [*[NAN] * 60, *moving(5)], START + 1000) == [("silent", "ended", 60)]


def test_readings_that_scatter_within_a_minute_are_judged_by_their_scatter() -> None:
    under, random = watch(replace(USUAL, version=1)), np.random.default_rng(5)
    outliers = 0
    for minute in range(START, START + 600):
        for value in random.normal(24.0, 2.0, 30).tolist():
            found = under.reading(minute * 60.0, value)
            outliers += found is not None and minute > START + 10
        assert under.minute(minute).said == ()
    assert outliers < 10
    assert under.reading((START + 600) * 60.0, 58.0) is not None


def test_a_second_of_nonsense_among_good_ones_is_told_with_its_minute() -> None:
    under = watch()
    play(under, moving(10))
    for second, value in enumerate([8.0, 8.1, 59.0, 8.0]):
        under.reading((START + 10) * 60.0 + second, value)
    said = under.minute(START + 10).said
    assert [(each.outlier.reason, each.outlier.value) for each in said] == [("spike", 59.0)]


@pytest.mark.parametrize(
    "wrong", [[NAN] * 60, [8.3] * 90, [9999.0] * 5, [45.0, 46.0] * 20, moving(8, level=16.0)],
    ids=["silent", "stuck", "out of range", "outside", "step"],
)  # fmt: skip
def test_a_restart_in_the_middle_of_an_outlier_does_not_say_it_twice(wrong: list[float]) -> None:
    before = watch()
    first = play(before, [*moving(20), *wrong])
    after = restarted(before)
    assert after.open == before.open
    rest = [*wrong[-4:], *moving(60)]
    more = play(after, rest, START + 20 + len(wrong), counted_from=START)
    assert [state for _, state, _ in [*first, *more]] == ["begun", "ended"]


def test_restarts_anywhere_change_nothing_that_is_said() -> None:
    random = np.random.default_rng(11)
    values = np.array(moving(3000))
    for at in random.integers(100, 2900, 12):
        values[at : at + random.integers(1, 60)] = random.choice([NAN, 8.35, 45.0, -5.0, 17.0])
    whole = play(watch(), values.tolist())
    under, parts, cuts = watch(), [], sorted(random.integers(1, 2999, 25).tolist())
    for first, last in zip([0, *cuts], [*cuts, 3000], strict=True):
        parts += play(under, values[first:last].tolist(), START + first, counted_from=START)
        under = restarted(under)
    assert parts == whole


def test_the_state_is_small() -> None:
    under = Watch(PLAIN, USUAL)
    under.warm_up(Minutes(START - 10 * 1440, np.array(moving(10 * 1440), np.float32)))
    play(under, [*moving(100), *[NAN] * 20])
    assert len(json.dumps(under.dump())) < 4096


def test_kinds_that_are_switched_off_say_nothing() -> None:
    site = type(PLAIN)(key=PLAIN.key, unit="L/s", zone=PLAIN.zone, limits=PLAIN.limits, kinds=frozenset({"value"}))
    assert begun(play(Watch(site, USUAL), [*moving(20), *[NAN] * 60, *[8.3] * 90, 9999.0, *moving(20)])) == ["spike"]
