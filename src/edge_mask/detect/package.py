"""Model packages: a folder with a card, graphs and golden pictures that is verified before it is trusted."""

import hashlib
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from edge_mask.detect.card import Card, ModelFile
from edge_mask.detect.card_file import read_card
from edge_mask.detect.golden import check_golden
from edge_mask.detect.location import GRAPH
from edge_mask.detect.model import ModelDetector, warm_up
from edge_mask.detect.tflite import TfliteModel, choose_runtime
from edge_mask.errors import ModelError


@dataclass(frozen=True, slots=True)
class Package:
    """A package folder whose card could be read; nothing else of it has been looked at yet."""

    folder: Path
    card: Card
    wanted: ModelFile | None = None  # the file that was asked for by its path, if one was


def open_package(folder: Path | str) -> Package:
    """Read the card of a package, which may be given as the path of one of its files. Raises ModelError."""
    path = Path(folder)
    if path.suffix == GRAPH and not path.is_dir():
        whole = open_package(path.parent)
        return Package(whole.folder, whole.card, named_file(whole.card, path))
    try:
        is_folder = path.is_dir()
    except OSError as error:
        raise ModelError(f"{path}: cannot be looked into ({error.strerror})") from error
    if not is_folder:
        raise ModelError(f"{path}: no such folder; a model package is a folder with a model.yaml")
    return Package(path, read_card(path))


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
        check_golden(detector, package.folder)
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
        return ModelDetector(package.card, model, file.path)
    except ModelError as error:
        raise ModelError(f"{package.folder / file.path}: {error}") from error


def choose_file(card: Card, runtime: str) -> ModelFile:
    """The file that the card prefers for this runtime; else a float one, which runs everywhere."""
    preferred = [file for file in card.files if runtime in file.prefer]
    floats = [file for file in card.files if file.precision == "float"]
    return (preferred or floats or list(card.files))[0]


def named_file(card: Card, path: Path) -> ModelFile:
    """The file of that path. Raises ModelError when the card names no such one."""
    for file in card.files:
        if file.path == path.name:
            return file
    raise ModelError(f"{path}: the card names no such file; it names {', '.join(file.path for file in card.files)}")


def checked_content(package: Package, file: ModelFile) -> bytes:
    """The bytes of one file, if they are those the card was written for. Raises ModelError."""
    path = package.folder / file.path
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ModelError(f"{path}: cannot be read ({error.strerror}); the card names it under files") from error
    found = hashlib.sha256(content).hexdigest()
    if found != file.sha256:
        raise ModelError(
            f"{path}: its sha256 is {found[:12]}… ({len(content)} bytes), the card expects {file.sha256[:12]}…;"
            " the file was changed or cut off, install the package again"
        )
    return content
