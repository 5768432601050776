"""Generated pictures for the smoke run: heads are discs, masks are bands. They prove the road, not the model."""

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from training.annotations import LABELS
from training.pictures import Pixels

SIDE = 240


def generate(folder: Path, seed: int, *, train: int = 24, val: int = 8) -> Path:
    """Write `train/` and `val/` in the project's own layout below `folder`, and return it."""
    rng = np.random.default_rng(seed)
    for split, count in (("train", train), ("val", val)):
        images = folder / split / "images"
        images.mkdir(parents=True, exist_ok=True)
        entries, singles = [], []
        for i in range(count):
            pixels, boxes = scene(rng)
            entries.append(_store(images / f"{i}.png", pixels, boxes=boxes))
            label = LABELS[i % 2]
            face, _ = one_face(rng, label)
            singles.append(_store(images / f"face{i}.png", face, label=label, tight=split == "train"))
        _write(folder / split / "detection.json", entries)
        _write(folder / split / "single.json", singles)
    return folder


def scene(rng: np.random.Generator) -> tuple[Pixels, list[dict[str, Any]]]:
    """A noisy wall with one to four heads."""
    pixels = rng.integers(60, 200, (SIDE, SIDE, 3), dtype=np.uint8)
    pixels = np.asarray(cv2.GaussianBlur(pixels, (0, 0), 4), np.uint8)
    boxes = []
    for place in rng.permutation(4)[: int(rng.integers(1, 5))]:
        width = int(rng.integers(24, 80))
        height = round(width * 1.2)
        left = int(place % 2) * SIDE // 2 + int(rng.integers(4, SIDE // 2 - width - 4))
        top = int(place // 2) * SIDE // 2 + int(rng.integers(4, SIDE // 2 - height - 4))
        label = LABELS[int(rng.integers(3))]
        head(pixels, (left, top, width, height), label)
        boxes.append({"cls": label, "bbox": [left, top, left + width, top + height]})
    return pixels, boxes


def one_face(rng: np.random.Generator, label: str) -> tuple[Pixels, tuple[int, int, int, int]]:
    """One head that fills its picture."""
    pixels = np.full((120, 100, 3), int(rng.integers(60, 200)), np.uint8)
    box = (2, 2, 96, 116)
    head(pixels, box, label)
    return pixels, box


def head(pixels: Pixels, box: tuple[int, int, int, int], label: str) -> None:
    """Draw a head; the mask covers mouth and nose, or only the chin when it is worn badly."""
    left, top, width, height = box
    centre, axes = (left + width // 2, top + height // 2), (width // 2, height // 2)
    cv2.ellipse(pixels, centre, axes, 0, 0, 360, (215, 170, 140), -1)
    for side in (0.32, 0.68):
        cv2.circle(pixels, (left + int(width * side), top + int(height * 0.38)), max(1, width // 14), (40, 30, 30), -1)
    mouth = (left + width // 2, top + int(height * 0.72))
    cv2.ellipse(pixels, mouth, (max(1, width // 6), max(1, height // 16)), 0, 0, 360, (160, 60, 60), -1)
    if label != "no_mask":
        start = 0.5 if label == "mask" else 0.8
        corners = (
            (left + int(width * 0.12), top + int(height * start)),
            (left + int(width * 0.88), top + int(height * 0.95)),
        )
        cv2.rectangle(pixels, *corners, (120, 190, 220), -1)


def _store(path: Path, pixels: Pixels, **facts: Any) -> dict[str, Any]:
    cv2.imwrite(str(path), cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR))
    height, width = pixels.shape[:2]
    return {"file": f"images/{path.name}", "width": width, "height": height, **facts}


def _write(path: Path, images: list[dict[str, Any]]) -> None:
    path.write_text(json.dumps({"classes": list(LABELS), "images": images}), encoding="utf-8")
