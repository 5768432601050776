"""The figures mean what they say: small cases worked out by hand."""

import numpy as np
import pytest
from training.metrics import Found, average_precision, evaluate, false_alarms, gate, recall_by_size

FACE = (10.0, 10.0, 50.0, 50.0)
OTHER = (100.0, 100.0, 140.0, 140.0)
NOWHERE = (200.0, 10.0, 240.0, 50.0)


def found(*faces: tuple[tuple[float, float, float, float], float, int]) -> Found:
    return Found(
        np.array([box for box, _, _ in faces], np.float32).reshape(-1, 4),
        np.array([score for _, score, _ in faces], np.float32),
        np.array([label for _, _, label in faces], np.int64),
    )


def truth(*faces: tuple[int, tuple[float, float, float, float]]) -> np.ndarray:
    return np.array([(label, *box) for label, box in faces], np.float32).reshape(-1, 5)


def test_every_face_found_and_nothing_else_is_one() -> None:
    assert average_precision([found((FACE, 0.9, 0), (OTHER, 0.8, 0))], [truth((0, FACE), (0, OTHER))], 0) == 1.0


def test_half_of_the_faces_found_is_a_half() -> None:
    assert average_precision([found((FACE, 0.9, 0))], [truth((0, FACE), (0, OTHER))], 0) == 0.5


def test_a_false_alarm_above_the_face_halves_the_precision() -> None:
    assert average_precision([found((NOWHERE, 0.9, 0), (FACE, 0.8, 0))], [truth((0, FACE))], 0) == 0.5


def test_a_false_alarm_below_every_face_costs_nothing() -> None:
    assert average_precision([found((FACE, 0.8, 0), (NOWHERE, 0.3, 0))], [truth((0, FACE))], 0) == 1.0


def test_a_second_box_on_the_same_face_is_a_false_alarm() -> None:
    twice = found((FACE, 0.9, 0), (FACE, 0.8, 0), (OTHER, 0.7, 0))
    assert average_precision([twice], [truth((0, FACE), (0, OTHER))], 0) == pytest.approx((1 + 2 / 3) / 2)


def test_a_label_that_never_occurs_has_no_precision() -> None:
    assert np.isnan(average_precision([found()], [truth()], 2))


def test_pictures_are_ranked_together_by_score() -> None:
    pictures = [found((NOWHERE, 0.9, 0)), found((FACE, 0.8, 0))]
    assert average_precision(pictures, [truth(), truth((0, FACE))], 0) == 0.5


def test_two_labels_count_incorrect_as_no_mask() -> None:
    figures = evaluate([found((FACE, 0.9, 1), (OTHER, 0.9, 0))], [truth((2, FACE), (0, OTHER))])
    assert figures["mAP2"] == 1.0
    assert figures["incorrect"] == 0.0
    assert figures["face"] == 1.0


def test_recall_is_counted_by_the_size_at_320_pixels() -> None:
    shown = [found((FACE, 0.9, 1))]
    sizes = recall_by_size(shown, [truth((0, FACE), (0, OTHER))], [(640, 640)], 0.5)
    assert sizes["16-32"] == (0.5, 2)
    assert sizes["64+"][1] == 0


def test_the_gate_looks_at_the_largest_face_and_a_face_it_does_not_see_is_an_error() -> None:
    large = (0.0, 0.0, 100.0, 100.0)
    pictures = [
        found((FACE, 0.9, 1), (large, 0.6, 0)),  # a mask, seen
        found((large, 0.9, 0)),  # bare, let through
        found((large, 0.9, 2)),  # bare, called incorrect: stopped, right
        found((large, 0.3, 1)),  # bare, not seen
    ]
    answer = gate(pictures, [0, 1, 1, 1], threshold=0.5)
    assert answer["accuracy"] == 0.5
    assert answer["false_pass"] == pytest.approx(1 / 3)
    assert answer["confusion"] == [[1, 0, 0, 0], [1, 0, 1, 1]]


def test_faces_in_empty_pictures_are_counted_by_picture_and_from_the_threshold_on() -> None:
    pictures = [found(), found((FACE, 0.49, 0)), found((FACE, 0.5, 0), (OTHER, 0.7, 1))]
    assert false_alarms(pictures, 0.5) == {"seen": 1, "of": 3, "highest": 0.7}
    assert false_alarms([], 0.5) == {"seen": 0, "of": 0, "highest": 0.0}
