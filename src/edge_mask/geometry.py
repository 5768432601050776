"""Boxes and polygons as arrays: overlap, distance, and who stands inside."""

import math
from collections.abc import Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from edge_mask.messages import Box

Floats = NDArray[np.float64]
Real = TypeVar("Real", np.float32, np.float64)

Corners = Sequence[float]
"""Left, top, right, bottom of one box."""
Polygon = Sequence[tuple[float, float]]
"""Corners in relative coordinates: x from left 0 to right 1, y from top 0 to bottom 1."""


def corners(boxes: Sequence[Box]) -> Floats:
    """One row per box: left, top, right, bottom."""
    rows = np.array([(box.x, box.y, box.w, box.h) for box in boxes], dtype=np.float64).reshape(-1, 4)
    rows[:, 2:] += rows[:, :2]
    return rows


def iou(first: NDArray[Real], second: NDArray[Real]) -> NDArray[Real]:
    """Intersection over union of each box of `first` (rows) with each of `second` (columns), 0..1."""
    shared = _shared(first, second)
    union = _areas(first)[:, None] + _areas(second) - shared
    overlap: NDArray[Real] = np.divide(shared, union, out=np.zeros_like(shared), where=union > 0.0)
    return overlap


def iou_of_corners(one: Corners, other: Corners) -> float:
    """`iou` of one pair in plain numbers, which is quicker than a call of NumPy; 0 for boxes without area."""
    left, top, right, bottom = one
    x1, y1, x2, y2 = other
    # A call of min or max takes longer than all of the sums here.
    wide = (right if right < x2 else x2) - (left if left > x1 else x1)  # noqa: FURB136
    high = (bottom if bottom < y2 else y2) - (top if top > y1 else y1)  # noqa: FURB136
    if wide <= 0.0 or high <= 0.0:
        return 0.0
    shared = wide * high
    return shared / max((right - left) * (bottom - top) + (x2 - x1) * (y2 - y1) - shared, 1e-9)


def iou_of_boxes(a: Box, b: Box) -> float:
    """`iou` of one pair."""
    return iou_of_corners((a.x, a.y, a.x + a.w, a.y + a.h), (b.x, b.y, b.x + b.w, b.y + b.h))


def covering(first: Floats, second: Floats) -> Floats:
    """The common part of each pair as a part of the smaller box, 0..1: 1 when one lies inside the other."""
    shared = _shared(first, second)
    smaller = np.minimum(_areas(first)[:, None], _areas(second)[None, :])
    part: Floats = np.divide(shared, smaller, out=np.zeros_like(shared), where=smaller > 0.0)
    return part


def apartness(first: Floats, second: Floats) -> Floats:
    """Distance of centres in units of the two boxes' mean longer side; infinite when one is twice the other's size."""
    centre_a, centre_b = _centres(first), _centres(second)
    size_a, size_b = _sizes(first)[:, None], _sizes(second)[None, :]
    distance = np.hypot(*(centre_a[:, None, axis] - centre_b[None, :, axis] for axis in (0, 1)))
    size = np.maximum((size_a + size_b) / 2.0, 1e-9)
    alike = np.maximum(size_a, size_b) <= 2.0 * np.minimum(size_a, size_b)
    return np.where(alike, distance / size, np.inf)


def distance(a: Box, b: Box) -> float:
    """`apartness` of one pair."""
    size_a, size_b = max(a.w, a.h), max(b.w, b.h)
    if max(size_a, size_b) > 2.0 * min(size_a, size_b):
        return math.inf
    across, down = (a.x + a.w / 2.0) - (b.x + b.w / 2.0), (a.y + a.h / 2.0) - (b.y + b.h / 2.0)
    return math.hypot(across, down) / max((size_a + size_b) / 2.0, 1e-9)


def is_inside(box: Box, zone: Polygon, width: float, height: float) -> bool:
    """True when the box's centre lies in the polygon, in a picture of `width` x `height` pixels (even-odd rule)."""
    x, y = (box.x + box.w / 2.0) / width, (box.y + box.h / 2.0) / height
    inside = False
    for (x1, y1), (x2, y2) in zip(zone, (*zone[1:], zone[0]), strict=True):
        if (y1 > y) != (y2 > y) and x < (x2 - x1) * (y - y1) / (y2 - y1) + x1:
            inside = not inside
    return inside


def _shared(first: NDArray[Real], second: NDArray[Real]) -> NDArray[Real]:
    left, top, right, bottom = first.T[..., None]
    left_of, top_of, right_of, bottom_of = second.T
    wide = np.minimum(right, right_of) - np.maximum(left, left_of)
    high = np.minimum(bottom, bottom_of) - np.maximum(top, top_of)
    shared: NDArray[Real] = np.maximum(wide, 0.0) * np.maximum(high, 0.0)
    return shared


def _areas(boxes: NDArray[Real]) -> NDArray[Real]:
    left, top, right, bottom = boxes.T
    areas: NDArray[Real] = (right - left) * (bottom - top)
    return areas


def _centres(boxes: Floats) -> Floats:
    centres: Floats = (boxes[:, :2] + boxes[:, 2:]) / 2.0
    return centres


def _sizes(boxes: Floats) -> Floats:
    sizes: Floats = (boxes[:, 2:] - boxes[:, :2]).max(axis=1)
    return sizes
