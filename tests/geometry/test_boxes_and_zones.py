"""Overlap, distance and zones of boxes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_mask.geometry import apartness, corners, distance, iou, iou_of_boxes, is_inside
from edge_mask.messages import Box

SIDES = st.floats(1.0, 100.0)
BOXES = st.lists(st.builds(Box, st.floats(-50, 500), st.floats(-50, 500), SIDES, SIDES), min_size=1, max_size=6)


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        (Box(0, 0, 10, 10), Box(0, 0, 10, 10), 1.0),
        (Box(0, 0, 10, 10), Box(5, 0, 10, 10), 1 / 3),
        (Box(0, 0, 10, 10), Box(10, 0, 10, 10), 0.0),
        (Box(0, 0, 10, 10), Box(20, 20, 5, 5), 0.0),
        (Box(0, 0, 10, 10), Box(2, 2, 5, 5), 0.25),
        (Box(3, 3, 0, 0), Box(3, 3, 0, 0), 0.0),
    ],
)
def test_overlap_of_two_boxes(first: Box, second: Box, expected: float) -> None:
    assert iou(corners([first]), corners([second]))[0, 0] == pytest.approx(expected)


@given(BOXES, BOXES)
def test_one_pair_measures_as_it_does_among_many(first: list[Box], second: list[Box]) -> None:
    a, b = corners(first), corners(second)
    assert np.allclose(iou(a, b), [[iou_of_boxes(x, y) for y in second] for x in first])
    assert np.allclose(apartness(a, b), [[distance(x, y) for y in second] for x in first])


@given(BOXES, BOXES)
def test_overlap_is_symmetric_bounded_and_1_with_oneself(first: list[Box], second: list[Box]) -> None:
    a, b = corners(first), corners(second)
    assert iou(a, b).shape == (len(first), len(second))
    assert np.allclose(iou(a, b), iou(b, a).T)
    assert np.all((iou(a, b) >= 0.0) & (iou(a, b) <= 1.0 + 1e-9))
    assert np.allclose(np.diag(iou(a, a)), 1.0)


@pytest.mark.parametrize(
    ("first", "second", "apart"),
    [
        (Box(0, 0, 10, 10), Box(0, 0, 10, 10), 0.0),
        (Box(0, 0, 10, 10), Box(10, 0, 10, 10), 1.0),
        (Box(0, 0, 10, 20), Box(30, 40, 10, 20), 2.5),
        (Box(0, 0, 10, 10), Box(0, 0, 21, 21), np.inf),
        (Box(0, 0, 10, 10), Box(-5, -5, 20, 20), 0.0),
    ],
)
def test_distance_is_counted_in_face_sizes_and_infinite_between_near_and_far_faces(
    first: Box, second: Box, apart: float
) -> None:
    assert apartness(corners([first]), corners([second]))[0, 0] == pytest.approx(apart)


def test_no_boxes_make_empty_matrices() -> None:
    assert iou(corners([]), corners([Box(0, 0, 1, 1)])).shape == (0, 1)
    assert apartness(corners([Box(0, 0, 1, 1)]), corners([])).shape == (1, 0)


DOOR = ((0.5, 0.0), (1.0, 0.0), (1.0, 1.0), (0.5, 1.0))
HORSESHOE = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.7, 1.0), (0.7, 0.3), (0.3, 0.3), (0.3, 1.0), (0.0, 1.0))


@pytest.mark.parametrize(
    ("zone", "centre", "inside"),
    [
        (DOOR, (0.75, 0.5), True),
        (DOOR, (0.25, 0.5), False),
        (DOOR, (0.49, 0.99), False),
        (HORSESHOE, (0.5, 0.1), True),
        (HORSESHOE, (0.5, 0.6), False),
        (HORSESHOE, (0.1, 0.9), True),
        (HORSESHOE, (0.9, 0.9), True),
        (((0.0, 0.0), (1.0, 0.0), (0.0, 1.0)), (0.2, 0.2), True),
        (((0.0, 0.0), (1.0, 0.0), (0.0, 1.0)), (0.8, 0.8), False),
    ],
)
def test_a_face_is_in_the_zone_when_its_centre_is(
    zone: tuple[tuple[float, float], ...], centre: tuple[float, float], inside: bool
) -> None:
    width, height = 640.0, 480.0
    box = Box(centre[0] * width - 30, centre[1] * height - 40, 60, 80)
    assert is_inside(box, zone, width, height) is inside
    assert is_inside(box, tuple(reversed(zone)), width, height) is inside
