"""Several people and one thermometer: each gets the temperature that was taken of them, or none."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import pytest
from tests.decide.scenes import HEIGHT, LABELS, WIDTH, alerts, at, celsius, track, visits

from edge_mask.decide import GatePolicy, GateWatch, Sight
from edge_mask.messages import MASK, NO_MASK, Event

POLICY = GatePolicy(fever_above=37.5)
NEAR, FAR = 200.0, 100.0
PLACES = {1: 50.0, 2: 350.0, 3: 500.0}


def scene(
    looks: Sequence[Mapping[int, float]],
    temperature: Callable[[float], float | None],
    *,
    policy: GatePolicy = POLICY,
    every: float = 0.2,
    labels: str = "MMM",
) -> list[Event]:
    """Each look: who is seen, and how large. A reading of what the thermometer sees comes between two looks."""
    watch, events = GateWatch("front", policy), []
    for number, sizes in enumerate(looks):
        now = round(number * every, 6)
        taken = round(now - every / 2, 6)
        value = temperature(taken)
        tracks = [track(LABELS[labels[who - 1]], who, size=size, x=PLACES[who], y=50.0) for who, size in sizes.items()]
        readings = [] if value is None or not number else [celsius(value, taken)]
        events += watch.observe(Sight(tracks=tracks, width=WIDTH, height=HEIGHT, at=at(now), readings=readings))
    return events + watch.finish(at(len(looks) * every))


def told(events: Sequence[Event], who: int) -> list[tuple[str, float | None]]:
    """What was said of one person: verdict with its reasons, and temperature."""
    return [(" ".join((each.verdict, *each.reasons)), each.temperature) for each in visits(events) if each.track == who]


def healthy(_now: float) -> float:
    return 36.5


def test_the_second_of_two_is_not_given_the_temperature_of_the_first() -> None:
    events = scene([{1: NEAR, 2: FAR}] * 30, healthy)
    assert told(events, 1) == [("pass", 36.5)]
    assert told(events, 2) == [("no_pass temperature_missing", None)]


def test_who_steps_up_when_the_first_has_gone_gets_a_temperature_of_their_own() -> None:
    looks = [{1: NEAR, 2: FAR}] * 10 + [{2: FAR}] * 3 + [{2: NEAR}] * 20
    events = scene(looks, lambda now: 36.5 if now < 1.8 else 38.2)
    assert told(events, 1) == [("pass", 36.5)]
    assert told(events, 2) == [("no_pass fever", 38.2)]
    (alert,) = alerts(events)
    assert (alert.kind, alert.value) == ("fever", 38.2)


def test_a_fever_of_the_first_is_not_the_seconds() -> None:
    looks = [{1: NEAR, 2: FAR}] * 10 + [{2: NEAR}] * 20
    events = scene(looks, lambda now: 38.2 if now < 1.8 else 36.5)
    assert told(events, 1) == [("no_pass fever", 38.2)]
    assert told(events, 2) == [("pass", 36.5)]


def test_what_was_taken_before_anybody_came_is_nobodys() -> None:
    events = scene([{}] * 10 + [{1: NEAR}] * 20, lambda now: 36.5 if now < 1.8 else None)
    assert told(events, 1) == [("no_pass temperature_missing", None)]


def test_two_as_near_as_each_other_do_not_take_turns() -> None:
    looks = [{1: NEAR, 2: NEAR + 5 * (number % 2)} for number in range(30)]
    events = scene(looks, healthy)
    assert told(events, 1) == [("pass", 36.5)]
    assert told(events, 2) == [("no_pass temperature_missing", None)]


def test_a_face_too_far_away_to_be_judged_takes_no_thermometer() -> None:
    events = scene([{1: 20.0, 2: FAR}] * 10, healthy)
    assert told(events, 2) == [("pass", 36.5)]


def test_a_face_outside_of_the_zone_takes_no_thermometer() -> None:
    left = ((0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0))
    watch, events = GateWatch("front", POLICY, left), []
    for number in range(10):
        now = round(number * 0.2, 6)
        people = [track(MASK, 1, size=FAR, x=50.0, y=50.0), track(NO_MASK, 2, size=NEAR, x=400.0, y=50.0)]
        readings = [celsius(36.5, round(now - 0.1, 6))]
        events += watch.observe(Sight(tracks=people, width=WIDTH, height=HEIGHT, at=at(now), readings=readings))
    assert told(events, 1) == [("pass", 36.5)]
    assert told(events, 2) == []


def test_the_temperature_of_a_visit_is_the_median_of_what_was_taken_of_that_person() -> None:
    values = iter([30.0, 36.4, 36.6, 36.5, 90.0] * 4)
    ((_, temperature),) = told(scene([{1: NEAR}] * 6, lambda _now: next(values)), 1)
    assert temperature == pytest.approx(36.5), "30.0 was taken before the first look, the spike of 90.0 is left out"


@pytest.mark.parametrize(
    ("labels", "said"), [("MMM", [("pass", None)]), ("NNN", [("no_pass no_mask", None)])], ids=["mask", "no mask"]
)
def test_without_temperature_the_mask_alone_may_decide(labels: str, said: list[tuple[str, float | None]]) -> None:
    ignore = replace(POLICY, without_temperature="ignore")
    assert told(scene([{1: NEAR}] * 30, lambda _now: None, policy=ignore, labels=labels), 1) == said


def test_also_then_a_visitor_waits_for_the_thermometer_and_a_fever_counts() -> None:
    ignore = replace(POLICY, without_temperature="ignore")
    (visit,) = visits(scene([{1: NEAR}] * 30, lambda _now: None, policy=ignore))
    assert visit.at.mono == pytest.approx(0.8 + ignore.temperature_wait, abs=0.21)
    late = scene([{1: NEAR}] * 30, lambda now: 38.2 if now > 1.5 else None, policy=ignore)
    assert told(late, 1) == [("no_pass fever", 38.2)]
    later = scene([{1: NEAR}] * 60, lambda now: 38.2 if now > 5 else None, policy=ignore)
    assert told(later, 1) == [("pass", None), ("no_pass fever", 38.2)]
    left = scene([{1: NEAR}] * 6 + [{}] * 10, lambda _now: None, policy=ignore)
    assert told(left, 1) == [("pass", None)]
