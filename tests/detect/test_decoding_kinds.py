"""Each decoding kind, from a picture file's pixels through a real graph to faces in the picture."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.detect import tiny_tflite as tiny
from tests.detect.packages import ANCHOR_FREE, BLUE, GREEN, PLAIN_INPUT, RED, picture, write_package

from edge_mask.errors import ModelError
from edge_mask.messages import Face
from edge_mask.packages.load import load_package

INT8_INPUT = PLAIN_INPUT | {"mean": 127, "scale": 128}
ONE_GRID: dict[str, Any] = {"kind": "ssd_raw", "grids": [[8, 8]], "sizes": [[0.125]], "ratios": [[1]]}

KINDS: dict[str, tuple[bytes, dict[str, Any]]] = {
    "anchor_free": (tiny.anchor_free(strides=[8]), {"decoding": ANCHOR_FREE | {"strides": [8]}}),
    "anchor_free, one map": (tiny.anchor_free(strides=[8], joint=True), {"decoding": ANCHOR_FREE | {"strides": [8]}}),
    "anchor_free int8": (
        tiny.anchor_free_int8(),
        {"decoding": ANCHOR_FREE | {"strides": [8]}, "input": INT8_INPUT},
    ),
    "yolov5": (tiny.yolo("yolov5", stride=8), {"decoding": {"kind": "yolov5"}}),
    "yolov8": (tiny.yolo("yolov8", stride=8), {"decoding": {"kind": "yolov8"}}),
    "ssd_raw": (tiny.ssd_raw(stride=8, labels=3), {"decoding": ONE_GRID}),
    "ssd_postprocess": (tiny.ssd_postprocess(stride=8), {"decoding": {"kind": "ssd_postprocess"}}),
}


def rounded(faces: list[Face]) -> set[tuple[str, int, int, int, int]]:
    return {(f.label, round(f.box.x), round(f.box.y), round(f.box.w), round(f.box.h)) for f in faces}


@pytest.mark.parametrize("kind", KINDS)
def test_painted_squares_come_out_as_faces_at_their_place_in_the_picture(kind: str, tmp_path: Path) -> None:
    graph, changes = KINDS[kind]
    detector = load_package(write_package(tmp_path, graph, **changes), threads=1)
    # Twice as wide and high as the input: a cell of 8 pixels covers 16 of the picture.
    image = picture((128, 96), ((32, 32, 16, 16), RED), ((112, 0, 16, 16), GREEN), ((0, 80, 16, 16), BLUE))
    faces = detector.detect(image)
    assert rounded(faces) == {
        ("mask", 32, 32, 16, 16),
        ("no_mask", 112, 0, 16, 16),
        ("incorrect", 0, 80, 16, 16),
    }
    assert all(0.99 < face.score <= 1.0 for face in faces)
    assert detector.detect(picture((128, 96))) == []
    detector.close()


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_picture_gives_the_same_list_in_the_same_order(kind: str, tmp_path: Path) -> None:
    graph, changes = KINDS[kind]
    detector = load_package(write_package(tmp_path, graph, **changes), threads=2)
    noise = np.random.default_rng(5).integers(0, 256, (60, 90, 3)).astype(np.uint8)
    noise[:, :, 2] |= 0x80
    first = detector.detect(noise)
    assert [detector.detect(noise) for _ in range(3)] == [first] * 3
    assert [face.score for face in first] == sorted((face.score for face in first), reverse=True)


@pytest.mark.parametrize(
    ("scores", "colour", "label"),
    [("softmax", GREEN, "no_mask"), ("softmax", RED, "mask"), ("sigmoid", BLUE, "incorrect")],
)
def test_a_classifier_says_one_thing_about_the_whole_picture(
    scores: str, colour: tuple[int, int, int], label: str, tmp_path: Path
) -> None:
    package = write_package(
        tmp_path,
        tiny.classifier(),
        input={"size": [32, 32], "color": "rgb", "mean": 0, "scale": 255, "resize": "stretch"},
        decoding={"kind": "classifier", "scores": scores},
    )
    faces = load_package(package).detect(picture((200, 100), ((0, 0, 200, 100), colour)))
    assert rounded(faces) == {(label, 0, 0, 200, 100)}


def test_a_classifier_with_one_output_and_two_labels_scores_the_second(tmp_path: Path) -> None:
    package = write_package(
        tmp_path,
        tiny.classifier(labels=1),
        labels=["no_mask", "mask"],
        input={"size": [32, 32], "color": "rgb", "mean": 0, "scale": 255, "resize": "stretch"},
        decoding={"kind": "classifier", "scores": "sigmoid"},
    )
    detector = load_package(package)
    assert [face.label for face in detector.detect(picture((50, 50), ((0, 0, 50, 50), RED)))] == ["mask"]
    assert [face.label for face in detector.detect(picture((50, 50), ((0, 0, 50, 50), GREEN)))] == ["no_mask"]


def test_foreign_labels_are_mapped_to_ours_and_ignored_ones_never_appear(tmp_path: Path) -> None:
    package = write_package(
        tmp_path,
        tiny.yolo("yolov8", stride=8),
        labels=["with_mask", "without_mask", "helmet"],
        label_map={"with_mask": "mask", "without_mask": "no_mask", "helmet": "ignored"},
        decoding={"kind": "yolov8"},
    )
    detector = load_package(package)
    assert detector.labels == ("mask", "no_mask")
    image = picture((64, 64), ((0, 0, 8, 8), RED), ((16, 0, 8, 8), GREEN), ((32, 0, 8, 8), BLUE))
    assert {face.label for face in detector.detect(image)} == {"mask", "no_mask"}


def test_a_graph_that_counts_the_background_shifts_its_labels(tmp_path: Path) -> None:
    package = write_package(
        tmp_path,
        tiny.ssd_postprocess(stride=8),
        labels=["no_mask", "incorrect"],
        decoding={"kind": "ssd_postprocess", "first_label": 1},
    )
    image = picture((64, 64), ((16, 0, 8, 8), GREEN), ((32, 0, 8, 8), BLUE))
    assert {face.label for face in load_package(package).detect(image)} == {"no_mask", "incorrect"}


def test_boxes_in_pixels_are_not_multiplied(tmp_path: Path) -> None:
    package = write_package(tmp_path, tiny.yolo("yolov8", stride=8), decoding={"kind": "yolov8", "boxes": "pixels"})
    faces = load_package(package).detect(picture((64, 64), ((0, 0, 8, 8), RED)))
    assert faces == []  # a box of an eighth of a pixel is none


def test_overlapping_boxes_of_one_square_become_one_face(tmp_path: Path) -> None:
    graph = tiny.anchor_free(strides=[8], boxes=(0, 0, 2, 2))
    detector = load_package(write_package(tmp_path, graph, decoding=ANCHOR_FREE | {"strides": [8]}))
    faces = detector.detect(picture((64, 64), ((16, 16, 16, 16), RED)))  # four cells answer with large boxes
    assert [face.label for face in faces] == ["mask"]


@pytest.mark.parametrize(
    ("decoding", "sentence"),
    [
        (ANCHOR_FREE | {"strides": [8, 32]}, "logits of stride 32 of shape 1x2x2x3"),
        ({"kind": "yolov5"}, "a table of 8 values per box"),
        ({"kind": "yolov8"}, "a table of 7 values per box"),
        ({"kind": "ssd_postprocess"}, "the outputs in the order boxes, labels, scores, count"),
        (ONE_GRID, "offsets of 64 anchors of shape 1x64x4"),
        ({"kind": "classifier"}, "scores of 3 labels"),
    ],
)
def test_a_graph_with_other_outputs_than_its_card_promises_is_refused(
    decoding: dict[str, Any], sentence: str, tmp_path: Path
) -> None:
    package = write_package(tmp_path, tiny.anchor_free(strides=[8, 16]), decoding=decoding)
    with pytest.raises(ModelError, match=f"expected {sentence}.*; the graph gives 1x8x8x3, 1x8x8x4") as caught:
        load_package(package)
    assert str(tmp_path / "model.tflite") in str(caught.value)
