"""From a package to a detector: verified before it is trusted."""

from contextlib import ExitStack
from pathlib import Path

from edge_mask.detect.model import ModelDetector, warm_up
from edge_mask.detect.tflite import TfliteModel, choose_runtime
from edge_mask.errors import ModelError
from edge_mask.packages.card import ModelFile
from edge_mask.packages.golden import check_golden
from edge_mask.packages.package import Package, checked_content, choose_file, open_package


def load_package(
    folder: Path | str,
    *,
    threads: int = 2,
    score_threshold: float | None = None,
    verify: bool = True,
    runtime: str | None = None,
) -> ModelDetector:
    """The detector of a package, warmed up. Raises ModelError when the package does not hold.

    Always checked: the card, the checksum of the file that is loaded, its shapes. With `verify` also the
    golden pictures. `score_threshold` replaces all thresholds of the card.
    """
    package = open_package(folder)
    name = choose_runtime(runtime)
    file = package.wanted or choose_file(package.card, name)
    detector = load_file(package, file, threads=threads, runtime=name)
    warm_up(detector)
    if verify:
        check_golden(detector, package)
    detector.use_threshold(score_threshold)
    return detector


def load_side_by_side(
    folder: Path | str, *, lanes: int, threads: int, score_threshold: float | None = None
) -> list[ModelDetector]:
    """Equal detectors for `lanes`, which share the threads. Raises ModelError; then none is left open."""
    found: list[ModelDetector] = []
    with ExitStack() as undo:
        for lane in range(lanes):
            share = threads // lanes + (lane < threads % lanes)
            # The first one's golden pictures prove the file for all.
            found.append(load_package(folder, threads=share, score_threshold=score_threshold, verify=lane == 0))
            undo.callback(found[-1].close)
        undo.pop_all()
    return found


def load_file(package: Package, file: ModelFile, *, threads: int, runtime: str) -> ModelDetector:
    """One file of a package with its checksum and shapes checked, cold. Raises ModelError naming the file."""
    content = checked_content(package, file)
    try:
        model = TfliteModel(content, threads=threads, runtime=runtime, size=package.card.input.size)
        return ModelDetector(package.card, model, file.path, file.sha256)
    except ModelError as error:
        raise ModelError(f"{package.folder / file.path}: {error}") from error
