"""What the pixels say of a face: sharp or blurred, alive or still."""

import math
from collections.abc import Sequence

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.decide.scenes import at

from edge_mask.decide.look import Evidence, VisitorLook
from edge_mask.decide.stillness import Stillness
from edge_mask.messages import MASK, Box, Face, Image, Track
from edge_mask.units import Seconds
from edge_mask.vision.evidence import Examiner

WIDTH, HEIGHT = 640, 480
PLACE = Box(250.0, 150.0, 100.0, 130.0)


def pattern(seed: int = 0) -> Image:
    """Something with the detail of a face, all over the picture."""
    coarse = np.random.default_rng(seed).integers(40, 215, (30, 40, 3), np.uint8)
    return np.asarray(cv2.resize(coarse, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC), np.uint8)


def noisy(picture: Image, seed: int, sigma: float = 3.0) -> Image:
    noise = np.random.default_rng(seed).normal(0.0, sigma, picture.shape)
    return np.clip(picture + noise, 0, 255).astype(np.uint8)


def track(box: Box = PLACE, number: int = 1) -> Track:
    return Track(number, Face(MASK, 0.9, box), {}, at(0), at(0))


def looks(pictures: Sequence[Image], boxes: Sequence[Box] | None = None, every: float = 0.2) -> list[Evidence]:
    """The evidence of one track, picture by picture."""
    examiner = Examiner()
    places = boxes or [PLACE] * len(pictures)
    return [
        examiner.examine(picture, [track(box)], at(number * every))[1]
        for number, (picture, box) in enumerate(zip(pictures, places, strict=True))
    ]


def swaying(number: int, reach: float) -> Image:
    """The face alone goes to and fro by `reach` pixels, in three seconds."""
    picture = pattern()
    shift = np.array([[1.0, 0.0, reach * math.sin(number * 0.2 * 2 * math.pi / 3)], [0.0, 1.0, 0.0]])
    moved = cv2.warpAffine(picture, shift, (WIDTH, HEIGHT), borderMode=cv2.BORDER_REFLECT)
    picture[150:280, 250:350] = moved[150:280, 250:350]
    return picture


def is_still(evidence: Sequence[Evidence]) -> bool:
    """At the end of the window."""
    stillness = Stillness()
    for number, each in enumerate(evidence):
        stillness.see(VisitorLook(Seconds(number * 0.2), MASK, 0.9, PLACE, each))
    return stillness.is_still(Seconds((len(evidence) - 1) * 0.2), Seconds(2.0), is_over=True)


def test_size_and_form_are_those_of_the_box() -> None:
    (evidence,) = looks([pattern()])
    assert (evidence.size, evidence.aspect) == (round(130 / 480, 3), round(100 / 130, 3))
    assert (evidence.step, evidence.drift) == (None, None), "there was no look before"


def test_a_blurred_face_is_less_sharp() -> None:
    (sharp,), (blurred,) = looks([pattern()]), looks([cv2.GaussianBlur(pattern(), (0, 0), 8)])
    assert blurred.sharpness < 0.7 * sharp.sharpness


def test_the_same_picture_again_has_not_changed() -> None:
    evidence = looks([pattern()] * 11)
    assert [(each.step, each.drift) for each in evidence[1:]] == [(0.0, 0.0)] * 10
    assert is_still(evidence), "a frozen camera"


@pytest.mark.parametrize("sigma", [1.0, 3.0, 8.0])
def test_noise_alone_is_no_life(sigma: float) -> None:
    assert is_still(looks([noisy(pattern(), number, sigma) for number in range(11)]))


@pytest.mark.parametrize("sigma", [0.0, 1.0, 3.0])
def test_who_sways_by_a_pixel_lives(sigma: float) -> None:
    assert not is_still(looks([noisy(swaying(number, 1.5), number, sigma) for number in range(11)]))


def test_light_that_goes_up_everywhere_is_no_life() -> None:
    assert is_still(looks([pattern() + np.uint8(3 * number) for number in range(11)]))


def test_a_place_is_looked_at_anew_after_a_window_and_when_the_face_has_moved() -> None:
    """Daylight drifts: what a poster was an hour ago tells nothing."""
    firsts = [number for number, each in enumerate(looks([pattern()] * 30)) if each.drift is None]
    assert firsts == [0, 11, 22]
    moved = [PLACE, PLACE, Box(260.0, 150.0, 100.0, 130.0), Box(260.0, 150.0, 100.0, 130.0)]
    assert [each.drift for each in looks([pattern()] * 4, moved)] == [None, 0.0, None, 0.0]
    slow = [number for number, each in enumerate(looks([pattern()] * 25, every=1.0)) if each.drift is None]
    assert slow == [0, 10, 20], "a slow camera has few looks in a window"


numbers = st.floats(-100, 900)


@given(st.builds(Box, numbers, numbers, st.floats(0, 700), st.floats(0, 700)))
def test_no_box_is_too_strange_to_be_examined(box: Box) -> None:
    assert looks([pattern()] * 2, [box, box])[1].drift == 0.0
