"""Suppression against the definition, pair by pair."""

import math
from unittest import mock

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from edge_mask.detect import nms
from edge_mask.detect.arrays import NOTHING, Candidates
from edge_mask.detect.nms import MOST_CANDIDATES, Suppression
from edge_mask.geometry import iou_of_corners

Floats = NDArray[np.float32]
BOX = st.tuples(st.integers(0, 20), st.integers(0, 20), st.integers(0, 12), st.integers(0, 12))
FOUND = st.lists(st.tuples(BOX, st.integers(0, 10), st.integers(0, 2)), max_size=40)


def candidates(found: list[tuple[tuple[int, int, int, int], int, int]]) -> Candidates:
    boxes = [(x, y, x + w, y + h) for (x, y, w, h), _, _ in found]
    return Candidates(
        np.array(boxes, np.float32).reshape(-1, 4),
        np.array([score / 10 for _, score, _ in found], np.float32),
        np.array([label for _, _, label in found], np.intp),
    )


def suppress(found: Candidates, rules: Suppression) -> Candidates:
    """The answer, after both ways to it (one by one, and as arrays) gave the same."""
    ways = []
    for few in (0, len(found)):
        with mock.patch.object(nms, "FEW", few), mock.patch.object(nms, "FEW_PAIRS", few * few):
            ways.append(nms.suppress(found, rules).arrays())
    np.testing.assert_allclose(ways[0].boxes, ways[1].boxes, atol=1e-4)
    np.testing.assert_allclose(ways[0].scores, ways[1].scores, rtol=1e-4, atol=1e-6)
    assert len(ways[0]) == len(ways[1])
    return ways[1]


def overlap(a: Floats, b: Floats) -> float:
    return iou_of_corners(a.tolist(), b.tolist())


def pair_by_pair(found: Candidates, iou: float, *, class_agnostic: bool, most: int) -> list[int]:
    kept: list[int] = []
    for each in sorted(range(len(found)), key=lambda i: (-found.scores[i], i)):
        alike = (k for k in kept if class_agnostic or found.labels[k] == found.labels[each])
        if all(overlap(found.boxes[k], found.boxes[each]) <= iou for k in alike):
            kept.append(each)
    return kept[:most]


@settings(max_examples=200)
@given(FOUND, st.sampled_from([0.0, 0.31, 0.52, 1.0]), st.booleans(), st.integers(1, 12))
def test_what_is_left_is_what_the_definition_leaves(
    found: list[tuple[tuple[int, int, int, int], int, int]], iou: float, agnostic: bool, most: int
) -> None:
    given_ = candidates(found)
    expected = pair_by_pair(given_, iou, class_agnostic=agnostic, most=most)
    left = suppress(given_, Suppression(iou, agnostic, most))
    np.testing.assert_array_equal(left.boxes, given_.boxes[expected])
    np.testing.assert_array_equal(left.scores, given_.scores[expected])
    np.testing.assert_array_equal(left.labels, given_.labels[expected])


def test_no_candidates_are_no_faces() -> None:
    assert len(suppress(NOTHING, Suppression(0.5, True, 5))) == 0


def test_more_candidates_than_can_be_compared_keep_the_best() -> None:
    count = MOST_CANDIDATES + 50
    left = np.arange(count, dtype=np.float32) * 10
    boxes = np.column_stack((left, left * 0, left + 5, left * 0 + 5)).astype(np.float32)
    scores = np.linspace(0, 1, count, dtype=np.float32)
    kept = suppress(Candidates(boxes, scores, np.zeros(count, np.intp)), Suppression(0.5, True, 3))
    assert kept.scores.tolist() == pytest.approx(scores[:-4:-1].tolist())


@settings(max_examples=200)
@given(FOUND, st.sampled_from([0.31, 0.52, 1.0]), st.sampled_from([0.25, 0.6, 1.0]), st.booleans())
def test_a_voted_box_is_the_weighted_mean_that_the_definition_gives(
    found: list[tuple[tuple[int, int, int, int], int, int]], iou: float, limit: float, agnostic: bool
) -> None:
    given_ = candidates(found)
    kept = pair_by_pair(given_, iou, class_agnostic=agnostic, most=100)
    expected = []
    for one in kept:
        near = [
            i
            for i in range(len(given_))
            if given_.labels[i] == given_.labels[one]
            and (i == one or overlap(given_.boxes[i], given_.boxes[one]) > limit)
        ]
        weights = np.maximum(given_.scores[near].astype(float) ** 2, 1e-12)
        expected.append(np.average(given_.boxes[near], axis=0, weights=weights))
    left = suppress(given_, Suppression(iou, agnostic, 100, vote=limit))
    np.testing.assert_allclose(left.boxes, np.reshape(expected, (-1, 4)), atol=1e-4)
    np.testing.assert_array_equal(left.scores, given_.scores[kept])
    np.testing.assert_array_equal(left.labels, given_.labels[kept])


def test_a_box_of_another_label_has_no_say() -> None:
    boxes = np.array([[0, 0, 10, 10], [2, 0, 12, 10], [0, 1, 10, 11]], np.float32)
    found = Candidates(boxes, np.array([0.9, 0.8, 0.3], np.float32), np.array([0, 1, 0], np.intp))
    left = suppress(found, Suppression(0.5, True, 5, vote=0.6))
    assert left.boxes.tolist() == [pytest.approx([0, 0.1, 10, 10.1])]


@settings(max_examples=200)
@given(FOUND, st.sampled_from([0.31, 0.52]), st.sampled_from([0.0, 0.31, 0.62]), st.sampled_from([0.0, 0.45]))
def test_a_face_that_goes_by_two_labels_lies_where_the_better_one_lies(
    found: list[tuple[tuple[int, int, int, int], int, int]], iou: float, limit: float, floor: float
) -> None:
    given_ = candidates(found)
    kept = pair_by_pair(given_, iou, class_agnostic=False, most=100)
    expected: list[np.ndarray] = []
    for place, one in enumerate(kept):
        first = next(
            (
                expected[k]
                for k, better in enumerate(kept[:place])
                if given_.labels[better] != given_.labels[one]
                and given_.scores[one] >= floor
                and overlap(given_.boxes[better], given_.boxes[one]) > limit
            ),
            given_.boxes[one],
        )
        expected.append(first)
    left = suppress(given_, Suppression(iou, False, 100, share=limit, floor=floor))
    np.testing.assert_array_equal(left.boxes, np.reshape(expected, (-1, 4)))
    np.testing.assert_array_equal(left.scores, given_.scores[kept])
    np.testing.assert_array_equal(left.labels, given_.labels[kept])


@settings(max_examples=200)
@given(
    FOUND, st.sampled_from([0.31, 0.52]), st.sampled_from([0.0, 0.3]), st.sampled_from([0.0, 0.5, 2.0]),
    st.sampled_from([None, 0.1, 0.3]),
)  # fmt: skip
def test_scores_grow_with_support_and_fall_beside_a_better_one_as_the_formulas_say(
    found: list[tuple[tuple[int, int, int, int], int, int]],
    iou: float, floor: float, support: float, decay: float | None,
) -> None:  # fmt: skip
    given_ = candidates(found)
    kept = pair_by_pair(given_, iou, class_agnostic=False, most=100)
    free = set(range(len(given_)))
    expected = []
    for place, one in enumerate(kept):
        alike = [i for i in range(len(given_)) if given_.labels[i] == given_.labels[one] and i != one]
        shares = {i: overlap(given_.boxes[i], given_.boxes[one]) for i in alike}
        went = {i for i in shares if i in free and shares[i] > iou}
        free -= went
        own = min(max(float(given_.scores[one]), 1e-6), 1 - 1e-6)
        backing = sum(shares[i] * given_.scores[i] for i in went if given_.scores[i] >= floor)
        logit = math.log(own / (1 - own)) + support * math.log((own + backing) / own)
        score = 1 / (1 + math.exp(-logit)) if support else float(given_.scores[one])
        if decay:
            score *= math.exp(-sum(shares[k] ** 2 for k in kept[:place] if k in shares) / decay)
        expected.append((score, given_.labels[one]))
    left = suppress(given_, Suppression(iou, False, 100, support=support, floor=floor, decay=decay))
    assert (np.diff(left.scores) <= 1e-6).all()
    if len(given_) > 1:
        np.testing.assert_allclose(left.scores, sorted((s for s, _ in expected), reverse=True), rtol=1e-4, atol=1e-6)
        assert sorted(left.labels.tolist()) == sorted(label for _, label in expected)


def test_scores_next_to_one_have_one_order_whichever_way_they_are_computed() -> None:
    """To six digits 1 - 5.1e-7, which comes of support, was 1 in one way and less in the other."""
    speck = ((0, 0, 0, 0), 0, 0)
    found = candidates([*[speck] * 16, ((0, 0, 0, 0), 10, 0), ((0, 0, 1, 1), 4, 2), ((0, 0, 1, 1), 10, 2)])
    left = suppress(found, Suppression(0.31, False, 100, support=2.0))
    assert left.labels[:2].tolist() == [0, 2]


def test_what_went_for_another_face_is_no_support() -> None:
    left = np.array([0, 31, 32, 32, 33, 33, 66], np.float32)
    boxes = np.column_stack((left, left * 0, left + 100, left * 0 + 100)).astype(np.float32)
    found = Candidates(boxes, np.array([0.95, 0.9, 0.9, 0.9, 0.9, 0.9, 0.39], np.float32), np.zeros(7, np.intp))
    kept = suppress(found, Suppression(0.5, False, 9, support=0.5, floor=0.4))
    assert kept.scores[1] == pytest.approx(0.39, abs=1e-5)


def test_a_box_does_not_depend_on_how_many_faint_ones_were_let_in() -> None:
    boxes = np.array([[0, 0, 10, 10], [1, 0, 11, 10], [2, 0, 12, 10]], np.float32)
    found = Candidates(boxes, np.array([0.9, 0.6, 0.3], np.float32), np.zeros(3, np.intp))
    rules = Suppression(0.5, False, 9, vote=0.5, floor=0.4)
    fewer = Candidates(found.boxes[:2], found.scores[:2], found.labels[:2])
    np.testing.assert_array_equal(suppress(found, rules).boxes, suppress(fewer, rules).boxes)


def test_a_lone_face_keeps_its_score() -> None:
    found = Candidates(np.array([[0, 0, 9, 9], [50, 50, 60, 60]], np.float32), np.array([0.9, 0.6], np.float32),
                       np.zeros(2, np.intp))  # fmt: skip
    left = suppress(found, Suppression(0.5, False, 5, support=0.5, decay=0.3))
    assert left.scores.tolist() == pytest.approx([0.9, 0.6])


def test_a_few_too_many_looks_are_left_to_the_arrays() -> None:
    left = np.arange(40, dtype=np.float32) * 20
    boxes = np.column_stack((left, left * 0, left + 5, left * 0 + 5)).astype(np.float32)
    found = Candidates(boxes, np.linspace(0.1, 0.9, 40, dtype=np.float32), np.zeros(40, np.intp))
    rules = Suppression(0.5, False, 100, vote=0.6, support=0.5, decay=0.3)
    assert nms._suppress_few(found.plain(), rules) is None
    np.testing.assert_allclose(nms.suppress(found, rules).arrays().scores, found.scores[::-1], rtol=1e-5)
