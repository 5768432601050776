"""Drawn faces: readable, inside the picture, the original untouched."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_mask.detect.draw import draw_faces
from edge_mask.messages import INCORRECT, MASK, Box, Face, Image


def grey(width: int, height: int) -> Image:
    return np.full((height, width, 3), 128, np.uint8)


@pytest.mark.parametrize("size", [(1, 1), (30, 20), (640, 480), (4000, 3000)])
def test_a_face_that_fills_the_picture_is_drawn_into_it(size: tuple[int, int]) -> None:
    image = grey(*size)
    painted = draw_faces(image, [Face("no_mask", 0.9, Box(0, 0, *size))])
    assert painted.shape == image.shape
    assert (image == 128).all()
    assert (painted != 128).any()


def test_letters_grow_with_the_picture() -> None:
    def tag_height(scale: int) -> int:
        painted = draw_faces(grey(400 * scale, 300 * scale), [Face("mask", 0.5, Box(*(100 * scale,) * 4))])
        column = painted[: 98 * scale, 102 * scale]
        return int((column != 128).any(axis=-1).sum())

    assert tag_height(4) > 2 * tag_height(1)


def test_labels_of_neighbours_do_not_cover_each_other() -> None:
    faces = [Face("incorrect", 0.9, Box(100 + 25 * i, 100, 20, 20)) for i in range(2)]
    alone = [int((draw_faces(grey(400, 300), [face]) != 128).any(axis=-1).sum()) for face in faces]
    together = int((draw_faces(grey(400, 300), faces) != 128).any(axis=-1).sum())
    assert together > 0.9 * sum(alone)


FACE = st.builds(
    Face,
    st.sampled_from(["mask", "no_mask", "incorrect", "something else"]),
    st.floats(0, 1),
    st.builds(Box, *[st.floats(0, 300)] * 4),
)


@settings(max_examples=30)
@given(st.lists(FACE, max_size=12))
def test_any_faces_can_be_drawn(faces: list[Face]) -> None:
    assert draw_faces(grey(320, 240), faces).shape == (240, 320, 3)


def test_a_face_with_two_labels_has_the_colour_of_the_better_one_and_both_texts() -> None:
    box = Box(120, 100, 90, 110)
    both = draw_faces(np.zeros((320, 320, 3), np.uint8), [Face(MASK, 0.9, box), Face(INCORRECT, 0.6, box)])
    one = draw_faces(np.zeros((320, 320, 3), np.uint8), [Face(MASK, 0.9, box)])
    assert both[150, 120].tolist() == one[150, 120].tolist()
    assert (both != one).any(), "the other label is written, too"
