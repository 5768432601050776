"""One person has one face: what a detector said twice is taken once."""

from collections.abc import Sequence

from edge_mask.messages import Face
from edge_mask.track.geometry import corners, covering

_SAME = 0.75
"""Of two boxes that share so much of the smaller one, both are the same face."""


def distinct(faces: Sequence[Face]) -> list[Face]:
    """The faces without those that lie mostly in (or around) one with a better score, whatever their labels.

    Overlap alone does not tell: a detector may give one face in two sizes, or with two labels. For the measures of
    detection such pairs cost little; a gate must not see two visitors. The order stays.
    """
    if len(faces) < 2:
        return list(faces)
    boxes = corners([face.box for face in faces])
    same = covering(boxes, boxes) > _SAME
    kept: list[int] = []
    for index in sorted(range(len(faces)), key=lambda each: -faces[each].score):
        if not any(same[index, better] for better in kept):
            kept.append(index)
    return [faces[index] for index in sorted(kept)]
