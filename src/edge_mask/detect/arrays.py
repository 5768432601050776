"""The array types of this room and the check that keeps rubbish out."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge_mask.errors import Broken
from edge_mask.geometry import Corners

F32 = NDArray[np.float32]
Indices = NDArray[np.intp]

_DIGITS = 5
"""Scores are compared to this many digits: sums of plain numbers and of arrays differ in the last one."""


@dataclass(frozen=True, slots=True, eq=False)
class Candidates:
    """What a decoder found, before overlapping boxes are removed; three arrays of the same length.

    `boxes` are left, top, right, bottom in pixels of the model's input; `labels` index the card's labels.
    """

    boxes: F32
    scores: F32
    labels: Indices

    def __len__(self) -> int:
        return len(self.scores)

    def plain(self) -> "Handful":
        """The same in plain numbers."""
        return Handful(self.boxes.tolist(), self.scores.tolist(), self.labels.tolist())

    def arrays(self) -> "Candidates":
        """Itself: what was found may be either."""
        return self

    def best_first(self) -> "Candidates":
        """In the order of the scores; equal ones (to `_DIGITS`) keep theirs."""
        order = np.argsort(-np.round(self.scores, _DIGITS), kind="stable")
        return Candidates(self.boxes[order], self.scores[order], self.labels[order])


@dataclass(frozen=True, slots=True, eq=False)
class Handful:
    """A few candidates in plain numbers: dozens of calls of NumPy would take longer than the sums, most of all after
    a graph has pushed NumPy out of the cache."""

    boxes: list[Corners]
    scores: list[float]
    labels: list[int]

    def __len__(self) -> int:
        return len(self.scores)

    def plain(self) -> "Handful":
        """Itself."""
        return self

    def best_first(self) -> "Handful":
        """In the order of the scores; equal ones (to `_DIGITS`) keep theirs."""
        ranks = [round(score, _DIGITS) for score in self.scores]
        order = sorted(range(len(ranks)), key=ranks.__getitem__, reverse=True)  # stable, in reverse, too
        return Handful(
            [self.boxes[place] for place in order],
            [self.scores[place] for place in order],
            [self.labels[place] for place in order],
        )

    def arrays(self) -> Candidates:
        """The same as arrays."""
        if not self.scores:
            return NOTHING
        boxes, scores = np.array(self.boxes, np.float32), np.array(self.scores, np.float32)
        return Candidates(boxes, scores, np.array(self.labels, np.intp))


Found = Candidates | Handful

NOTHING = Candidates(np.zeros((0, 4), np.float32), np.zeros(0, np.float32), np.zeros(0, np.intp))


def check_range(what: str, values: F32, lowest: float, highest: float) -> None:
    """Raise Broken unless every value lies in the range; NaN never does."""
    if not values.size:
        return
    least, most = float(values.min()), float(values.max())
    if not (least >= lowest and most <= highest):
        raise Broken(f"the model's {what} run from {least:g} to {most:g}, allowed is {lowest:g} to {highest:g}")


def check_size(what: str, values: F32, most: float) -> None:
    """The same for -most … most, much faster where all is well: one product shows NaN and infinity, too."""
    flat = values.ravel()
    if not float(np.dot(flat, flat)) <= most**2:
        check_range(what, values, -most, most)
