"""What overlapping boxes mean to each other; `nms` and `nms_few` do it."""

from dataclasses import dataclass

LEAST_WEIGHT = 1e-12
"""Of a box that votes: all may have a score of nothing."""
SURE = 1e-6
"""Scores are kept so far from 0 and 1 where their logit is asked for."""


@dataclass(frozen=True, slots=True)
class Suppression:
    """What overlapping boxes mean to each other."""

    iou: float
    """Boxes that overlap a better one by more than this go."""
    class_agnostic: bool
    """Whatever their labels; else only those of the same label have to do with each other."""
    most: int
    vote: float | None = None
    """How much a box of the same label must overlap one that stays to have a say in where that lies: the mean,
    weighted by the squares of the scores (box voting: Gidaris and Komodakis, "Object detection via a multi-region &
    semantic segmentation-aware CNN model", 2015)."""
    support: float = 0.0
    """The logit of what stays grows by this times ln n, where n is how many went for it: the sum of their scores times
    overlaps, its own score being one. Not for `class_agnostic`: another label is no support."""
    share: float | None = None
    """How much what stays must overlap a better one of another label to get the box of that: a face that goes by two
    labels lies at one place. Both need a score from `floor` on."""
    floor: float = 0.0
    """The score from which a candidate votes, is support and shares, so that none of it depends on how many faint ones
    were let in. For what stays with less than that, all vote."""
    decay: float | None = None
    """What stays beside a better one, overlapping it by o, is worth exp(-o²/decay) of its score (soft suppression:
    Bodla et al., "Soft-NMS", 2017)."""

    @property
    def changes_scores(self) -> bool:
        """Whether what stays may get another score than it came with."""
        return self.support > 0.0 or self.decay is not None
