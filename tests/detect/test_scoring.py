"""Thresholds per label, calibration, and values that cannot be scores."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_mask.detect.scoring import LabelRule, Scoring, softmax
from edge_mask.errors import Broken


def test_each_label_has_its_own_threshold() -> None:
    scoring = Scoring([LabelRule(0.8), LabelRule(0.2)])
    rows, labels, scores = scoring.from_scores(np.array([[0.88, 0.27], [0.55, 0.1]], np.float32))
    assert list(zip(rows.tolist(), labels.tolist(), strict=True)) == [(0, 0), (0, 1)]
    assert scores.tolist() == pytest.approx([0.88, 0.27])
    logits, of = np.array([2.0, -1.0, 0.2, 1.0], np.float32), np.array([0, 1, 0, 1])
    keep = scoring.passing_logits(logits, of)
    assert keep is not None
    assert keep.tolist() == [0, 1, 3]
    assert scoring.scores_of(logits, of).tolist() == pytest.approx([0.8808, 0.2689, 0.5498, 0.7311], abs=1e-4)


def test_an_ignored_label_never_passes() -> None:
    scoring = Scoring([LabelRule(None), LabelRule(0.0)])
    assert scoring.from_scores(np.ones((3, 2), np.float32))[1].tolist() == [1, 1, 1]
    keep = scoring.passing_logits(np.array([9.0, -9.0], np.float32), np.array([0, 1]))
    assert keep is not None
    assert keep.tolist() == [1]


def test_a_threshold_of_one_lets_nothing_pass() -> None:
    scoring = Scoring([LabelRule(1.0)] * 2)
    assert scoring.lowest == math.inf
    assert not len(scoring.from_scores(np.ones((3, 2), np.float32))[0])


@given(st.floats(-8, 8), st.floats(0.1, 4), st.floats(-3, 3), st.floats(0.05, 0.95))
def test_calibration_moves_score_and_threshold_together(
    logit: float, slope: float, offset: float, threshold: float
) -> None:
    expected = 1 / (1 + math.exp(-(slope * logit + offset)))
    if abs(expected - threshold) < 1e-3:
        return  # single precision may decide either way on the edge
    scoring = Scoring([LabelRule(threshold, slope, offset)])
    raw = 1 / (1 + math.exp(-logit))
    rows, _, scores = scoring.from_scores(np.array([[raw]], np.float32))
    assert (logit >= scoring.lowest) == (expected >= threshold)
    assert scoring.scores_of(np.array([logit], np.float32), np.array([0])).tolist() == pytest.approx(
        [expected], abs=1e-4
    )
    assert scores.tolist() == (pytest.approx([expected], abs=1e-3) if expected >= threshold else [])
    assert len(rows) == len(scores)


@pytest.mark.parametrize("rubbish", [math.nan, math.inf, -0.5, 1.5, 255.0])
def test_a_score_that_cannot_be_one_is_a_fault(rubbish: float) -> None:
    with pytest.raises(Broken, match="scores run from"):
        Scoring([LabelRule(0.5)]).from_scores(np.array([[0.1], [rubbish]], np.float32))


def test_softmax_of_large_logits_is_finite_and_sums_to_one() -> None:
    scores = softmax(np.array([[900.0, 900.0, -900.0]], np.float32))
    assert scores.tolist() == [[0.5, 0.5, 0.0]]


def test_a_label_that_the_card_does_not_have_is_a_fault_only_where_it_counts() -> None:
    scoring = Scoring([LabelRule(0.5), LabelRule(0.9)])
    scores, labels = np.array([0.6, 0.6, 0.1, 0.95], np.float32), np.array([0, 1, 7, 1])
    assert scoring.passing_scores(scores, labels).tolist() == [0, 3]
    with pytest.raises(Broken, match="names a label that is none of the 2"):
        scoring.passing_scores(scores, labels - 1)
