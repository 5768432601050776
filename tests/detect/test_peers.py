"""Two public detectors through our own loader; only where somebody has put their weights."""

import os
from pathlib import Path

import numpy as np
import pytest
from benchmarks.peers import write_peers

from edge_mask.detect.card import SsdRaw
from edge_mask.detect.decode_ssd import anchors
from edge_mask.packages.load import load_package
from edge_mask.packages.location import find_package
from edge_mask.packages.package import open_package
from edge_mask.picture import read_picture

WEIGHTS = Path(os.environ.get("EDGE_MASK_PEERS", "peers"))

here = pytest.mark.skipif(
    not (WEIGHTS / "aizoo.tflite").is_file(),
    reason="the peers' weights are not part of this project; EDGE_MASK_PEERS names their folder",
)


@here
@pytest.mark.parametrize("name", ["aizoo", "mobiledet"])
def test_a_peer_finds_the_face_of_the_golden_portrait(name: str, tmp_path: Path) -> None:
    detector = load_package(write_peers(WEIGHTS, tmp_path)[name])
    package = open_package(find_package())
    for golden in package.card.golden:
        image = read_picture(package.folder / golden.picture)
        best = detector.detect(image)[0]
        x, y, w, h = golden.answer[0].box
        assert best.box.x + best.box.w / 2 == pytest.approx(x + w / 2, abs=w / 4)
        assert best.box.y + best.box.h / 2 == pytest.approx(y + h / 2, abs=h / 4)


def test_anchors_go_grid_by_grid_row_by_row_with_those_of_a_cell_together() -> None:
    settings = SsdRaw(kind="ssd_raw", grids=((2, 1), (1, 1)), sizes=((0.2, 0.4), (1.0,)), ratios=((1.0, 0.25), (4.0,)))
    expected = [
        (0.5, 0.25, 0.2, 0.2), (0.5, 0.25, 0.4, 0.4), (0.5, 0.25, 0.1, 0.4),
        (0.5, 0.75, 0.2, 0.2), (0.5, 0.75, 0.4, 0.4), (0.5, 0.75, 0.1, 0.4),
        (0.5, 0.5, 2.0, 0.5),
    ]  # fmt: skip
    np.testing.assert_allclose(anchors(settings), expected, rtol=1e-6)
