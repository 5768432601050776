"""Non-maximum suppression: of boxes that overlap, the best one stays."""

import numpy as np
from numpy.typing import NDArray

from edge_mask.detect.arrays import F32, Candidates, Indices

MOST_CANDIDATES = 1000
"""Only the best so many are compared with each other (a million pairs)."""
_FEW = 24
_LEAST_WEIGHT = np.float32(1e-12)


def suppress(
    found: Candidates, *, iou: float, class_agnostic: bool, most: int, vote: float | None = None
) -> Candidates:
    """The best candidates first, without those that overlap a better one by more than `iou`, at most `most`.

    With `vote` the box of each is the mean of the boxes of its label that overlap it by more than that, weighted by
    the squares of their scores (box voting: Gidaris and Komodakis, "Object detection via a multi-region & semantic
    segmentation-aware CNN model", 2015). Equal scores keep the order in which they came, so the same picture always
    gives the same list.
    """
    order = np.argsort(-found.scores, kind="stable")[:MOST_CANDIDATES]
    sorted_ = Candidates(found.boxes[order], found.scores[order], found.labels[order])
    if len(order) < 2:
        return sorted_
    if len(order) > _FEW:
        clash = overlaps(sorted_.boxes, sorted_.boxes) > iou
        if not class_agnostic:
            clash &= sorted_.labels[:, None] == sorted_.labels
        kept = _survivors(clash, most)
    else:
        few = _survivors_of_few(sorted_.boxes.tolist(), sorted_.labels.tolist(), iou, class_agnostic)
        kept = np.array(few[:most], np.intp)
    boxes = sorted_.boxes[kept] if vote is None else _voted(sorted_, kept, vote)
    return Candidates(boxes, sorted_.scores[kept], sorted_.labels[kept])


def _voted(found: Candidates, kept: Indices, limit: float) -> F32:
    """The kept boxes, each moved to the weighted mean of those that overlap it and have its label."""
    near = overlaps(found.boxes[kept], found.boxes) > limit
    near &= found.labels[kept, None] == found.labels
    near[np.arange(len(kept)), kept] = True  # a box without area does not even overlap itself
    weights = near * np.maximum(found.scores * found.scores, _LEAST_WEIGHT)
    return np.asarray(weights @ found.boxes / weights.sum(axis=1, keepdims=True), np.float32)


def _survivors_of_few(boxes: list[list[float]], labels: list[int], iou: float, class_agnostic: bool) -> list[int]:
    """The same choice for a handful of candidates, where a dozen numpy calls would take longer than the sums."""
    kept: list[int] = []
    for place, (left, top, right, bottom) in enumerate(boxes):
        for better in kept:
            if class_agnostic or labels[better] == labels[place]:
                x1, y1, x2, y2 = boxes[better]
                wide, high = min(right, x2) - max(left, x1), min(bottom, y2) - max(top, y1)
                common = wide * high if wide > 0.0 and high > 0.0 else 0.0
                area = (right - left) * (bottom - top) + (x2 - x1) * (y2 - y1) - common
                if common > iou * max(area, 1e-9):
                    break
        else:
            kept.append(place)
    return kept


def overlaps(these: F32, those: F32) -> F32:
    """Intersection over union of each of these boxes with each of those; 0 for boxes without area."""
    left, top, right, bottom = these.T[..., None]
    left_of, top_of, right_of, bottom_of = those.T
    wide = np.minimum(right, right_of) - np.maximum(left, left_of)
    high = np.minimum(bottom, bottom_of) - np.maximum(top, top_of)
    common = np.maximum(wide, 0.0) * np.maximum(high, 0.0)
    area = (right - left) * (bottom - top) + (right_of - left_of) * (bottom_of - top_of) - common
    return np.asarray(common / np.maximum(area, 1e-9), np.float32)


def _survivors(clash: NDArray[np.bool_], most: int) -> Indices:
    """Greedy choice over rows sorted by score: whole rows at a time, as bits of one Python integer."""
    rows = [int.from_bytes(row.tobytes(), "little") for row in np.packbits(clash, axis=1, bitorder="little")]
    gone, kept = 0, []
    for place, row in enumerate(rows):
        if not gone >> place & 1:
            kept.append(place)
            if len(kept) == most:
                break
            gone |= row
    return np.array(kept, np.intp)
