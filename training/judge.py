"""An exported file on the held-out pictures, run exactly as the device runs it (by `edge_mask.detect`)."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from edge_mask.detect.model import ModelDetector
from edge_mask.messages import Face
from edge_mask.packages.load import load_file
from edge_mask.packages.package import open_package
from edge_mask.track.tracker import distinct
from training.annotations import LABELS
from training.empty import held_out as empty_pictures
from training.metrics import Found, evaluate, false_alarms, gate, recall_by_size
from training.pictures import Picture, Pixels, Single

LOWEST_SCORE = 0.02


def open_detector(folder: Path, precision: str, *, threads: int = 1) -> ModelDetector:
    """One file of a package, without its golden test."""
    package = open_package(folder)
    file = next(file for file in package.card.files if file.precision == precision)
    return load_file(package, file, threads=threads, runtime="ai-edge-litert")


def detections(detector: ModelDetector, pictures: Iterable[Pixels], lowest: float = LOWEST_SCORE, *,
               one_each: bool = False) -> list[Found]:  # fmt: skip
    """What the detector finds from that score on; with `one_each` only the surest answer to each face."""
    detector.use_threshold(lowest)
    seen = (detector.detect(np.ascontiguousarray(pixels[..., ::-1])) for pixels in pictures)
    return [as_found(distinct(faces) if one_each else faces) for faces in seen]


def as_found(faces: Sequence[Face]) -> Found:
    """Faces as arrays."""
    boxes = [(f.box.x, f.box.y, f.box.x + f.box.w, f.box.y + f.box.h) for f in faces]
    return Found(
        np.array(boxes, np.float32).reshape(-1, 4),
        np.array([f.score for f in faces], np.float32),
        np.array([LABELS.index(f.label) for f in faces], np.int64),
    )


def judge(detector: ModelDetector, scenes: Sequence[Picture], singles: Sequence[Single],
          threshold: float) -> dict[str, Any]:  # fmt: skip
    """Every figure of one file, rounded for the card."""
    truth = [p.boxes for p in scenes]
    found = detections(detector, [p.pixels for p in scenes])
    result: dict[str, Any] = {k: round(float(v), 4) for k, v in evaluate(found, truth).items()}
    sizes = recall_by_size(found, truth, [p.pixels.shape[:2] for p in scenes], threshold)
    result["recall_by_size"] = {name: f"{share:.3f} of {count}" for name, (share, count) in sizes.items()}
    result["empty"] = false_alarms(detections(detector, empty_pictures()), threshold)
    if singles:
        frames = detections(detector, [s.pixels for s in singles])
        result["gate"] = gate(frames, [s.label for s in singles], threshold)
    return result
