"""One thermometer, several people: whose each reading is, and what the readings of a person come to."""

import random
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.decide.scenes import at, celsius

from edge_mask.decide.look import Taken
from edge_mask.decide.thermometry import NEARER, Temperatures, Thermometry, middle, nearest
from edge_mask.messages import Quality, Reading
from edge_mask.units import Seconds

EVERY = 0.2
PEOPLE = {"A": 1, "B": 2, "C": 3}
NAMES = {number: name for name, number in PEOPLE.items()}


def standing(look: str) -> dict[int, float]:
    """`AB`: both stand there, A nearer; `.`: nobody does."""
    return {PEOPLE[name]: 100.0 * 0.5**place for place, name in enumerate(look.strip("."))}


def shared(looks: str, taken: Sequence[float], *, every: float = EVERY) -> str:
    """Whose each reading is, in the order of `taken`: a letter, or `-`. Looks are `every` seconds apart, from 0 on."""
    thermometry = Thermometry()
    owners: dict[float, str] = {}
    told = -1.0
    for number, look in enumerate(looks.split()):
        now = round(number * every, 6)
        due = [celsius(36.5, second) for second in taken if told < second <= now]
        told = now
        for who, readings in thermometry.share(standing(look), due, at(now)).items():
            owners.update({reading.at.mono: NAMES[who] for reading in readings})
    return "".join(owners.get(second, "-") for second in taken)


@pytest.mark.parametrize(
    ("what", "looks", "taken", "whose"),
    [
        ("one person", "A A A A", (0.1, 0.3, 0.5), "AAA"),
        ("at the very moment of a look", "A B A B", (0.0, 0.2, 0.4, 0.6), "ABAB"),
        ("nobody", ". . . .", (0.1, 0.3), "--"),
        ("before anybody came", ". . A A A", (0.1, 0.3, 0.5), "--A"),
        ("after they went", "A A . .", (0.1, 0.3, 0.5), "A--"),
        ("one after the other", "A A A B B B", (0.3, 0.5, 0.7), "A-B"),
        ("the nearer of two", "AB AB AB", (0.1, 0.3), "AA"),
        ("the order in which they come does not count", "BA BA BA", (0.1, 0.3), "BB"),
        ("one makes room for the other", "AB AB BA BA", (0.1, 0.3, 0.5), "A-B"),
        ("the nearer one leaves", "AB AB B B", (0.1, 0.3, 0.5), "A-B"),
        ("a face is missed for a look", "A A . A A", (0.3, 0.5, 0.7), "AAA"),
        ("for as long as a face may be missed", "A . . . . A", (0.1, 0.5, 0.9), "AAA"),
        ("for longer: nobody knows who stood there", "A . . . . . A A", (0.1, 0.5, 1.1, 1.3), "---A"),
        ("another one in the place of a missed face", "A B A A", (0.1, 0.3, 0.5), "--A"),
        ("three in a row", "A A B B C C", (0.1, 0.3, 0.5, 0.7, 0.9), "A-B-C"),
    ],
)
def test_whose_a_reading_is_as_a_table(what: str, looks: str, taken: Sequence[float], whose: str) -> None:
    assert shared(looks, taken) == whose, what


def test_a_slow_camera_sees_the_same_person_before_and_after() -> None:
    assert shared("A A A", (1.0, 5.0), every=3.0) == "AA"


def test_a_face_may_be_missed_for_longer_by_a_slow_camera() -> None:
    thermometry = Thermometry(Seconds(2.5))
    taken = celsius(36.5, 0.5)
    thermometry.share(standing("A"), [], at(0.0))
    assert thermometry.share({}, [taken], at(1.0)) == {}
    assert thermometry.share(standing("A"), [], at(2.0)) == {1: [taken]}


def test_a_reading_that_comes_late_is_given_to_whom_it_was_taken_of() -> None:
    thermometry = Thermometry()
    for number, look in enumerate(["A", "A", "A", "B", "B"]):
        assert thermometry.share(standing(look), [], at(number * EVERY)) == {}
    late = celsius(36.5, 0.3)
    assert thermometry.share(standing("B"), [late], at(1.0)) == {1: [late]}


def test_a_reading_from_after_the_look_waits_for_the_next_one() -> None:
    """A picture is looked at a moment after it was taken, and the thermometer did not stop meanwhile."""
    thermometry = Thermometry()
    early = celsius(36.5, 0.1)
    assert thermometry.share(standing("A"), [early], at(0.0)) == {}
    assert thermometry.share(standing("A"), [], at(0.2)) == {1: [early]}


@pytest.mark.parametrize("quality", [Quality.OUT_OF_RANGE, Quality.STUCK])
def test_a_bad_reading_is_nobodys(quality: Quality) -> None:
    thermometry = Thermometry()
    assert thermometry.share(standing("A"), [replace(celsius(36.5), quality=quality)], at(0.0)) == {}


@pytest.mark.parametrize(
    ("sizes", "holder", "who"),
    [
        ({}, None, None),
        ({}, 1, None),
        ({1: 50.0}, None, 1),
        ({1: 50.0, 2: 51.0}, None, 2),
        ({2: 50.0, 1: 50.0}, None, 1),
        ({1: 50.0, 2: 50.0 * NEARER}, 1, 1),
        ({1: 50.0, 2: 50.0 * NEARER + 0.1}, 1, 2),
        ({2: 50.0}, 1, 2),
    ],
)
def test_the_nearest_keeps_the_thermometer_until_somebody_is_clearly_nearer(
    sizes: Mapping[int, float], holder: int | None, who: int | None
) -> None:
    assert nearest(sizes, holder) == who


SCENES = st.lists(
    st.tuples(
        st.dictionaries(st.integers(1, 4), st.floats(10.0, 200.0), max_size=3),
        st.lists(st.floats(0.001, 0.999), max_size=3),
    ),
    min_size=1,
    max_size=25,
)
"""Looks: the size of each face, and when readings were taken since the look before, as parts of that time."""


def played(
    scenes: Sequence[tuple[Mapping[int, float], Sequence[float]]], every: float, rng: random.Random | None = None
) -> list[tuple[int, Reading]]:
    """Who got which reading; with `rng`, people and readings come in another order."""
    thermometry, given_out = Thermometry(), []
    for number, (people, parts) in enumerate(scenes):
        readings = [celsius(36.0 + part, (number - 1 + part) * every) for part in parts]
        if rng is not None:
            people, readings = dict(rng.sample(list(people.items()), len(people))), rng.sample(readings, len(readings))
        for who, got in thermometry.share(people, readings, at(number * every)).items():
            given_out += [(who, reading) for reading in got]
    return given_out


@given(SCENES, st.sampled_from([0.05, 0.2, 0.7, 2.0]))
def test_a_reading_never_serves_two_and_only_who_was_seen_around_it(
    scenes: Sequence[tuple[Mapping[int, float], Sequence[float]]], every: float
) -> None:
    given_out = played(scenes, every)
    times = [reading.at.mono for _, reading in given_out]
    possible = sum(len(set(parts)) for _, parts in scenes)
    assert len(set(times)) <= possible
    assert len(given_out) <= sum(len(parts) for _, parts in scenes)
    owners: dict[float, set[int]] = {}
    for who, reading in given_out:
        owners.setdefault(reading.at.mono, set()).add(who)
    assert all(len(people) == 1 for people in owners.values())
    looked = [(number * every, people) for number, (people, _) in enumerate(scenes) if people]
    for who, reading in given_out:
        before = [people for when, people in looked if when <= reading.at.mono]
        after = [people for when, people in looked if when >= reading.at.mono]
        assert who in before[-1]
        assert who in after[0]


@given(SCENES, st.sampled_from([0.05, 0.2, 2.0]), st.randoms(use_true_random=False))
def test_the_order_of_people_and_readings_in_a_look_does_not_matter(
    scenes: Sequence[tuple[Mapping[int, float], Sequence[float]]], every: float, rng: random.Random
) -> None:
    def ordered(given_out: list[tuple[int, Reading]]) -> list[tuple[int, float]]:
        return sorted((who, reading.at.mono) for who, reading in given_out)

    assert ordered(played(scenes, every)) == ordered(played(scenes, every, rng))


def test_what_waits_for_a_look_is_bounded() -> None:
    thermometry = Thermometry()
    for second in range(3):
        thermometry.share(standing("A"), [celsius(36.5, 10.0 + part / 1000) for part in range(1000)], at(second))
    (got,) = thermometry.share(standing("A"), [], at(11.0)).values()
    assert len(got) == 256


# -- what the readings of a person come to -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("what", "values", "said"),
    [
        ("one", [36.5], 36.5),
        ("two: too few for an outlier", [36.4, 36.6], 36.5),
        ("three", [36.4, 36.6, 36.5], 36.5),
        ("a spike", [36.5, 36.5, 60.0, 36.5], 36.5),
        ("a spike among readings that differ", [36.4, 36.6, 36.5, 41.0], 36.5),
        ("two spikes in one direction", [36.4, 36.5, 36.6, 36.5, 60.0, 60.0], 36.5),
        ("readings that are all alike, and one that is nearly", [36.5, 36.5, 36.5, 36.9], 36.5),
        ("a fever is no outlier", [38.4, 38.6, 38.5, 36.0], 38.5),
        ("from the cold wall to the face", [22.0, 24.0, 36.4, 36.5, 36.6, 36.5, 36.4], 36.5),
    ],
)
def test_the_median_without_outliers(what: str, values: list[float], said: float) -> None:
    assert middle(values, 0.5) == pytest.approx(said), what


def test_an_outlier_is_further_from_the_median_than_three_deviations() -> None:
    """Deviations 0.2, 0.1, 0, 0.1, 0.2, x: their median is 0.15, so that the reach is 0.667."""
    readings = [36.3, 36.4, 36.5, 36.6, 36.7]
    assert middle([*readings, 37.2], 0.0) == pytest.approx(36.55)
    assert middle([*readings, 37.3], 0.0) == pytest.approx(36.5)


VALUES = st.lists(st.floats(-60.0, 130.0), min_size=1, max_size=40)


@given(VALUES, st.sampled_from([0.0, 0.5, 0.9]))
def test_the_median_lies_between_the_least_and_the_greatest(values: list[float], noise: float) -> None:
    assert min(values) <= middle(values, noise) <= max(values)


@given(VALUES, st.randoms(use_true_random=False))
def test_the_median_does_not_depend_on_the_order(values: list[float], rng: random.Random) -> None:
    assert middle(rng.sample(values, len(values)), 0.5) == middle(values, 0.5)


@given(st.lists(st.floats(36.0, 37.0), min_size=3, max_size=20), st.lists(st.floats(-50.0, 120.0), max_size=20))
def test_less_than_half_of_nonsense_moves_the_median_no_further_than_the_rest_reaches(
    sane: list[float], mad: list[float]
) -> None:
    mad = mad[: (len(sane) - 1) // 2]
    assert 36.0 <= statistics.median([*sane, *mad]) <= 37.0
    assert 35.0 <= middle([*sane, *mad], 0.5) <= 38.0


def values(*taken: tuple[float, float], unit: str = "C") -> list[Taken]:
    """Values and when they were taken."""
    return [Taken(value, unit, Seconds(when)) for value, when in taken]


def test_stale_readings_do_not_count() -> None:
    taken = Temperatures(Seconds(10.0))
    taken.add(values((39.0, 0.0), (39.0, 1.0), (36.5, 8.0)))
    assert [getattr(taken.at(Seconds(now)), "value", None) for now in (8.0, 10.5, 11.5, 18.0, 18.1)] == [
        39.0, 37.75, 36.5, 36.5, None,
    ]  # fmt: skip


def test_the_value_is_told_with_the_time_and_the_unit_of_the_newest_reading() -> None:
    taken = Temperatures(Seconds(10.0))
    assert taken.at(Seconds(0.0)) is None
    taken.add(values((97.7, 1.0), (98.3, 0.0), unit="F"))
    assert taken.at(Seconds(2.0)) == Taken(98.0, "F", Seconds(1.0))


def test_a_degree_fahrenheit_is_smaller_than_a_degree() -> None:
    taken = Temperatures(Seconds(10.0))
    taken.add(values(*((value, 0.0) for value in (97.7, 97.7, 97.7, 97.7, 98.5, 98.5, 98.5)), unit="F"))
    assert taken.at(Seconds(0.0)) == Taken(97.7, "F", Seconds(0.0))


def test_what_was_taken_can_be_handed_on() -> None:
    first = Temperatures(Seconds(10.0))
    first.add(values((36.5, 0.0), (36.9, 3.0), (36.6, 2.0)))
    second = Temperatures(Seconds(10.0), first.taken)
    for each in (first, second):
        each.add(values((36.7, 4.0)))
    assert [first.at(Seconds(now)) for now in (4.0, 11.0)] == [second.at(Seconds(now)) for now in (4.0, 11.0)]
    assert first.taken == second.taken


def test_a_thermometer_that_never_stops_does_not_fill_the_memory() -> None:
    taken = Temperatures(Seconds(1e9))
    for second in range(1000):
        taken.add(values((36.5, float(second))))
    assert len(taken.taken) == 256
