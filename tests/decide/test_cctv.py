"""A room camera: each look is recorded, and a streak raises one alert."""

import itertools
import re
from dataclasses import replace
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.decide.scenes import LABELS, alerts, at, looks, sight, track, watched

from edge_mask.decide import CctvPolicy, CctvWatch
from edge_mask.messages import Alert, Event, Look
from edge_mask.units import Moment, Seconds, Unix


def alerted(table: str, policy: CctvPolicy | None = None, every: float = 10.0) -> list[int]:
    """The numbers of the looks that raised an alert; one letter per look, `.` an empty room."""
    events = watched(CctvWatch("hall", policy), table, every=every)
    return [round(alert.at.mono / every) for alert in alerts(events)]


@pytest.mark.parametrize(
    ("what", "table", "expected"),
    [
        ("nobody", "........", []),
        ("everybody wears one", "MMMMMMMM", []),
        ("five looks are no streak", "NNNNN.NNNNN", []),
        ("six are", "NNNNNN", [5]),
        ("an incorrect one counts", "NNIINN", [5]),
        ("somebody with a mask breaks it", "NNNNNMNNNNN", []),
        ("a new streak is a new alert", "NNNNNN.NNNNNN", [5, 12]),
        ("a streak that goes on is told once", "N" * 30, [5]),
        ("and again when somebody with a mask has ended it", "NNNNNNNMNNNNNN", [5, 13]),
        ("an empty room ends it", "NNNNNN.NNNNNN.NNNNNN", [5, 12, 19]),
    ],
)
def test_looks_every_ten_seconds_as_a_table(what: str, table: str, expected: list[int]) -> None:
    assert alerted(table) == expected, what


@pytest.mark.parametrize(
    ("what", "table", "streaks", "expected"),
    [
        ("an empty look neither feeds nor breaks", "NNN..NNN", "12333456", [7]),
        ("however many there are", "N.....NN.....NNN", "1111112333333456", [15]),
        ("masked faces alone end it", "NNNMNNN.NNN", "12301233456", [10]),
        ("also after an empty look", "NNNNN.MN", "12345501", []),
        ("an empty room before anybody came is nothing", "...N", "0001", []),
        ("no alert comes out of an empty look", "NNNNNN......", "123456666666", [5]),
    ],
)
def test_empty_looks_may_be_ignored(what: str, table: str, streaks: str, expected: list[int]) -> None:
    policy = CctvPolicy(empty_looks="ignore")
    assert alerted(table, policy) == expected, what
    assert "".join(str(look.streak) for look in looks(watched(CctvWatch("hall", policy), table, every=10.0))) == streaks


def test_a_streak_over_empty_looks_is_told_once_and_says_which_looks_it_counts() -> None:
    policy = CctvPolicy(streak=2, empty_looks="ignore")
    (alert,) = alerts(watched(CctvWatch("hall", policy), "N.N..N.N.N", every=10.0))
    assert alert.text == "hall: somebody without a mask in each of the last 2 looks that showed anybody."


@pytest.mark.parametrize("empty_looks", ["end", "ignore"])
@pytest.mark.parametrize(("gap", "streak"), [(299.0, 2), (300.0, 2), (300.1, 1)])
def test_a_streak_survives_a_short_outage_of_the_camera_and_no_long_one(
    gap: float, streak: int, empty_looks: Literal["end", "ignore"]
) -> None:
    watch = CctvWatch("hall", CctvPolicy(empty_looks=empty_looks))
    watch.observe(sight([track("no_mask")], 0.0))
    (look,) = looks(watch.observe(sight([track("no_mask", 2)], gap)))
    assert look.streak == streak


def test_a_room_that_was_empty_for_long_begins_a_new_streak_with_an_alert_of_its_own() -> None:
    policy = CctvPolicy(streak=2, empty_looks="ignore", longest_gap=Seconds(300.0))
    assert alerted("NN" + "." * 30 + "NN", policy) == [1, 33]


def test_cameras_are_rearmed_each_for_itself() -> None:
    policy = CctvPolicy(streak=2, rearm_after=Seconds(60.0))
    hall, yard = CctvWatch("hall", policy), CctvWatch("yard", policy)
    raised = [
        (alert.camera, alert.at.mono)
        for number, letter in enumerate("NNMNN")
        for watch in (hall, yard)
        for alert in alerts(watch.observe(sight([track(LABELS[letter], number)], number * 10.0)))
    ]
    assert raised == [("hall", 10.0), ("yard", 10.0)]


def test_a_wall_clock_that_jumps_changes_nothing() -> None:
    watch = CctvWatch("hall", CctvPolicy(streak=3))
    events: list[Event] = []
    for number, wall in enumerate((0.0, 2e9, 5.0)):
        look = replace(sight([track("no_mask")], number * 10.0), at=Moment(Seconds(number * 10.0), Unix(wall)))
        events += watch.observe(look)
    assert [look.streak for look in looks(events)] == [1, 2, 3]
    assert len(alerts(events)) == 1


def test_quick_looks_do_not_raise_an_alert_each_second() -> None:
    assert alerted("NNNNNN." * 20, every=0.2) == [5]


def test_a_streak_that_is_there_when_the_pause_ends_is_told_then() -> None:
    policy = CctvPolicy(streak=2, rearm_after=Seconds(60.0))
    assert alerted("NN...NNNNN", policy, every=10.0) == [1, 7]


def test_whether_an_incorrect_mask_counts_is_a_setting() -> None:
    policy = CctvPolicy(incorrect_counts=False)
    assert alerted("NNIINN", policy) == []
    (look,) = looks(CctvWatch("hall", policy).observe(sight([track("incorrect")], 0.0)))
    assert (look.faces, look.no_mask) == (1, 0)


def test_each_look_says_what_it_saw() -> None:
    watch = CctvWatch("hall")
    seen = [track("no_mask", 1), track("mask", 2), track("incorrect", 3)]
    assert watch.observe(sight(seen, 0.0)) == [Look(at=at(0.0), camera="hall", faces=3, no_mask=2, streak=1)]
    assert watch.observe(sight([], 10.0)) == [Look(at=at(10.0), camera="hall", faces=0, no_mask=0, streak=0)]
    assert watch.finish(at(20.0)) == []


def test_an_alert_is_a_sentence_with_its_streak() -> None:
    (alert,) = alerts(watched(CctvWatch("hall"), "NNNNNN", every=10.0))
    assert (alert.kind, alert.camera, alert.streak) == ("no_mask", "hall", 6)
    assert alert.text == "hall: somebody without a mask in each of the last 6 looks."


def test_faces_outside_the_zone_are_not_counted() -> None:
    door = ((0.5, 0.0), (1.0, 0.0), (1.0, 1.0), (0.5, 1.0))
    watch = CctvWatch("hall", zone=door)
    (look,) = looks(watch.observe(sight([track("no_mask", 1, x=50.0), track("no_mask", 2, x=450.0)], 0.0)))
    assert (look.faces, look.no_mask) == (1, 1)


@given(
    st.text("MNI.", max_size=120),
    st.integers(1, 8),
    st.floats(0.0, 100.0),
    st.floats(0.1, 20.0),
    st.sampled_from(["end", "ignore"]),
)
def test_a_streak_counts_each_look_once_and_is_told_once(
    table: str, streak: int, pause: float, every: float, empty_looks: Literal["end", "ignore"]
) -> None:
    policy = CctvPolicy(streak, Seconds(pause), empty_looks, longest_gap=Seconds(1e9))
    events = watched(CctvWatch("hall", policy), table, every=every)
    counted = "".join(table.split(".")) if empty_looks == "ignore" else table
    runs = [len(run) for run in re.findall("[NI]+", counted)]
    raised = alerts(events)
    assert len(looks(events)) == len(table)
    assert [look.streak for look in looks(events) if look.no_mask] == [n + 1 for run in runs for n in range(run)]
    for earlier, later in itertools.pairwise(raised):
        assert later.at.mono - earlier.at.mono >= pause
    begun = [max(look.at.mono for look in looks(events) if look.streak == 1 and look.at.mono <= each.at.mono)
             for each in raised if each.streak is not None]  # fmt: skip
    assert len(set(begun)) == len(raised), "one alert for each streak"
    assert all(look.streak >= streak for look in looks(events) if any(look.at == each.at for each in raised))
    assert bool(raised) == (max(runs, default=0) >= streak), "the first streak is always told"


@given(st.permutations(["M", "N", "I", "N"]))
def test_the_order_of_faces_does_not_matter(order: list[str]) -> None:
    seen = [track(LABELS[letter], number) for number, letter in enumerate(order)]
    events: list[Event] = []
    watch = CctvWatch("hall", CctvPolicy(streak=2))
    for number in range(2):
        events += watch.observe(sight(seen, number * 10.0))
    assert [event.no_mask for event in events if isinstance(event, Look)] == [3, 3]
    assert len([event for event in events if isinstance(event, Alert)]) == 1
