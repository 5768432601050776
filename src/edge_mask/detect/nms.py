"""Non-maximum suppression: of boxes that overlap, the best one stays."""

import numpy as np
from numpy.typing import NDArray

from edge_mask.detect.arrays import F32, Candidates, Indices

MOST_CANDIDATES = 1000
"""Only the best so many are compared with each other (a million pairs)."""


def suppress(found: Candidates, *, iou: float, class_agnostic: bool, most: int) -> Candidates:
    """The best candidates first, without those that overlap a better one by more than `iou`, at most `most`.

    Equal scores keep the order in which they came, so the same picture always gives the same list.
    """
    order = np.argsort(-found.scores, kind="stable")[:MOST_CANDIDATES]
    if len(order) > 1:
        boxes, labels = found.boxes[order], found.labels[order]
        clash = overlaps(boxes) > iou
        if not class_agnostic:
            clash &= labels[:, None] == labels[None, :]
        order = order[_survivors(clash, most)]
    order = order[:most]
    return Candidates(found.boxes[order], found.scores[order], found.labels[order])


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
