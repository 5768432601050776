"""The measure of the pipeline says what broke instead of a figure."""

from pathlib import Path

import numpy as np
import pytest
from tests.end_to_end.daemon import write_model

from edge_mask import bench
from edge_mask.detect.package import load_side_by_side
from edge_mask.errors import Broken, ModelError
from edge_mask.messages import Face, Image

PICTURE = np.full((96, 128, 3), 90, np.uint8)


@pytest.mark.parametrize("lanes", [1, 2])
def test_a_model_that_breaks_while_it_is_measured_is_an_error_and_no_figure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lanes: int
) -> None:
    detectors = load_side_by_side(write_model(tmp_path), lanes=lanes, threads=lanes)
    looks = 0

    def breaks(_image: Image) -> list[Face]:
        nonlocal looks
        looks += 1
        if looks > 5:
            raise Broken("the model says NaN")
        return []

    monkeypatch.setattr(detectors[-1], "detect", breaks)
    with pytest.raises(ModelError, match="the model says NaN"):
        bench.frames_per_second(detectors, tmp_path / "bench.db", [PICTURE], 200)


def test_every_frame_is_looked_at_before_the_figure_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    detectors = load_side_by_side(write_model(tmp_path), lanes=2, threads=2)
    seen: list[Image] = []

    def note(image: Image) -> list[Face]:
        seen.append(image)
        return []

    for detector in detectors:
        monkeypatch.setattr(detector, "detect", note)
    assert bench.frames_per_second(detectors, tmp_path / "bench.db", [PICTURE], 50) > 0
    assert len(seen) == 50
