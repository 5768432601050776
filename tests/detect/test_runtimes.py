"""The runtimes: one import point, the same answers, sentences when one cannot start."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from tests.detect import tiny_tflite as tiny
from tests.detect.packages import ANCHOR_FREE, BLUE, GREEN, PLAIN_INPUT, RED, picture, write_package

from edge_mask.detect import tflite
from edge_mask.errors import ModelError
from edge_mask.messages import Face, Image
from edge_mask.packages.golden import golden_picture
from edge_mask.packages.load import load_package
from edge_mask.packages.location import find_package
from edge_mask.packages.measure import measure_model
from edge_mask.packages.package import open_package
from edge_mask.units import Seconds

DECODING = ANCHOR_FREE | {"strides": [8]}
GRAPHS: dict[str, tuple[bytes, dict[str, Any]]] = {
    "float": (tiny.anchor_free(strides=[8]), {"decoding": DECODING}),
    "int8": (tiny.anchor_free_int8(), {"decoding": DECODING, "input": PLAIN_INPUT | {"mean": 127, "scale": 128}}),
    "ssd": (tiny.ssd_postprocess(stride=8), {"decoding": {"kind": "ssd_postprocess"}}),
}


both = pytest.mark.skipif(
    len(tflite.installed_runtimes()) < 2,
    reason="tflite-runtime needs Python 3.11 and an environment of its own: `make test-runtimes` makes it",
)


def test_the_preferred_runtime_is_the_maintained_one() -> None:
    assert tflite.choose_runtime() == "ai-edge-litert"


def test_a_runtime_that_nobody_knows_gets_a_sentence() -> None:
    with pytest.raises(ModelError, match="there is no runtime tensorflow, only ai-edge-litert and tflite-runtime"):
        tflite.choose_runtime("tensorflow")


@pytest.mark.skipif("tflite-runtime" in tflite.installed_runtimes(), reason="tflite-runtime can be used here")
def test_a_runtime_that_cannot_be_used_says_what_to_do() -> None:
    with pytest.raises(ModelError, match=r"tflite-runtime (is not installed|needs numpy<2).*run `pip install"):
        tflite.choose_runtime("tflite-runtime")


def test_the_runtimes_chatter_does_not_reach_stderr(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    load_package(write_package(tmp_path, GRAPHS["float"][0], decoding=DECODING)).close()
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("threads", [1, 2, 4])
def test_any_number_of_threads_gives_the_same_answer(threads: int, tmp_path: Path) -> None:
    package = write_package(tmp_path, GRAPHS["float"][0], decoding=DECODING)
    image = picture((64, 64), ((8, 8, 8, 8), RED))
    assert load_package(package, threads=threads).detect(image) == load_package(package, threads=1).detect(image)


def alike(one: list[Face], other: list[Face]) -> bool:
    return len(one) == len(other) and all(
        a.label == b.label
        and abs(a.score - b.score) <= 0.01
        and np.allclose([a.box.x, a.box.y, a.box.w, a.box.h], [b.box.x, b.box.y, b.box.w, b.box.h], atol=0.5)
        for a, b in zip(one, other, strict=True)
    )


@both
@pytest.mark.parametrize("kind", GRAPHS)
def test_both_runtimes_see_the_same(kind: str, tmp_path: Path) -> None:
    graph, changes = GRAPHS[kind]
    package = write_package(tmp_path, graph, **changes)
    image = picture((96, 64), ((8, 8, 8, 8), RED), ((40, 16, 8, 8), GREEN), ((64, 48, 8, 8), BLUE))
    found = [load_package(package, runtime=runtime).detect(image) for runtime in tflite.RUNTIMES]
    assert found[0]
    assert alike(*found)


def seen_otherwise(image: Image) -> Iterator[Image]:
    """The picture larger, smaller, darker, noisy, many times beside itself, and as a part."""
    rng = np.random.default_rng(5)
    for scale in (0.2, 0.35, 0.6, 1.0, 1.7):
        small = np.asarray(cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)
        yield small
        yield np.asarray(small * 0.4, np.uint8)
        yield np.asarray((small + rng.normal(0, 12, small.shape)).clip(0, 255), np.uint8)
    tiny_one = np.asarray(cv2.resize(image, (60, 75), interpolation=cv2.INTER_AREA), np.uint8)
    yield np.tile(tiny_one, (4, 6, 1))
    yield image[: image.shape[0] // 2]


@both
@pytest.mark.parametrize("name", ["mask-detector", "mask-detector-416"])
def test_the_shipped_package_gives_the_same_answers_on_both_runtimes(name: str) -> None:
    package = find_package(name)
    detectors = [load_package(package, runtime=runtime, score_threshold=0.3) for runtime in tflite.RUNTIMES]
    count = 0
    for golden in open_package(package).card.golden:
        for image in seen_otherwise(golden_picture(package, golden)):
            found = [detector.detect(image) for detector in detectors]
            assert alike(*found)
            count += len(found[0])
    assert count > 20


@both
def test_both_runtimes_accept_the_shipped_model_and_agree_on_its_golden_pictures() -> None:
    for runtime in tflite.RUNTIMES:
        load_package(find_package(), runtime=runtime).close()


def test_measuring_compares_the_detector_with_its_bare_graph(tmp_path: Path) -> None:
    package = write_package(tmp_path, GRAPHS["float"][0], decoding=DECODING)
    figures = measure_model(package, threads=1, seconds=Seconds(0.0))
    assert figures.measurements == 20
    assert figures.model == "tiny 1.0.0"
    assert figures.ratio == pytest.approx(1000.0 / figures.detect_ms / figures.invocations_per_s)
    assert 0 < figures.invoke_ms <= figures.invoke_p95_ms
