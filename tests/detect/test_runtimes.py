"""The runtimes: one import point, the same answers, sentences when one cannot start."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.detect import tiny_tflite as tiny
from tests.detect.packages import ANCHOR_FREE, BLUE, GREEN, PLAIN_INPUT, RED, picture, write_package

from edge_mask.detect import tflite
from edge_mask.detect.golden import golden_picture
from edge_mask.detect.location import find_package
from edge_mask.detect.measure import measure_model
from edge_mask.detect.package import load_file, load_package, open_package
from edge_mask.errors import ModelError
from edge_mask.messages import Face
from edge_mask.units import Seconds

DECODING = ANCHOR_FREE | {"strides": [8]}
GRAPHS: dict[str, tuple[bytes, dict[str, Any]]] = {
    "float": (tiny.anchor_free(strides=[8]), {"decoding": DECODING}),
    "int8": (tiny.anchor_free_int8(), {"decoding": DECODING, "input": PLAIN_INPUT | {"mean": 127, "scale": 128}}),
    "ssd": (tiny.ssd_postprocess(stride=8), {"decoding": {"kind": "ssd_postprocess"}}),
}


both = pytest.mark.skipif(
    len(tflite.installed_runtimes()) < 2,
    reason="tflite-runtime does not run here: it needs Python before 3.12 and numpy before 2",
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


@both
def test_the_shipped_float_file_gives_the_same_scores_on_both_runtimes() -> None:
    package = open_package(find_package())
    file = next(file for file in package.card.files if file.precision == "float")
    detectors = [load_file(package, file, threads=1, runtime=runtime) for runtime in tflite.RUNTIMES]
    for golden in package.card.golden:
        image = golden_picture(package.folder, golden)
        assert alike(*(detector.detect(image) for detector in detectors))


@both
def test_both_runtimes_accept_the_shipped_model_and_agree_on_its_golden_pictures() -> None:
    for runtime in tflite.RUNTIMES:
        load_package(find_package(), runtime=runtime).close()


def test_measuring_compares_the_detector_with_its_bare_graph(tmp_path: Path) -> None:
    package = write_package(tmp_path, GRAPHS["float"][0], decoding=DECODING)
    figures = measure_model(package, threads=1, seconds=Seconds(0.0))
    assert figures.measurements == 20
    assert figures.model == "tiny 1.0.0"
    assert figures.ratio == pytest.approx(figures.pictures_per_s / figures.invocations_per_s)
    assert 0 < figures.invoke_ms <= figures.invoke_p95_ms
