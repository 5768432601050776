"""Which face of this frame is which face of the last: by overlap, then by nearness."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge_mask.geometry import Floats, apartness, corners, covering, distance, iou, iou_of_boxes
from edge_mask.messages import Box, Face, Track
from edge_mask.track.votes import Ballot, VotePolicy
from edge_mask.units import Moment, Seconds

_SAME = 0.75
"""Two boxes that share more than this part of the smaller one are the same face."""


@dataclass(frozen=True, slots=True)
class TrackPolicy:
    """When two boxes are one face."""

    min_iou: float = 0.3
    max_apart: float = 1.0
    """Boxes that overlap less match if their centres are at most this many face sizes apart (slow cameras)."""
    max_age: Seconds = Seconds(1.0)
    """A face that was missing for longer while frames came is somebody else when it comes back."""
    max_gap: Seconds = Seconds(5.0)
    """The longest pause between two frames (a slow device); after a longer one everybody is somebody else."""
    confirm_after: int = 1
    """Frames that must show a face before it is reported; 2 hides what the detector sees only once."""


@dataclass(slots=True)
class _Follow:
    """One face being followed."""

    id: int
    face: Face
    first: Moment
    last: Moment
    ballot: Ballot
    hits: int = 0

    def see(self, face: Face, at: Moment) -> None:
        self.face, self.last = face, at
        self.hits += 1
        self.ballot.add(face.label, face.score, at.mono)

    def told(self) -> Track:
        return Track(self.id, self.face, self.ballot.tally(), self.first, self.last)


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


class Tracker:
    """Follows the faces of one camera; state in, faces in, tracks out, time only as an argument."""

    def __init__(self, policy: TrackPolicy | None = None, votes: VotePolicy | None = None) -> None:
        self._policy = policy or TrackPolicy()
        self._votes = votes or VotePolicy()
        self._followed: list[_Follow] = []
        self._next_id = 1
        self._frame_before: Moment | None = None

    def update(self, faces: Sequence[Face], at: Moment) -> list[Track]:
        """The tracks of the faces in this frame, in the order of `faces`; the same whatever that order is.

        Ids count up from 1 and are never used again.
        """
        self._followed = [each for each in self._followed if self._may_return(each, at)]
        self._frame_before = at
        order = sorted(range(len(faces)), key=lambda index: _place(faces[index]))
        seen: dict[int, _Follow] = {}
        for index, follow in self._matches([faces[index] for index in order]):
            seen[order[index]] = follow
        for index in order:
            if index not in seen:
                seen[index] = self._begin(faces[index], at)
            seen[index].see(faces[index], at)
        return [seen[index].told() for index in range(len(faces)) if seen[index].hits >= self._policy.confirm_after]

    def _may_return(self, each: _Follow, at: Moment) -> bool:
        limit = self._policy.max_gap if each.last == self._frame_before else self._policy.max_age
        return at.mono - each.last.mono <= limit

    def _begin(self, face: Face, at: Moment) -> _Follow:
        follow = _Follow(self._next_id, face, at, at, Ballot(self._votes))
        self._next_id += 1
        self._followed.append(follow)
        return follow

    def _matches(self, faces: Sequence[Face]) -> list[tuple[int, _Follow]]:
        """Pairs of a face's index and whom it belongs to: overlap first, then nearness for what is left."""
        if not faces or not self._followed:
            return []
        if len(faces) == len(self._followed) == 1:
            is_same = self._is_same(faces[0].box, self._followed[0].face.box)
            return [(0, self._followed[0])] if is_same else []
        new, old = corners([face.box for face in faces]), corners([each.face.box for each in self._followed])
        cost = np.concatenate([1.0 - iou(new, old), 1.0 + apartness(new, old)], axis=1)
        allowed = np.full_like(cost, 1.0 + self._policy.max_apart)
        allowed[:, : len(old)] = 1.0 - self._policy.min_iou
        pairs = _greedy(np.where(cost <= allowed, cost, np.inf), len(old))
        return [(face, self._followed[index]) for face, index in pairs]

    def _is_same(self, new: Box, old: Box) -> bool:
        """The same choice for one face and one followed: the usual case at a gate, where arrays cost more than sums."""
        if iou_of_boxes(new, old) >= self._policy.min_iou:
            return True
        return distance(new, old) <= self._policy.max_apart


def _greedy(cost: Floats, columns: int) -> list[tuple[int, int]]:
    """The cheapest pair first, each row and each column once; `cost` holds several blocks of `columns` side by side."""
    rows, places = np.nonzero(np.isfinite(cost))
    order: NDArray[np.intp] = np.argsort(cost[rows, places], kind="stable")
    taken_rows: set[int] = set()
    taken_columns: set[int] = set()
    pairs = []
    for row, column in zip(rows[order].tolist(), (places[order] % columns).tolist(), strict=True):
        if row not in taken_rows and column not in taken_columns:
            taken_rows.add(row)
            taken_columns.add(column)
            pairs.append((row, column))
    return pairs


def _place(face: Face) -> tuple[float, float, float, float, float, str]:
    return (face.box.x, face.box.y, face.box.w, face.box.h, face.score, face.label)
