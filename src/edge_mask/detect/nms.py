"""Non-maximum suppression: of boxes that overlap, the best one stays."""

import numpy as np
from numpy.typing import NDArray

from edge_mask.detect.arrays import F32, Candidates, Indices

MOST_CANDIDATES = 1000
"""Only the best so many are compared with each other (a million pairs)."""
_FEW = 24


def suppress(found: Candidates, *, iou: float, class_agnostic: bool, most: int) -> Candidates:
    """The best candidates first, without those that overlap a better one by more than `iou`, at most `most`.

    Equal scores keep the order in which they came, so the same picture always gives the same list.
    """
    order = np.argsort(-found.scores, kind="stable")[:MOST_CANDIDATES]
    if len(order) > _FEW:
        boxes, labels = found.boxes[order], found.labels[order]
        clash = overlaps(boxes) > iou
        if not class_agnostic:
            clash &= labels[:, None] == labels[None, :]
        order = order[_survivors(clash, most)]
    elif len(order) > 1:
        order = order[_survivors_of_few(found.boxes[order].tolist(), found.labels[order].tolist(), iou, class_agnostic)]
    order = order[:most]
    return Candidates(found.boxes[order], found.scores[order], found.labels[order])


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


def overlaps(boxes: F32) -> F32:
    """Intersection over union of each box with each other one; 0 for boxes without area."""
    left, top, right, bottom = boxes.T
    wide = np.minimum(right[:, None], right) - np.maximum(left[:, None], left)
    high = np.minimum(bottom[:, None], bottom) - np.maximum(top[:, None], top)
    common = np.maximum(wide, 0.0) * np.maximum(high, 0.0)
    area = (right - left) * (bottom - top)
    return np.asarray(common / np.maximum(area[:, None] + area - common, 1e-9), np.float32)


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
