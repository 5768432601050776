"""Calibrated scores: of the faces scored p, about p are right."""

import numpy as np
from training.calibrate import calibration_error, fair_logit, fit, fit_labels
from training.metrics import Found


def test_a_known_distortion_is_found_again() -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 1, 20_000)
    right = rng.random(20_000) < 1 / (1 + np.exp(-(2.5 * logits - 0.7)))
    line = fit((1 / (1 + np.exp(-logits))).astype(np.float32), right)
    assert abs(line.slope - 2.5) < 0.1
    assert abs(line.offset + 0.7) < 0.1


def test_calibration_makes_the_error_smaller() -> None:
    rng = np.random.default_rng(1)
    logits = rng.normal(0, 1, 5_000)
    right = rng.random(5_000) < 1 / (1 + np.exp(-(3 * logits + 1)))
    scores = (1 / (1 + np.exp(-logits))).astype(np.float32)
    line = fit(scores, right)
    better = (1 / (1 + np.exp(-(line.slope * logits + line.offset)))).astype(np.float32)
    assert calibration_error(better, right) < 0.25 * calibration_error(scores, right)


def test_one_right_and_one_wrong_answer_do_not_make_scores_certain() -> None:
    line = fit(np.array([0.9, 0.1], np.float32), np.array([True, False]))
    assert np.isfinite([line.slope, line.offset]).all()
    assert 1 / (1 + np.exp(-(line.slope * 2.2 + line.offset))) < 0.9


def test_too_few_examples_give_no_line() -> None:
    one = Found(np.array([[0, 0, 9, 9]], np.float32), np.array([0.9], np.float32), np.array([0]))
    assert fit_labels([one], [np.array([[0, 0, 0, 9, 9]], np.float32)]) == {}


def test_a_fair_threshold_leaves_as_many_answers_as_there_are_faces() -> None:
    scores = np.array([0.9, 0.8, 0.3, 0.6, 0.2], np.float32)
    labels = np.array([0, 0, 0, 1, 1])
    found = [Found(np.zeros((5, 4), np.float32), scores, labels)]
    truth = [np.array([[0, 0, 0, 9, 9], [0, 20, 0, 29, 9], [1, 0, 0, 9, 9]], np.float32)]
    for label, at in ((0, 0.8), (1, 0.6)):
        logit = fair_logit(found, truth, label)
        assert logit is not None
        assert abs(1 / (1 + np.exp(-logit)) - at) < 1e-6
    assert fair_logit(found, truth, 2) is None, "no such face"
    assert fair_logit(found, [np.repeat(truth[0], 3, 0)], 1) is None, "fewer answers than faces"
