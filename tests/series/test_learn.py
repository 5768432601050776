"""Criteria from what is stored, which holds faults that nobody marked."""

from dataclasses import replace

import numpy as np
import pytest
import yaml
from tests.series.made import DAY, FLOW, changed, part, town
from tests.series.playing import NAN, PLAIN, START, begun, house, play, register, watch

from edge_mask.errors import Refused
from edge_mask.series.criteria import Criteria
from edge_mask.series.learn import clean, learn
from edge_mask.series.nouns import Minutes
from edge_mask.series.watch import Watch

AT = 1_750_000_000.0


@pytest.fixture(scope="module")
def sixty() -> Minutes:
    return town("2025-03-02T00:00", 60)


@pytest.fixture(scope="module")
def usual(sixty: Minutes) -> Criteria:
    return learn(FLOW, sixty, AT, 1)


def near(found: Criteria, wanted: Criteria) -> bool:
    pairs = [(getattr(found, name), getattr(wanted, name)) for name in ("min", "max", "max_step")]
    assert found.run is not None
    assert wanted.run is not None
    return all(abs(a - b) <= 0.15 * abs(b) for a, b in pairs) and found.run <= 1.5 * wanted.run


def test_what_was_usual_is_within_the_criteria_and_little_more(sixty: Minutes, usual: Criteria) -> None:
    assert usual.min is not None
    assert usual.max is not None
    assert usual.max_step is not None
    assert 0 < usual.min < sixty.values.min()
    assert sixty.values.max() < usual.max < 1.3 * sixty.values.max()
    assert np.abs(np.diff(sixty.values)).max() < usual.max_step < 8.0


@pytest.mark.parametrize(
    "spoilt",
    [
        lambda good: changed(good, 10 * DAY, 17 * DAY, to=9.31),
        lambda good: changed(good, 20 * DAY, 20 * DAY + 600, to=9.31),
        lambda good: changed(good, 5 * DAY + 7, 5 * DAY + 10, to=9999.0),
        lambda good: changed(changed(good, 5 * DAY + 7, 5 * DAY + 10, to=55.0), 31 * DAY, 31 * DAY + 1, to=0.1),
        lambda good: changed(good, 30 * DAY, 31 * DAY, by=20.0),
        lambda good: changed(good, 12 * DAY, 26 * DAY, to=NAN),
    ],
    ids=["stuck for a week", "stuck", "nonsense", "spikes", "a burst", "two weeks without readings"],
)
def test_a_history_with_faults_does_not_spoil_what_is_learned(spoilt, sixty: Minutes, usual: Criteria) -> None:  # type: ignore[no-untyped-def]
    assert near(learn(FLOW, spoilt(sixty), AT, 1), usual)


def test_days_in_which_something_was_wrong_are_left_out(sixty: Minutes, usual: Criteria) -> None:
    week = changed(sixty, 20 * DAY, 35 * DAY, by=15.0)
    spans = [((sixty.first + 20 * DAY) * 60.0, (sixty.first + 35 * DAY) * 60.0)]
    found = learn(FLOW, week, AT, 2, spans)
    assert near(found, usual)
    assert found.days is not None
    assert found.days <= 45


def test_three_weeks_are_the_least(sixty: Minutes) -> None:
    with pytest.raises(Refused, match="main flow: 20 days of readings in line; criteria are learned from 21 days on"):
        learn(FLOW, part(sixty, 0, 20 * DAY), AT, 1)
    assert learn(FLOW, part(sixty, 0, 21 * DAY), AT, 1).days == 21


def test_what_it_was_learned_from_is_kept(sixty: Minutes, usual: Criteria) -> None:
    assert usual.version == 1
    assert usual.made == AT
    assert usual.learned_from == (sixty.first * 60.0, sixty.end * 60.0)
    assert Criteria.from_data(yaml.safe_load(usual.to_yaml())) == usual


def test_a_meter_slower_than_it_is_asked_is_not_stuck(sixty: Minutes) -> None:
    slow = register(sixty, 12)
    found = learn(FLOW, part(slow, 0, 40 * DAY), AT, 1)
    assert found.run is not None
    assert 15 < found.run < 60
    under = Watch(PLAIN, found)
    assert play(under, part(slow, 40 * DAY, 60 * DAY).values.tolist()) == []
    assert begun(play(under, [8.31] * 90, START + 20 * DAY)) == ["stuck"]


def test_a_house_that_says_zero_all_night_and_four_days_is_not_stuck() -> None:
    site = replace(PLAIN, limits=(0.0, 3.0))
    values = house(40)
    found = learn(site, Minutes(START, values), AT, 1)
    under = Watch(site, found)
    assert play(under, house(3, seed=4).tolist()) == []
    assert play(under, [0.0] * 4 * DAY, START + 3 * DAY) == []
    assert begun(play(under, [0.12] * 90, START + 7 * DAY)) == ["stuck"]


def test_a_sensor_that_is_read_each_five_minutes_is_neither_silent_nor_full_of_steps(sixty: Minutes) -> None:
    sparse = sixty.values.copy()
    sparse[np.arange(len(sparse)) % 5 != 0] = np.nan
    found = learn(FLOW, Minutes(sixty.first, sparse), AT, 1)
    assert found.gap == 5
    assert found.days == 60
    under = watch(found)
    assert play(under, sparse[: 5 * DAY].tolist()) == []
    said = play(under, [NAN] * 60, START + 5 * DAY)
    assert said[0][0] == "silent"
    assert said[0][2] <= 15


def test_a_season_that_creeps_over_the_limits_is_no_spike(sixty: Minutes) -> None:
    found = learn(FLOW, sixty, AT, 1)
    growth = np.repeat(np.linspace(1.0, 1.6, 60), DAY)
    assert found.max is not None
    assert (sixty.values * growth).max() > 1.1 * found.max
    under = watch(found)
    under.warm_up(Minutes(START - 20 * DAY, sixty.values[: 20 * DAY]))
    assert "spike" not in begun(play(under, (sixty.values * growth).tolist()))


def test_cleaning_takes_out_what_no_sensor_that_is_well_says(sixty: Minutes, usual: Criteria) -> None:
    spoilt = changed(changed(changed(sixty, 100, 103, to=9999.0), 5000, 5600, to=8.31), 9000, 9002, to=50.0)
    lost = np.isnan(clean(FLOW, usual, spoilt).values)
    assert lost[100:103].all()
    assert lost[5000:5600].all()
    assert lost[9000:9002].all()
    assert lost.sum() <= 610


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        ({"maximum": 5}, "main.yaml: maximum is not a criterion"),
        ({"max": "5 L"}, "main.yaml: max is '5 L', not a number"),
        ({"max": True}, "main.yaml: max is True, not a number"),
        ({"min": float("nan")}, "main.yaml: min is nan, not a number"),
        ({"learned_from": [1]}, "main.yaml: learned_from is [1], not two times"),
        ({"min": 5, "max": 3}, "main.yaml: min is 5 and max is 3"),
        ({"max_step": -1}, "main.yaml: max_step is -1: it must be above 0"),
    ],
)
def test_criteria_that_are_none_are_a_sentence(data: dict[str, object], sentence: str) -> None:
    with pytest.raises(Refused) as told:
        Criteria.from_data(data, "main.yaml")
    assert sentence in str(told.value)
