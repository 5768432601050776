"""Boxes and polygons as arrays: overlap, distance, and who stands inside."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from edge_mask.messages import Box

Floats = NDArray[np.float64]

Polygon = Sequence[tuple[float, float]]
"""Corners in relative coordinates: x from left 0 to right 1, y from top 0 to bottom 1."""


def corners(boxes: Sequence[Box]) -> Floats:
    """One row per box: left, top, right, bottom."""
    rows = np.array([(box.x, box.y, box.w, box.h) for box in boxes], dtype=np.float64).reshape(-1, 4)
    rows[:, 2:] += rows[:, :2]
    return rows


def iou(first: Floats, second: Floats) -> Floats:
    """Intersection over union of each box of `first` (rows) with each of `second` (columns), 0..1."""
    shared = _shared(first, second)
    union = _areas(first)[:, None] + _areas(second)[None, :] - shared
    overlap: Floats = np.divide(shared, union, out=np.zeros_like(shared), where=union > 0.0)
    return overlap


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


def overlap(a: Box, b: Box) -> float:
    """`iou` of one pair."""
    wide = min(a.x + a.w, b.x + b.w) - max(a.x, b.x)
    high = min(a.y + a.h, b.y + b.h) - max(a.y, b.y)
    shared = wide * high if wide > 0.0 and high > 0.0 else 0.0
    union = a.w * a.h + b.w * b.h - shared
    return shared / union if union > 0.0 else 0.0


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


def _shared(first: Floats, second: Floats) -> Floats:
    left_top = np.maximum(first[:, None, :2], second[None, :, :2])
    right_bottom = np.minimum(first[:, None, 2:], second[None, :, 2:])
    shared: Floats = np.clip(right_bottom - left_top, 0.0, None).prod(axis=2)
    return shared


def _areas(boxes: Floats) -> Floats:
    areas: Floats = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    return areas


def _centres(boxes: Floats) -> Floats:
    centres: Floats = (boxes[:, :2] + boxes[:, 2:]) / 2.0
    return centres


def _sizes(boxes: Floats) -> Floats:
    sizes: Floats = (boxes[:, 2:] - boxes[:, :2]).max(axis=1)
    return sizes
