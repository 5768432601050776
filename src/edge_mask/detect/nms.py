"""Non-maximum suppression: of boxes that overlap, the best one stays."""

from operator import mul

import numpy as np
from numpy.typing import NDArray

from edge_mask.detect.arrays import F32, FEW, Candidates, Indices

MOST_CANDIDATES = 1000
"""Only the best so many are compared with each other (a million pairs)."""
_LEAST_WEIGHT = 1e-12


def suppress(
    found: Candidates, *, iou: float, class_agnostic: bool, most: int, vote: float | None = None
) -> Candidates:
    """The best candidates first, without those that overlap a better one by more than `iou`, at most `most`.

    With `vote` the box of each is the mean of the boxes of its label that overlap it by more than that, weighted by
    the squares of their scores (box voting: Gidaris and Komodakis, "Object detection via a multi-region & semantic
    segmentation-aware CNN model", 2015). Equal scores keep the order in which they came, so the same picture always
    gives the same list.
    """
    if len(found) <= FEW:
        return _suppress_few(found, iou, class_agnostic, most, vote)
    order = np.argsort(-found.scores, kind="stable")[:MOST_CANDIDATES]
    boxes, scores, labels = found.boxes[order], found.scores[order], found.labels[order]
    clash = overlaps(boxes, boxes) > iou
    if not class_agnostic:
        clash &= labels[:, None] == labels
    kept = _survivors(clash, most)
    left = boxes[kept] if vote is None else _voted(boxes, scores, labels, kept, vote)
    return Candidates(left, scores[kept], labels[kept])


def _voted(boxes: F32, scores: F32, labels: Indices, kept: Indices, limit: float) -> F32:
    """The kept boxes, each moved to the weighted mean of those that overlap it and have its label."""
    near = overlaps(boxes[kept], boxes) > limit
    near &= labels[kept, None] == labels
    near[np.arange(len(kept)), kept] = True  # a box without area does not even overlap itself
    weights = near * np.maximum(scores * scores, np.float32(_LEAST_WEIGHT))
    return np.asarray(weights @ boxes / weights.sum(axis=1, keepdims=True), np.float32)


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


_Box = list[float]


def _suppress_few(found: Candidates, iou: float, class_agnostic: bool, most: int, vote: float | None) -> Candidates:
    """The same choice and the same votes in plain numbers: each that stays looks once at all others."""
    boxes, scores, labels = found.boxes.tolist(), found.scores.tolist(), found.labels.tolist()
    kept: list[int] = []
    left: list[_Box] = []
    gone: set[int] = set()
    for place in sorted(range(len(scores)), key=scores.__getitem__, reverse=True):  # stable, in reverse, too
        if place in gone:
            continue
        box, label = boxes[place], labels[place]
        common = [_overlap(box, other) for other in boxes]
        gone.update(k for k, share in enumerate(common) if share > iou and (class_agnostic or labels[k] == label))
        kept.append(place)
        if vote is not None:
            # A box without area does not even overlap itself.
            near = [k for k, share in enumerate(common) if (share > vote or k == place) and labels[k] == label]
            box = _mean([boxes[k] for k in near], [max(scores[k] ** 2, _LEAST_WEIGHT) for k in near])
        left.append(box)
        if len(kept) == most:
            break
    return Candidates(np.array(left, np.float32).reshape(-1, 4), found.scores[kept], found.labels[kept])


def _mean(boxes: list[_Box], weights: list[float]) -> _Box:
    total = sum(weights)
    return [sum(map(mul, side, weights)) / total for side in zip(*boxes, strict=True)]


def _overlap(one: _Box, other: _Box) -> float:
    """Intersection over union of two boxes; 0 for boxes without area."""
    left, top, right, bottom = one
    x1, y1, x2, y2 = other
    # A call of min or max takes longer than all of the sums here.
    wide = (right if right < x2 else x2) - (left if left > x1 else x1)  # noqa: FURB136
    high = (bottom if bottom < y2 else y2) - (top if top > y1 else y1)  # noqa: FURB136
    if wide <= 0.0 or high <= 0.0:
        return 0.0
    common = wide * high
    return common / max((right - left) * (bottom - top) + (x2 - x1) * (y2 - y1) - common, 1e-9)
