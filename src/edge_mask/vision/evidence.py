"""What the pixels say of a face beside its label: how sharp it is, and what has changed since the look before.

Both are taken from small grey pictures: they cost a fraction of a millisecond, and averaging takes noise out.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge_mask.decide.look import Evidence
from edge_mask.messages import Box, Image, Track

_SIDE = 48
"""Pixels of a face when its sharpness is measured."""
_CELLS = 16
"""Pixels of a place when its change is measured: each is the mean of many of the camera's."""
_ENOUGH = 96
"""Pixels across that are looked at; of a larger face every second, third … one."""
_LEAST_CONTRAST = 4.0
"""Grey levels; a plainer face than this is no sharper for its noise."""

Grey = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class _Before:
    """One face at the look before."""

    box: Box
    face: Grey
    corners: tuple[Grey, ...]


class Examiner:
    """Examines the faces of one camera; one thread at a time uses it."""

    def __init__(self) -> None:
        self._before: dict[int, _Before] = {}

    def examine(self, image: Image, tracks: Sequence[Track]) -> dict[int, Evidence]:
        """The evidence of each track in this frame, by its id."""
        seen: dict[int, _Before] = {}
        found: dict[int, Evidence] = {}
        for track in tracks:
            box, before = track.face.box, self._before.get(track.id)
            change, noise = (None, None) if before is None else _changes(image, before)
            seen[track.id] = _Before(
                box, _cells(image, box), tuple(_cells(image, each) for each in _places(image, box))
            )
            height, width = image.shape[:2]
            size = max(box.w, box.h) / min(height, width)
            aspect = box.w / box.h if box.h else 0.0
            found[track.id] = Evidence(_sharpness(image, box), round(size, 3), round(aspect, 3), change, noise)
        self._before = seen
        return found


def _changes(image: Image, before: _Before) -> tuple[float, float]:
    """Of the place where the face was, and of the place that changed least."""
    others = zip(_places(image, before.box), before.corners, strict=True)
    noise = min(_difference(_cells(image, box), old) for box, old in others)
    return round(_difference(_cells(image, before.box), before.face), 3), round(noise, 3)


def _places(image: Image, box: Box) -> list[Box]:
    """The four corners of the picture, each as large as the face where there is room."""
    height, width = image.shape[:2]
    w, h = min(box.w, width / 2), min(box.h, height / 2)
    return [Box(x, y, w, h) for x in (0.0, width - w) for y in (0.0, height - h)]


def _difference(new: Grey, old: Grey) -> float:
    """Mean change of cells, without what all of them share: a camera that opens up makes everything brighter."""
    step = new - old
    return float(np.abs(step - step.mean()).mean())


def _sharpness(image: Image, box: Box) -> float:
    face = _shrunk(image, box, _SIDE)
    contrast = max(float(face.std()), _LEAST_CONTRAST)
    bends = sum(float(np.abs(np.diff(face, n=2, axis=axis)).mean()) for axis in (0, 1))
    return round(bends / contrast, 3)


def _cells(image: Image, box: Box) -> Grey:
    return _shrunk(image, box, _CELLS)


def _shrunk(image: Image, box: Box, side: int) -> Grey:
    """The part of the picture in the box as `side` x `side` means of its green, most of the light."""
    import cv2

    height, width = image.shape[:2]
    left, top = min(max(int(box.x), 0), width - 1), min(max(int(box.y), 0), height - 1)
    right, bottom = max(left + 1, min(int(box.x + box.w), width)), max(top + 1, min(int(box.y + box.h), height))
    step = max(1, max(right - left, bottom - top) // _ENOUGH)
    part = np.ascontiguousarray(image[top:bottom:step, left:right:step, 1])
    return np.asarray(cv2.resize(part, (side, side), interpolation=cv2.INTER_AREA), np.float32)
