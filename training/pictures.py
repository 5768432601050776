"""Labelled pictures: the project's own annotation format, held decoded in memory."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from training.annotations import BadData, Boxes, entries, label_index, parse_boxes

Pixels = NDArray[np.uint8]  # height × width × 3, RGB


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture with its faces."""

    pixels: Pixels
    boxes: Boxes
    file: str = ""
    share: float = 1.0  # how often it is drawn, beside the others


@dataclass(frozen=True, slots=True)
class Single:
    """A picture that shows one face, with the label of the whole."""

    pixels: Pixels
    label: int
    tight: bool
    file: str = ""


@dataclass(slots=True)
class DataSet:
    """What training reads: scenes with boxes, and tight single faces to paste into them."""

    scenes: list[Picture] = field(default_factory=list)
    tight: list[Single] = field(default_factory=list)


@dataclass(slots=True)
class HeldOut:
    """Pictures that are never trained on: scenes with boxes, and gate frames with one person each."""

    scenes: list[Picture] = field(default_factory=list)
    singles: list[Single] = field(default_factory=list)


def empty_boxes() -> Boxes:
    """No face."""
    return np.zeros((0, 5), np.float32)


def read_pixels(path: Path) -> Pixels:
    """The picture as RGB; BadData when it cannot be decoded."""
    found = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if found is None:
        raise BadData(f"{path}: not a picture that can be decoded; use JPEG or PNG, or remove it from the annotations")
    return np.ascontiguousarray(cv2.cvtColor(found, cv2.COLOR_BGR2RGB), dtype=np.uint8)


def read_scenes(annotations: Path, limit: int | None = None, share: float = 1.0,
                folder: Path | None = None) -> Iterator[Picture]:  # fmt: skip
    """Decode every picture of a detection annotation file; its path is relative to `folder`, else to that file."""
    folder = folder or annotations.parent
    for entry in entries(annotations)[:limit]:
        where = f"{annotations.name}: {entry['file']}"
        pixels = read_pixels(folder / entry["file"])
        yield Picture(pixels, parse_boxes(entry, where, pixels.shape[:2]), entry["file"], share)


def read_singles(annotations: Path, *, tight: bool, limit: int | None = None) -> Iterator[Single]:
    """Decode the single-face pictures which are (or are not) tight crops."""
    wanted = [e for e in entries(annotations) if bool(e.get("tight", False)) is tight]
    for entry in wanted[:limit]:
        label = label_index(entry.get("label"), f"{annotations.name}: {entry['file']}")
        yield Single(read_pixels(annotations.parent / entry["file"]), label, tight, entry["file"])


# How often their pictures are drawn: boxes shrunk by rule from whole heads fit less well than drawn ones.
OPTIONAL_SCENES = {"detection_macwin_shrunk.json": 0.5, "detection_pseudo.json": 1.0}


def load_training(data: Path, limit: int | None = None, more: Sequence[Path] = ()) -> DataSet:
    """Everything under `data/train`: detection.json, the optional scene files, and tight singles if there are any.

    `more` are annotation files that may lie anywhere, for pictures under `data/train`.
    """
    folder = data / "train"
    found = DataSet(scenes=list(read_scenes(folder / "detection.json", limit)))
    for name, share in OPTIONAL_SCENES.items():
        if (folder / name).exists():
            found.scenes.extend(read_scenes(folder / name, limit, share))
    for file in more:
        found.scenes.extend(read_scenes(file, limit, folder=folder))
    if (folder / "single.json").exists():
        found.tight.extend(read_singles(folder / "single.json", tight=True, limit=limit))
    return found


def load_held_out(data: Path) -> HeldOut:
    """Everything under `data/val`."""
    folder = data / "val"
    found = HeldOut(list(read_scenes(folder / "detection.json")))
    if (folder / "single.json").exists():
        found.singles.extend(read_singles(folder / "single.json", tight=False))
    return found
