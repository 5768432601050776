"""Frames that others look at: each is judged once, and in the order of its camera."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from edge_mask.detect.detector import Answer
from edge_mask.messages import Frame
from edge_mask.units import Moment, Seconds, Unix
from edge_mask.vision.given import HOLD, Given, Looked

PICTURE = np.zeros((1, 1, 3), np.uint8)


def frame(number: int, camera: str = "hall") -> Frame:
    return Frame(camera, number, PICTURE, Moment(Seconds(float(number)), Unix(0.0)))


def looked(number: int, camera: str = "hall") -> Looked:
    return Looked(frame(number, camera), Answer([], 1.0), "m")


def numbers(judged: object) -> list[int]:
    return [each.frame.number for each in judged]  # type: ignore[attr-defined]


def test_an_answer_waits_for_that_of_an_earlier_frame() -> None:
    line = Given()
    line.give(frame(1))
    line.give(frame(2))
    assert numbers(line.looked(looked(2), Seconds(0))) == []
    assert numbers(line.looked(looked(1), Seconds(0))) == [1, 2]
    assert len(line) == 0


def test_it_does_not_wait_for_a_frame_that_is_lost() -> None:
    line = Given()
    line.give(frame(1))
    line.give(frame(2))
    assert numbers(line.looked(looked(2), Seconds(0))) == []
    assert numbers(line.lost(frame(1))) == [2]


def test_it_waits_for_a_moment_only_and_the_late_answer_counts_no_more() -> None:
    line = Given()
    line.give(frame(1))
    assert numbers(line.looked(looked(2), Seconds(0))) == []
    assert line.next_overdue() == HOLD
    assert numbers(line.overdue(Seconds(HOLD / 2))) == []
    assert numbers(line.overdue(HOLD)) == [2]
    assert not line.is_out(frame(1))
    assert numbers(line.looked(looked(1), Seconds(1))) == []


def test_cameras_do_not_wait_for_each_other() -> None:
    line = Given()
    line.give(frame(1, "hall"))
    assert numbers(line.looked(looked(2, "yard"), Seconds(0))) == [2]


def test_frames_in_memory_have_a_bound() -> None:
    line = Given()
    line.give(frame(0))
    judged = [number for each in range(1, 40) for number in numbers(line.looked(looked(each), Seconds(0)))]
    assert judged == list(range(1, 40))
    assert len(line) == 0


@given(st.lists(st.tuples(st.integers(0, 12), st.sampled_from(["give", "look", "lose", "wait"])), max_size=60))
def test_none_is_judged_twice_or_before_an_earlier_one(steps: list[tuple[int, str]]) -> None:
    line, judged, now = Given(), list[int](), 0.0
    for number, what in steps:
        now += 0.05
        match what:
            case "give":
                line.give(frame(number))
            case "look":
                judged += numbers(line.looked(looked(number), Seconds(now)))
            case "lose":
                judged += numbers(line.lost(frame(number)))
            case _:
                judged += numbers(line.overdue(Seconds(now)))
    assert judged == sorted(set(judged))
