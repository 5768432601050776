"""A poster and a frozen camera do not open the gate; whoever breathes in ordinary light does."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
from tests.decide.scenes import at, sight, track, verdicts

from edge_mask.decide import GatePolicy, GateWatch
from edge_mask.decide.look import Evidence
from edge_mask.messages import MASK, NO_MASK, Event

Look = tuple[float | None, float | None, float]
"""Change of the pixels since the look before, since the first one; place of the box."""

FROZEN: Look = (0.0, 0.0, 200.0)
POSTER: Look = (0.5, 0.5, 200.0)
TREMBLES: Look = (0.5, 0.6, 200.0)
BREATHES: Look = (0.5, 1.5, 200.0)
UNSEEN: Look = (None, None, 200.0)
PLACE = 10
"""Looks at one place, before it is looked at anew."""


def said(
    looks: Sequence[Look], *, label: str = MASK, policy: GatePolicy | None = None, every: float = 0.2
) -> list[str]:
    watch = GateWatch("front", policy)
    events: list[Event] = []
    for number, (step, drift, x) in enumerate(looks):
        change = (None, None) if number % (PLACE + 1) == 0 else (step, drift)
        seen = sight([track(label, x=x)], number * every)
        evidence = {} if drift is None else {1: Evidence(0.4, 0.3, 1.0, *change)}
        events += watch.observe(replace(seen, evidence=evidence))
    return verdicts(events + watch.finish(at(len(looks) * every)))


def moved(*steps: float) -> list[Look]:
    return [(0.5, 0.5, 200.0 + step) for step in steps]


@pytest.mark.parametrize(
    ("what", "looks", "expected"),
    [
        ("a frozen camera", [FROZEN] * 20, ["no_pass still"]),
        ("a poster in a camera's noise", [POSTER] * 20, ["no_pass still"]),
        ("noise that happens to drift a little", [TREMBLES] * 20, ["no_pass still"]),
        ("somebody who stands very still, and breathes", [BREATHES] * 20, ["pass"]),
        ("breathes after a moment", [POSTER] * 5 + [BREATHES] * 20, ["pass"]),
        ("lives after a while", [POSTER] * 15 + [BREATHES] * 25, ["no_pass still", "pass"]),
        ("passes, then stands still", [BREATHES] * 10 + [POSTER] * 40, ["pass"]),
        ("a poster for an hour", [POSTER] * 2000, ["no_pass still"]),
        ("once still, noise must not open", [POSTER] * 11 + [(0.5, 0.7, 200.0)] * 60, ["no_pass still"]),
        ("a box that trembles is a poster all the same", moved(*([0.0, 2.0, -2.0, 1.0] * 5)), ["no_pass still"]),
        ("a box that moves", moved(*([0.0, 0.0, 0.0, 8.0] * 5)), ["pass"]),
        ("a box that drifts slowly", moved(*(number * 1.0 for number in range(20))), ["pass"]),
        ("a poster taken away before the window was over", [POSTER] * 6, ["no_pass unsure"]),
        ("nobody examines the pixels", [UNSEEN] * 20, ["pass"]),
    ],
)
def test_stillness_as_a_table(what: str, looks: Sequence[Look], expected: list[str]) -> None:
    assert said(looks) == expected, what


def test_it_can_be_switched_off() -> None:
    assert said([FROZEN] * 20, policy=GatePolicy(still="ignore")) == ["pass"]


def test_a_bare_face_on_a_poster_is_refused_for_its_label_at_once() -> None:
    assert said([FROZEN] * 6, label=NO_MASK) == ["no_pass no_mask"]


def test_three_votes_do_not_open_to_a_poster_before_it_can_be_told() -> None:
    assert said([POSTER] * 20, policy=GatePolicy(votes=3)) == ["no_pass still"]
    assert said([BREATHES] * 20, policy=GatePolicy(votes=3)) == ["pass"]


def test_a_camera_too_slow_to_tell_calls_nobody_still() -> None:
    assert said([BREATHES] * 4, every=1.0) == ["pass"]
    assert said([POSTER] * 4, every=1.0) == ["pass"]
