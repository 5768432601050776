"""A room camera: each look is recorded, and a streak raises one alert."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.decide.scenes import LABELS, alerts, at, looks, sight, track, watched

from edge_mask.decide import CctvPolicy, CctvWatch
from edge_mask.messages import Alert, Event, Look
from edge_mask.units import Seconds


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
        ("a streak that goes on is told again after the pause, not before", "N" * 18, [5, 11, 17]),
    ],
)
def test_looks_every_ten_seconds_as_a_table(what: str, table: str, expected: list[int]) -> None:
    assert alerted(table) == expected, what


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


@given(st.text("MNI.", max_size=120), st.integers(1, 8), st.floats(0.0, 100.0), st.floats(0.1, 20.0))
def test_alerts_are_never_closer_than_the_pause_and_never_without_a_streak(
    table: str, streak: int, pause: float, every: float
) -> None:
    events = watched(CctvWatch("hall", CctvPolicy(streak, Seconds(pause))), table, every=every)
    assert len(looks(events)) == len(table)
    raised = alerts(events)
    for earlier, later in itertools.pairwise(raised):
        assert later.at.mono - earlier.at.mono >= pause
    by_time = {look.at: look for look in looks(events)}
    assert all(by_time[alert.at].streak >= streak for alert in raised)
    run = longest = 0
    for letter in table:
        run = run + 1 if letter in "NI" else 0
        longest = max(longest, run)
    assert bool(raised) == (longest >= streak), "the first streak is always told"


@given(st.permutations(["M", "N", "I", "N"]))
def test_the_order_of_faces_does_not_matter(order: list[str]) -> None:
    seen = [track(LABELS[letter], number) for number, letter in enumerate(order)]
    events: list[Event] = []
    watch = CctvWatch("hall", CctvPolicy(streak=2))
    for number in range(2):
        events += watch.observe(sight(seen, number * 10.0))
    assert [event.no_mask for event in events if isinstance(event, Look)] == [3, 3]
    assert len([event for event in events if isinstance(event, Alert)]) == 1
