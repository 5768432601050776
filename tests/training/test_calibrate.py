"""Calibrated scores: of the faces scored p, about p are right."""

import numpy as np
from training.calibrate import calibration_error, fair_logit, fit, fit_all
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


def answers(scores: list[float], labels: list[int]) -> Found:
    boxes = [[20 * place, 0, 20 * place + 9, 9] for place in range(len(scores))]
    return Found(np.array(boxes, np.float32), np.array(scores, np.float32), np.array(labels))


def faces(labels: list[int]) -> np.ndarray:
    rows = [[label, 20 * place, 0, 20 * place + 9, 9] for place, label in enumerate(labels)]
    return np.array(rows, np.float32)


def test_too_few_examples_give_no_line() -> None:
    assert fit_all([answers([0.9], [0])], [faces([0])]) is None
    assert fit_all([answers([0.9] * 40, [0] * 40)], [faces([0] * 40)]) is None, "none of them wrong"


def test_all_labels_have_one_line_and_an_answer_with_the_wrong_one_is_wrong() -> None:
    truth = [faces([0] * 40 + [1] * 40)]
    right = fit_all([answers([0.8] * 40 + [0.3] * 40, [0] * 80)], truth)
    assert right is not None
    assert right.slope > 1
    upside_down = fit_all([answers([0.8] * 40 + [0.3] * 40, [1] * 80)], truth)
    assert upside_down is not None
    assert upside_down.slope < -1


def test_a_fair_threshold_leaves_as_many_answers_as_there_are_faces() -> None:
    found = [answers([0.9, 0.8, 0.3], [0, 1, 0]), answers([0.6, 0.2], [1, 2])]
    for count, at in ((2, 0.8), (3, 0.6), (5, 0.2)):
        logit = fair_logit(found, count)
        assert logit is not None
        assert abs(1 / (1 + np.exp(-logit)) - at) < 1e-6
    assert fair_logit(found, 0) is None, "no face"
    assert fair_logit(found, 6) is None, "fewer answers than faces"
