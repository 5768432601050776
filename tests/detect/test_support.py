"""Scores that grow with support, through the whole detector: the same face has one score, whatever is asked for."""

from pathlib import Path

import pytest
from tests.detect import tiny_tflite as tiny
from tests.detect.packages import ANCHOR_FREE, picture, write_package

from edge_mask.detect.model import ModelDetector
from edge_mask.packages.load import load_package

# Boxes of 36 pixels, cells of 8: neighbours overlap by 0.64, and three cells in a row see the same face.
GRAPH = tiny.anchor_free(strides=[8], boxes=(0.0, 0.0, 1.5, 1.5))
FACE = picture((64, 64), ((24, 24, 8, 8), (0, 0, 102)), ((32, 24, 8, 8), (0, 0, 115)), ((40, 24, 8, 8), (0, 0, 92)))


def detector(folder: Path, **nms: float) -> ModelDetector:
    decoding = ANCHOR_FREE | {"strides": [8], "nms": {"iou": 0.5, "class_agnostic": False, **nms}}
    return load_package(write_package(folder, GRAPH, decoding=decoding), threads=1)


def test_the_score_of_a_face_does_not_depend_on_the_threshold(tmp_path: Path) -> None:
    model = detector(tmp_path, support=0.5, vote=0.6)
    (face,) = model.detect(FACE)
    for threshold in (0.05, 0.3, 0.5, 0.8, face.score - 0.001):
        model.use_threshold(threshold)
        best = model.detect(FACE)[0]
        assert best.score == pytest.approx(face.score, abs=1e-6)
        assert best.box.x == pytest.approx(face.box.x, abs=0.02)
    model.use_threshold(face.score + 0.001)
    assert model.detect(FACE) == []


def test_a_face_that_several_cells_see_is_surer_than_its_best_cell(tmp_path: Path) -> None:
    (alone,) = detector(tmp_path / "plain").detect(FACE)
    (backed,) = detector(tmp_path / "support", support=0.5).detect(FACE)
    assert backed.score > alone.score + 0.01
    assert backed.box == alone.box


def test_a_box_beside_a_better_one_loses_some_of_its_score(tmp_path: Path) -> None:
    far = picture((64, 64), ((24, 24, 8, 8), (0, 0, 115)), ((40, 24, 8, 8), (0, 0, 110)))
    plain = detector(tmp_path / "plain").detect(far)
    (first, second) = detector(tmp_path / "decay", decay=0.3).detect(far)
    assert first == plain[0]
    assert 0.3 < second.score / plain[1].score < 0.9


def test_a_face_with_two_labels_has_one_box_and_the_better_label_first(tmp_path: Path) -> None:
    two = picture((64, 64), ((24, 24, 8, 8), (0, 0, 115)), ((32, 24, 8, 8), (0, 110, 0)))
    apart = detector(tmp_path / "apart").detect(two)
    assert [face.label for face in apart] == ["mask", "no_mask"]
    assert apart[0].box != apart[1].box
    shared = detector(tmp_path / "shared", share=0.5).detect(two)
    assert [(face.label, face.score) for face in shared] == [(face.label, face.score) for face in apart]
    assert shared[0].box == shared[1].box == apart[0].box
    assert detector(tmp_path / "far", share=0.7).detect(two) == apart
