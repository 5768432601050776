"""A poster and a frozen camera do not open the gate; whoever breathes in ordinary light does."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
from tests.decide.scenes import at, sight, track, verdicts

from edge_mask.decide import GatePolicy, GateWatch
from edge_mask.decide.look import Evidence
from edge_mask.messages import MASK, NO_MASK, Event
from edge_mask.units import Seconds

Look = tuple[float | None, float | None, float]
"""Change of the face, noise of the camera, place of the box."""

FROZEN: Look = (0.0, 0.0, 200.0)
POSTER: Look = (0.5, 0.5, 200.0)
BREATHES: Look = (1.4, 0.5, 200.0)
SHAKEN: Look = (5.0, 5.0, 200.0)
UNSEEN: Look = (None, None, 200.0)


def said(looks: Sequence[Look], *, label: str = MASK, policy: GatePolicy | None = None) -> list[str]:
    watch = GateWatch("front", policy)
    events: list[Event] = []
    for number, (change, noise, x) in enumerate(looks):
        first = (None, None) if number == 0 else (change, noise)
        seen = sight([track(label, x=x)], number * 0.2)
        events += watch.observe(replace(seen, evidence={1: Evidence(0.4, 0.3, 1.0, *first)}))
    return verdicts(events + watch.finish(at(len(looks) * 0.2)))


def moved(*steps: float) -> list[Look]:
    return [(0.5, 0.5, 200.0 + step) for step in steps]


@pytest.mark.parametrize(
    ("what", "looks", "expected"),
    [
        ("a frozen camera", [FROZEN] * 20, ["no_pass still"]),
        ("a poster in a camera's noise", [POSTER] * 20, ["no_pass still"]),
        ("somebody who stands very still, and breathes", [BREATHES] * 20, ["pass"]),
        ("breathes once within the window", [POSTER] * 7 + [BREATHES] + [POSTER] * 20, ["pass"]),
        ("moves after a while", [POSTER] * 15 + [BREATHES] * 15, ["no_pass still", "pass"]),
        ("passes, then stands still", [BREATHES] * 10 + [POSTER] * 30, ["pass"]),
        ("a box that trembles is a poster all the same", moved(*([0.0, 2.0, -2.0, 1.0] * 5)), ["no_pass still"]),
        ("a box that moves", moved(*([0.0, 0.0, 0.0, 8.0] * 5)), ["pass"]),
        ("a box that drifts slowly", moved(*(number * 1.0 for number in range(20))), ["pass"]),
        ("everything trembles alike, and the box stays", [SHAKEN] * 20, ["no_pass still"]),
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


def test_the_window_is_that_of_the_votes() -> None:
    assert said([POSTER] * 7 + [BREATHES] * 30, policy=GatePolicy(window=Seconds(1.0))) == ["no_pass still", "pass"]
