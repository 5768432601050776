"""How fast a model package is on this machine: the bare graph beside the whole detector, in one run."""

import statistics
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edge_mask.detect.model import ModelDetector
from edge_mask.messages import Image
from edge_mask.packages.golden import golden_picture
from edge_mask.packages.load import load_package
from edge_mask.packages.package import Package, open_package
from edge_mask.units import Seconds

_AT_LEAST = 20
"""Measurements of each kind, however short the time."""


@dataclass(frozen=True, slots=True)
class ModelFigures:
    """What was measured; times in milliseconds, medians unless named otherwise."""

    model: str
    runtime: str
    file: str
    threads: int
    measurements: int
    load_ms: float
    invoke_ms: float
    invoke_p95_ms: float
    detect_ms: float
    detect_p95_ms: float

    @property
    def invocations_per_s(self) -> float:
        """Of the bare graph."""
        return 1000.0 / self.invoke_ms

    @property
    def ratio(self) -> float:
        """Pictures per invocation: 1.0 would be a detector that costs nothing beside its graph."""
        return self.invoke_ms / self.detect_ms


def measure_model(
    folder: Path | str,
    *,
    threads: int = 2,
    seconds: Seconds = Seconds(3.0),
    runtime: str | None = None,
    image: Image | None = None,
) -> ModelFigures:
    """Load a package and take turns between its bare graph and the whole detector for `seconds`.

    `image` is the picture that is looked at: by default the package's golden picture, else noise of 640 x 480.
    Taking turns keeps the ratio honest while other programs come and go. Raises ModelError, Broken.
    """
    begin = time.perf_counter()
    detector = load_package(folder, threads=threads, runtime=runtime)
    load_ms = (time.perf_counter() - begin) * 1000.0
    try:
        shown = image if image is not None else _picture(open_package(folder))
        bare, whole = _take_turns(detector, shown, seconds)
        return ModelFigures(
            detector.name, detector.runtime, detector.file, threads, len(bare), load_ms,
            statistics.median(bare), _p95(bare), statistics.median(whole), _p95(whole),
        )  # fmt: skip
    finally:
        detector.close()


def compare_models(old: Path | str, new: Path | str, *, looks: int = _AT_LEAST) -> tuple[float, float]:
    """Milliseconds of one thread that each package needs for the new one's picture, medians.

    They take turns, and what counts is the processor's time: other programs come and go. Raises ModelError, Broken.
    """
    with ExitStack() as undo:
        both = []
        for folder in (old, new):
            both.append(load_package(folder, threads=1, verify=False))
            undo.callback(both[-1].close)
        image = _picture(open_package(new))
        spent: tuple[list[float], list[float]] = ([], [])
        for _ in range(looks):
            for detector, times in zip(both, spent, strict=True):
                begin = time.thread_time()
                detector.detect(image)
                times.append((time.thread_time() - begin) * 1000.0)
        return statistics.median(spent[0]), statistics.median(spent[1])


def _take_turns(detector: ModelDetector, image: Image, seconds: Seconds) -> tuple[list[float], list[float]]:
    bare: list[float] = []
    whole: list[float] = []
    end = time.perf_counter() + seconds
    while len(bare) < _AT_LEAST or time.perf_counter() < end:
        bare.append(detector.run_graph_only())
        begin = time.perf_counter()
        detector.detect(image)
        whole.append((time.perf_counter() - begin) * 1000.0)
    return bare, whole


def _picture(package: Package) -> Image:
    for golden in package.card.golden:
        return golden_picture(package.folder, golden)
    return np.random.default_rng(0).integers(0, 256, (480, 640, 3)).astype(np.uint8)


def _p95(values: list[float]) -> float:
    return float(np.percentile(values, 95))
