"""The measure of the pipeline says what broke instead of a figure."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.detect import tiny_tflite as tiny
from tests.detect.packages import ANCHOR_FREE, write_package, write_picture
from tests.end_to_end.daemon import write_model

from edge_mask import bench
from edge_mask.detect.detector import Answer
from edge_mask.detect.package import load_side_by_side
from edge_mask.errors import ModelError
from edge_mask.messages import Image

PICTURE = np.full((96, 128, 3), 90, np.uint8)


@pytest.mark.parametrize("lanes", [1, 2])
def test_a_model_that_breaks_while_it_is_measured_is_an_error_and_no_figure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lanes: int
) -> None:
    detectors = load_side_by_side(write_model(tmp_path), lanes=lanes, threads=lanes)
    looks = 0

    def breaks(_image: Image) -> Answer:
        nonlocal looks
        looks += 1
        return Answer([], 1.0, "the model says NaN" if looks > 5 else "")

    monkeypatch.setattr(detectors[-1], "look", breaks)
    with pytest.raises(ModelError, match="the model says NaN"):
        bench.frames_per_second(detectors, tmp_path / "bench.db", [PICTURE], 200)


def test_every_frame_is_looked_at_before_the_figure_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    detectors = load_side_by_side(write_model(tmp_path), lanes=2, threads=2)
    seen: list[Image] = []

    def note(image: Image) -> Answer:
        seen.append(image)
        return Answer([], 1.0)

    for detector in detectors:
        monkeypatch.setattr(detector, "look", note)
    assert bench.frames_per_second(detectors, tmp_path / "bench.db", [PICTURE], 50) > 0
    assert len(seen) == 50


@pytest.mark.timeout(20)
def test_pictures_that_the_camera_keeps_back_are_not_waited_for(tmp_path: Path) -> None:
    detectors = load_side_by_side(write_model(tmp_path), lanes=1, threads=1)
    black = np.zeros_like(PICTURE)
    assert bench.frames_per_second(detectors, tmp_path / "mixed.db", [black, PICTURE], 20) > 0
    assert bench.frames_per_second(detectors, tmp_path / "black.db", [black], 20) == 0


def test_black_golden_pictures_are_not_measured_with(tmp_path: Path) -> None:
    for name, image in (("black.png", np.zeros_like(PICTURE)), ("grey.png", PICTURE)):
        write_picture(tmp_path / name, image)
    golden: list[dict[str, Any]] = [{"picture": name, "answer": []} for name in ("black.png", "grey.png")]
    graph = tiny.anchor_free(strides=[8])
    decoding = ANCHOR_FREE | {"strides": [8]}
    (only,) = bench.pictures_for(write_package(tmp_path, graph, decoding=decoding, golden=golden))
    assert (only == 90).all()
    (noise,) = bench.pictures_for(write_package(tmp_path, graph, decoding=decoding, golden=golden[:1]))
    assert noise.std() > 50
