"""Thresholds per label, calibration, and values that cannot be scores."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_mask.detect.scoring import LabelRule, Scoring, softmax
from edge_mask.errors import Broken

LOGITS = np.array([[2.0, -1.0], [0.2, 1.0]], np.float32)


def test_each_label_has_its_own_threshold() -> None:
    found = Scoring([LabelRule(0.8), LabelRule(0.2)]).from_logits(LOGITS)
    assert found is not None
    rows, labels, scores = found
    assert list(zip(rows.tolist(), labels.tolist(), strict=True)) == [(0, 0), (0, 1), (1, 1)]
    assert scores.tolist() == pytest.approx([0.8808, 0.2689, 0.7311], abs=1e-4)


def test_an_ignored_label_never_passes() -> None:
    scoring = Scoring([LabelRule(None), LabelRule(0.0)])
    found = scoring.from_logits(LOGITS)
    assert found is not None
    assert found[1].tolist() == [1, 1]
    assert scoring.from_scores(np.ones((3, 2), np.float32))[1].tolist() == [1, 1, 1]


def test_a_threshold_of_one_lets_nothing_pass() -> None:
    assert Scoring([LabelRule(1.0)] * 2).from_logits(LOGITS) is None


@given(st.floats(-8, 8), st.floats(0.1, 4), st.floats(-3, 3), st.floats(0.05, 0.95))
def test_calibration_moves_score_and_threshold_together(
    logit: float, slope: float, offset: float, threshold: float
) -> None:
    expected = 1 / (1 + math.exp(-(slope * logit + offset)))
    if abs(expected - threshold) < 1e-3:
        return  # single precision may decide either way on the edge
    scoring = Scoring([LabelRule(threshold, slope, offset)])
    from_logits = scoring.from_logits(np.array([[logit]], np.float32))
    raw = 1 / (1 + math.exp(-logit))
    rows, _, scores = scoring.from_scores(np.array([[raw]], np.float32))
    if expected >= threshold:
        assert from_logits is not None
        assert from_logits[2].tolist() == pytest.approx([expected], abs=1e-4)
        assert scores.tolist() == pytest.approx([expected], abs=1e-3)
    else:
        assert from_logits is None or not len(from_logits[0])
        assert not len(rows)


@pytest.mark.parametrize("rubbish", [math.nan, math.inf, -0.5, 1.5, 255.0])
def test_a_score_that_cannot_be_one_is_a_fault(rubbish: float) -> None:
    with pytest.raises(Broken, match="scores run from"):
        Scoring([LabelRule(0.5)]).from_scores(np.array([[0.1], [rubbish]], np.float32))


def test_softmax_of_large_logits_is_finite_and_sums_to_one() -> None:
    scores = softmax(np.array([[900.0, 900.0, -900.0]], np.float32))
    assert scores.tolist() == [[0.5, 0.5, 0.0]]
