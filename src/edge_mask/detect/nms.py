"""Non-maximum suppression: of overlapping boxes the best one stays; the others may correct its place and its score.

candidates ─▶ the best of each place ─▶ box: mean of those that vote, one for all labels
           ─▶ score: more with support, less beside a better one
"""

import math
from dataclasses import dataclass
from operator import mul

import numpy as np
from numpy.typing import NDArray

from edge_mask.detect.arrays import Candidates, Found, Handful, Indices
from edge_mask.geometry import Corners, iou, iou_of_corners

MOST_CANDIDATES = 1000
"""At most this many of the best candidates are compared with each other (a million pairs)."""
FEW = 64
"""Up to this many candidates are compared one by one."""
FEW_PAIRS = 250
"""Up to this many comparisons plain sums take less time than the calls of NumPy."""
_LEAST_WEIGHT = 1e-12
"""The least weight of a box that votes: the scores of all of them may be 0."""
_SURE = 1e-6
"""Distance that scores keep from 0 and 1 where their logit is computed."""


@dataclass(frozen=True, slots=True)
class Suppression:
    """How overlapping boxes affect each other."""

    iou: float
    """Boxes that overlap a better one by more than this are removed."""
    class_agnostic: bool
    """True: labels do not matter. False: only boxes of the same label affect each other."""
    most: int
    vote: float | None = None
    """Box voting: a box that stays moves to the mean of the boxes of its label that overlap it by more than this,
    weighted by the squares of their scores (Gidaris and Komodakis, "Object detection via a multi-region &
    semantic segmentation-aware CNN model", 2015)."""
    support: float = 0.0
    """The logit of what stays grows by this times ln n, where n is how many went for it: the sum of their scores times
    overlaps, its own score being one. Not for `class_agnostic`: another label is no support."""
    share: float | None = None
    """How much what stays must overlap a better one of another label to get the box of that: a face that goes by two
    labels lies at one place. Both need a score from `floor` on."""
    floor: float = 0.0
    """The score from which a candidate votes, supports and shares. Faint candidates that a low threshold lets in do
    not change the others. For a box that stays with a lower score, all vote."""
    decay: float | None = None
    """What stays beside a better one, overlapping it by o, is worth exp(-o²/decay) of its score (soft suppression:
    Bodla et al., "Soft-NMS", 2017)."""

    @property
    def changes_scores(self) -> bool:
        """Whether what stays may get another score than it came with."""
        return self.support > 0.0 or self.decay is not None


def suppress(found: Found, rules: Suppression) -> Found:
    """The best candidates first, without those that overlap a better one, at most so many as the rules allow.

    Equal scores keep the order in which they came, so the same picture always gives the same list.
    """
    if len(found) < 2:
        return found
    left: Found | None = _suppress_few(found.plain(), rules) if len(found) <= FEW else None
    if left is None:
        left = _suppress_many(found.arrays(), rules)
    return left.best_first() if rules.changes_scores else left


def _suppress_many(found: Candidates, rules: Suppression) -> Candidates:
    order = np.argsort(-found.scores, kind="stable")[:MOST_CANDIDATES]
    boxes, scores, labels = found.boxes[order], found.scores[order], found.labels[order]
    common = iou(boxes, boxes)
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
        weights = near * np.maximum(scores * scores, np.float32(_LEAST_WEIGHT))
        left = weights @ boxes / weights.sum(axis=1, keepdims=True)
    if rules.share is not None:
        sure = int((values >= rules.floor).sum())
        some = _shared(left[:sure].tolist(), values[:sure].tolist(), labels[kept[:sure]].tolist(), rules)
        left = np.concatenate([np.array(some, np.float32).reshape(-1, 4), left[sure:]])
    if rules.support:
        near = common > rules.iou
        went_for = near & (near.argmax(axis=0) == np.arange(len(kept))[:, None])
        backing = np.where(went_for & (scores >= rules.floor), common, 0.0) * scores
        backing[own] = 0.0
        chance = np.clip(values, _SURE, 1.0 - _SURE)
        against = (1.0 - chance) / chance * (1.0 + backing.sum(axis=1) / chance) ** -rules.support
        values = 1.0 / (1.0 + against)
    if rules.decay is not None:
        values = values * np.exp(np.square(np.tril(common[:, kept], -1)).sum(axis=1) / -rules.decay)
    return Candidates(np.asarray(left, np.float32), np.asarray(values, np.float32), labels[kept])


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


def _suppress_few(found: Handful, rules: Suppression) -> Handful | None:
    """The same in plain numbers: each that stays looks once at all others. None when these are many looks."""
    boxes, scores, labels = found.boxes, found.scores, found.labels
    kept: list[int] = []
    left: list[Corners] = []
    values: list[float] = []
    gone: set[int] = set()
    beside = [0.0] * len(scores)
    """Squares of what each shares with the better ones that stay."""
    for place in sorted(range(len(scores)), key=scores.__getitem__, reverse=True):  # stable, in reverse, too
        if place in gone:
            continue
        if (len(kept) + 1) * len(scores) > FEW_PAIRS:
            return None
        box, value, label = boxes[place], scores[place], labels[place]
        common = [
            iou_of_corners(box, other) if rules.class_agnostic or labels[k] == label else 0.0
            for k, other in enumerate(boxes)
        ]
        common[place] = 0.0
        near = [k for k, share in enumerate(common) if share > rules.iou and k not in gone]
        gone.update(near)
        kept.append(place)
        left.append(box if rules.vote is None else _voted(place, boxes, scores, labels, common, rules))
        if rules.support:
            backing = sum(common[k] * scores[k] for k in near if scores[k] >= rules.floor)
            chance = min(max(value, _SURE), 1.0 - _SURE)
            value = 1.0 / (1.0 + (1.0 - chance) / chance * (1.0 + backing / chance) ** -rules.support)
        if rules.decay is not None:
            value *= math.exp(beside[place] / -rules.decay)
            beside = [sum_ + share * share for sum_, share in zip(beside, common, strict=True)]
        values.append(value)
        if len(kept) == rules.most:
            break
    if rules.share is not None:
        left = _shared(left, [scores[place] for place in kept], [labels[place] for place in kept], rules)
    return Handful(left, values, [labels[place] for place in kept])


def _shared(boxes: list[Corners], scores: list[float], labels: list[int], rules: Suppression) -> list[Corners]:
    """The boxes that stay, best first; one that overlaps a better one of another label has the box of that."""
    limit = 1.0 if rules.share is None else rules.share
    found: list[Corners] = []
    for place, (box, label) in enumerate(zip(boxes, labels, strict=True)):
        if scores[place] < rules.floor:
            return found + boxes[place:]
        better = (k for k in range(place) if labels[k] != label and iou_of_corners(boxes[k], box) > limit)
        first = next(better, None)
        found.append(box if first is None else found[first])
    return found


def _voted(
    place: int, boxes: list[Corners], scores: list[float], labels: list[int], common: list[float], rules: Suppression
) -> Corners:
    """One box, moved to the weighted mean of those that overlap it and have its label."""
    limit, least = rules.vote or 0.0, min(rules.floor, scores[place])
    near = [
        k
        for k, share in enumerate(common)
        if k == place or (share > limit and labels[k] == labels[place] and scores[k] >= least)
    ]
    weights = [max(scores[k] ** 2, _LEAST_WEIGHT) for k in near]
    total = sum(weights)
    return [sum(map(mul, side, weights)) / total for side in zip(*(boxes[k] for k in near), strict=True)]
