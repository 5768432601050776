"""Suppression for a handful of candidates in plain numbers: the same as `nms` does with arrays."""

import math
from operator import mul

from edge_mask.detect.arrays import Corners, Handful
from edge_mask.detect.nms_rules import LEAST_WEIGHT, SURE, Suppression

FEW_PAIRS = 250
"""Up to so many looks at pairs: then the sums take less time than the calls of NumPy."""


def suppress_few(found: Handful, rules: Suppression) -> Handful | None:
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
            _overlap(box, other) if rules.class_agnostic or labels[k] == label else 0.0 for k, other in enumerate(boxes)
        ]
        common[place] = 0.0
        near = [k for k, share in enumerate(common) if share > rules.iou and k not in gone]
        gone.update(near)
        kept.append(place)
        left.append(box if rules.vote is None else _voted(place, boxes, scores, labels, common, rules))
        if rules.support:
            backing = sum(common[k] * scores[k] for k in near if scores[k] >= rules.floor)
            chance = min(max(value, SURE), 1.0 - SURE)
            value = 1.0 / (1.0 + (1.0 - chance) / chance * (1.0 + backing / chance) ** -rules.support)
        if rules.decay is not None:
            value *= math.exp(beside[place] / -rules.decay)
            beside = [sum_ + share * share for sum_, share in zip(beside, common, strict=True)]
        values.append(value)
        if len(kept) == rules.most:
            break
    if rules.share is not None:
        left = shared(left, [scores[place] for place in kept], [labels[place] for place in kept], rules)
    return Handful(left, values, [labels[place] for place in kept])


def shared(boxes: list[Corners], scores: list[float], labels: list[int], rules: Suppression) -> list[Corners]:
    """The boxes that stay, best first; one that overlaps a better one of another label has the box of that."""
    limit = 1.0 if rules.share is None else rules.share
    found: list[Corners] = []
    for place, (box, label) in enumerate(zip(boxes, labels, strict=True)):
        if scores[place] < rules.floor:
            return found + boxes[place:]
        better = (k for k in range(place) if labels[k] != label and _overlap(boxes[k], box) > limit)
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
    weights = [max(scores[k] ** 2, LEAST_WEIGHT) for k in near]
    total = sum(weights)
    return [sum(map(mul, side, weights)) / total for side in zip(*(boxes[k] for k in near), strict=True)]


def _overlap(one: Corners, other: Corners) -> float:
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
