"""Non-maximum suppression: of boxes that overlap, the best one stays, and the others may say what they know of it.

candidates ─▶ the best of each place ─▶ box: mean of those that vote, one for all labels
           ─▶ score: more with support, less beside a better one
"""

import numpy as np
from numpy.typing import NDArray

from edge_mask.detect.arrays import F32, Candidates, Found, Indices
from edge_mask.detect.nms_few import shared, suppress_few
from edge_mask.detect.nms_rules import LEAST_WEIGHT, SURE, Suppression

MOST_CANDIDATES = 1000
"""Only the best so many are compared with each other (a million pairs)."""
FEW = 64
"""Up to so many are compared one by one."""


def suppress(found: Found, rules: Suppression) -> Found:
    """The best candidates first, without those that overlap a better one, at most so many as the rules allow.

    Equal scores keep the order in which they came, so the same picture always gives the same list.
    """
    if len(found) < 2:
        return found
    left: Found | None = suppress_few(found.plain(), rules) if len(found) <= FEW else None
    if left is None:
        left = _suppress_many(found.arrays(), rules)
    return left.best_first() if rules.changes_scores else left


def _suppress_many(found: Candidates, rules: Suppression) -> Candidates:
    order = np.argsort(-found.scores, kind="stable")[:MOST_CANDIDATES]
    boxes, scores, labels = found.boxes[order], found.scores[order], found.labels[order]
    common = overlaps(boxes, boxes)
    if not rules.class_agnostic:
        common *= labels[:, None] == labels
    kept = _survivors(common > rules.iou, rules.most)
    common = common[kept]
    own = np.arange(len(kept)), kept
    left, values = boxes[kept], scores[kept]
    if rules.vote is not None:
        voices = scores >= np.minimum(rules.floor, values)[:, None]
        near = (common > rules.vote) & (labels[kept, None] == labels) & voices
        near[own] = True  # a box without area does not even overlap itself
        weights = near * np.maximum(scores * scores, np.float32(LEAST_WEIGHT))
        left = weights @ boxes / weights.sum(axis=1, keepdims=True)
    if rules.share is not None:
        sure = int((values >= rules.floor).sum())
        some = shared(left[:sure].tolist(), values[:sure].tolist(), labels[kept[:sure]].tolist(), rules)
        left = np.concatenate([np.array(some, np.float32).reshape(-1, 4), left[sure:]])
    if rules.support:
        near = common > rules.iou
        went_for = near & (near.argmax(axis=0) == np.arange(len(kept))[:, None])
        backing = np.where(went_for & (scores >= rules.floor), common, 0.0) * scores
        backing[own] = 0.0
        chance = np.clip(values, SURE, 1.0 - SURE)
        against = (1.0 - chance) / chance * (1.0 + backing.sum(axis=1) / chance) ** -rules.support
        values = 1.0 / (1.0 + against)
    if rules.decay is not None:
        values = values * np.exp(np.square(np.tril(common[:, kept], -1)).sum(axis=1) / -rules.decay)
    return Candidates(np.asarray(left, np.float32), np.asarray(values, np.float32), labels[kept])


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
