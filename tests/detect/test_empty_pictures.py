"""A covered lens is no visitor: the shipped models see nobody where nobody is."""

import itertools
import json
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge_mask.packages.load import load_file
from edge_mask.packages.location import find_package
from edge_mask.packages.package import open_package

SHIPPED = ("mask-detector", "mask-detector-416")
SHADES = (0, 40, 90, 150, 205, 255)


def colours() -> dict[str, np.ndarray]:
    return {
        f"{height} × {width} of {values}": np.full((height, width, 3), values, np.uint8)
        for values in [*itertools.product((0, 128, 255), repeat=3), *((shade,) * 3 for shade in SHADES)]
        for height, width in ((300, 300), (240, 320), (320, 180))
    }


def light() -> dict[str, np.ndarray]:
    """Walls in uneven light: four colours, at most half as far apart as black and white, that run into each other."""
    rng = np.random.default_rng(5)
    found = {}
    for number, way in itertools.product(range(24), (cv2.INTER_LINEAR, cv2.INTER_CUBIC)):
        channels = 3 if number % 2 else 1
        corners = rng.integers(0, 128, channels) + rng.integers(0, 128, (2, 2, channels))
        wall = cv2.resize(corners.astype(np.uint8), (320, 240), interpolation=way).reshape(240, 320, -1)
        found[f"wall {number}, {way}"] = np.broadcast_to(wall, (240, 320, 3))
    return found


def noise() -> dict[str, np.ndarray]:
    """Night, and a lost signal."""
    rng = np.random.default_rng(6)
    return {
        f"noise of {spread} about {level}": rng.normal(level, spread, (240, 320, 3)).clip(0, 255).astype(np.uint8)
        for level, spread in itertools.product((0, 8, 60, 127, 200), (2, 10, 40, 120))
    }


@pytest.mark.parametrize("precision", ["int8", "float"])
@pytest.mark.parametrize("name", SHIPPED)
@pytest.mark.parametrize("kind", [colours, light, noise])
def test_nobody_is_seen_where_nobody_is(name: str, precision: str, kind: object) -> None:
    assert callable(kind)
    package = open_package(find_package(name))
    file = next(file for file in package.card.files if file.precision == precision)
    detector = load_file(package, file, threads=1, runtime="ai-edge-litert")
    seen = {which: detector.detect(np.ascontiguousarray(pixels)) for which, pixels in kind().items()}
    assert {which: faces for which, faces in seen.items() if faces} == {}
    detector.close()


def test_a_covered_lens_is_nobody_for_the_command(tmp_path: Path) -> None:
    files = []
    for shade in SHADES:
        files.append(tmp_path / f"{shade}.png")
        cv2.imwrite(str(files[-1]), np.full((480, 640, 3), shade, np.uint8))
    command = [str(Path(sys.executable).with_name("edge-mask")), "detect", *map(str, files), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert [json.loads(line)["detections"] for line in done.stdout.splitlines()] == [[]] * len(files)
