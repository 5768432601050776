"""What the pixels say of a face: sharp or blurred, alive or still."""

from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.decide.scenes import at

from edge_mask.messages import MASK, Box, Face, Image, Track
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


def test_size_and_form_are_those_of_the_box() -> None:
    evidence = Examiner().examine(pattern(), [track()])[1]
    assert (evidence.size, evidence.aspect) == (round(130 / 480, 3), round(100 / 130, 3))
    assert (evidence.change, evidence.noise) == (None, None), "there was no look before"


def test_a_blurred_face_is_less_sharp() -> None:
    sharp = Examiner().examine(pattern(), [track()])[1].sharpness
    blurred = Examiner().examine(cv2.GaussianBlur(pattern(), (0, 0), 8), [track()])[1].sharpness
    assert blurred < 0.7 * sharp


def test_the_same_picture_again_has_not_changed() -> None:
    examiner = Examiner()
    examiner.examine(pattern(), [track()])
    evidence = examiner.examine(pattern(), [track()])[1]
    assert (evidence.change, evidence.noise) == (0.0, 0.0)


def test_noise_alone_changes_a_face_no_more_than_the_rest() -> None:
    examiner = Examiner()
    examiner.examine(noisy(pattern(), 1), [track()])
    evidence = examiner.examine(noisy(pattern(), 2), [track()])[1]
    assert evidence.change == pytest.approx(evidence.noise, abs=0.3)


def test_a_face_that_moves_by_a_pixel_changes_more_than_noise_does() -> None:
    examiner, moved = Examiner(), pattern()
    moved[150:280, 250:350] = np.roll(pattern(), 1, axis=1)[150:280, 250:350]
    examiner.examine(noisy(pattern(), 1), [track()])
    evidence = examiner.examine(noisy(moved, 2), [track()])[1]
    assert evidence.change is not None
    assert evidence.noise is not None
    assert evidence.change > 3 * evidence.noise


def test_light_that_goes_up_everywhere_is_no_change() -> None:
    examiner = Examiner()
    examiner.examine(pattern(), [track()])
    evidence = examiner.examine(pattern() + np.uint8(20), [track()])[1]
    assert evidence.change == pytest.approx(0.0, abs=0.01)


numbers = st.floats(-100, 900)


@given(st.builds(Box, numbers, numbers, st.floats(0, 700), st.floats(0, 700)))
def test_no_box_is_too_strange_to_be_examined(box: Box) -> None:
    examiner: Any = Examiner()
    examiner.examine(pattern(), [track(box)])
    evidence = examiner.examine(pattern(), [track(box)])[1]
    assert evidence.change == 0.0
