"""Faces pasted where no face is: many more of them, alone before any background. Plain numpy and OpenCV."""

from collections.abc import Iterator

import cv2
import numpy as np

from training.annotations import Boxes
from training.augment import Random
from training.pictures import DataSet, Picture, Pixels, Single, empty_boxes

# How much of a tight crop lies above the face's box: boxes of masked faces in the scenes start lower, near the brows.
TIGHT_ABOVE = (0.2, 0.03)
AROUND = 0.15  # what is cut out with a face of a scene, as a share of its sides
CLEAR = 40  # pixels of the longest side from which on a face of a scene is worth pasting
PASTED = (0.35, 0.8, 1.0)  # of pasted scene faces, 0.35 wear a mask and 0.45 none

Inner = tuple[float, float, float, float]
"""Left, top, right and bottom of a face's box, as shares of the picture that shows it."""


class FaceBank:
    """Faces that can be pasted into other pictures: tight crops, and faces of scenes with a little around them."""

    def __init__(self, data: DataSet) -> None:
        seen = list(clear_faces(data.scenes))
        self._tight = [[s for s in data.tight if s.label == label and looks_tight(s)] for label in range(3)]
        self._seen = [[where for where in seen if where[0].boxes[where[1], 0] == label] for label in range(3)]

    def paste(self, pixels: Pixels, boxes: Boxes, rng: Random, detail: int = 1) -> Boxes:
        """Put one to three faces where no face is, tight ones and ones of other scenes; changes `pixels`, a square."""
        size = len(pixels)
        for _ in range(int(rng.integers(1, 4))):
            cut = self._cut_out(rng)
            if cut is None:
                continue
            face, label, box = cut
            long = np.exp(rng.uniform(np.log(12 * detail), np.log(0.55 * size)))
            spot = free_spot(face, long, boxes, size, rng)
            if spot is not None:
                boxes = np.concatenate((boxes, blend(pixels, face, spot, label, box, flip=rng.random() < 0.5)))
        return boxes

    def close_up(self, pixels: Pixels, rng: Random) -> Boxes:
        """Cover most of `pixels`, a square, with one tight face; returns its box (none without tight faces)."""
        size, label = len(pixels), int(rng.random() < 0.5)
        bank = self._tight[label]
        if not bank:
            return empty_boxes()
        face = bank[int(rng.integers(len(bank)))].pixels
        factor = size * rng.uniform(0.65, 1.0) / max(face.shape[:2])
        width, height = (max(4, min(size, round(side * factor))) for side in (face.shape[1], face.shape[0]))
        spot = int(rng.integers(0, size - width + 1)), int(rng.integers(0, size - height + 1)), width, height
        return blend(pixels, face, spot, label, (0.03, TIGHT_ABOVE[label], 0.97, 0.98), flip=rng.random() < 0.5)

    def _cut_out(self, rng: Random) -> tuple[Pixels, int, Inner] | None:
        """A face with a little around it, its label, and where its box lies in the cut-out."""
        tight = rng.random() < 0.5
        label = int(rng.random() < 0.5) if tight else int(np.searchsorted(PASTED, rng.random()))
        bank = (self._tight if tight else self._seen)[label]
        if not bank:
            return None
        chosen = bank[int(rng.integers(len(bank)))]
        if isinstance(chosen, Single):
            return chosen.pixels, label, (0.03, TIGHT_ABOVE[label], 0.97, 0.98)
        face, inner = cut_out(*chosen)
        return face, label, inner


def clear_faces(scenes: list[Picture]) -> Iterator[tuple[Picture, int]]:
    """Faces of scenes that are large enough to be pasted elsewhere, with all of their surroundings in the picture."""
    for scene in scenes:
        height, width = scene.pixels.shape[:2]
        for index, (_, x1, y1, x2, y2) in enumerate(scene.boxes):
            dx, dy = AROUND * (x2 - x1), AROUND * (y2 - y1)
            inside = x1 >= dx and y1 >= dy and x2 + dx <= width and y2 + dy <= height
            if max(x2 - x1, y2 - y1) >= CLEAR and inside:
                yield scene, index


def cut_out(scene: Picture, index: int) -> tuple[Pixels, Inner]:
    """A face of a scene with `AROUND` of its sides around it, in whole pixels, and where its box lies in that."""
    _, x1, y1, x2, y2 = (float(value) for value in scene.boxes[index])
    dx, dy = AROUND * (x2 - x1), AROUND * (y2 - y1)
    left, top, right, bottom = int(x1 - dx), int(y1 - dy), round(x2 + dx), round(y2 + dy)
    width, height = right - left, bottom - top
    inner = (x1 - left) / width, (y1 - top) / height, (x2 - left) / width, (y2 - top) / height
    return scene.pixels[top:bottom, left:right], inner


def looks_tight(single: Single) -> bool:
    """Whether a single is a crop at the edge of its face: upright and not much larger than a face crop is."""
    height, width = single.pixels.shape[:2]
    return 0.6 < width / height < 1.2 and max(height, width) < 240 and (height, width) != (100, 100)


def free_spot(face: Pixels, long: float, boxes: Boxes, size: int, rng: Random) -> tuple[int, int, int, int] | None:
    """Where a face of that size covers no other face: left, top, width, height; None when five tries fail."""
    factor = long / max(face.shape[:2])
    width, height = max(4, round(face.shape[1] * factor)), max(4, round(face.shape[0] * factor))
    for _ in range(5):
        left, top = int(rng.integers(0, size - width)), int(rng.integers(0, size - height))
        common_x = np.minimum(left + width, boxes[:, 3]) - np.maximum(left, boxes[:, 1])
        common_y = np.minimum(top + height, boxes[:, 4]) - np.maximum(top, boxes[:, 2])
        if not ((common_x > 0) & (common_y > 0)).any():
            return left, top, width, height
    return None


def blend(pixels: Pixels, face: Pixels, spot: tuple[int, int, int, int], label: int, inner: Inner, *,
          flip: bool) -> Boxes:  # fmt: skip
    """Draw the face with soft edges into `pixels`; returns its box, which lies at `inner` in the face's picture."""
    left, top, width, height = spot
    way = cv2.INTER_AREA if width < face.shape[1] else cv2.INTER_LINEAR
    small = cv2.resize(face[:, ::-1] if flip else face, (width, height), interpolation=way).astype(np.float32)
    ramp_x = np.minimum(np.arange(width) + 0.5, width - np.arange(width) - 0.5) / (0.08 * width)
    ramp_y = np.minimum(np.arange(height) + 0.5, height - np.arange(height) - 0.5) / (0.08 * height)
    alpha = np.minimum(np.minimum.outer(ramp_y, ramp_x), 1.0).astype(np.float32)[..., None]
    under = pixels[top : top + height, left : left + width]
    under[:] = (small * alpha + under * (1 - alpha)).astype(np.uint8)
    x1, y1, x2, y2 = inner
    if flip:
        x1, x2 = 1 - x2, 1 - x1
    box = [label, left + x1 * width, top + y1 * height, left + x2 * width, top + y2 * height]
    return np.array([box], np.float32)
