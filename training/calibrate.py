"""Scores that mean something: surer answers are right more often (Platt), and 0.5 is a fair threshold."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.annotations import LABELS, Boxes
from training.metrics import Found, match

FEWEST = 30
"""Right answers, and wrong ones, that a line takes."""


@dataclass(frozen=True, slots=True)
class Line:
    """score = sigmoid(slope · logit + offset)."""

    slope: float
    offset: float


def fit(scores: NDArray[np.float32], right: NDArray[np.bool_]) -> Line:
    """Logistic regression of being right on the logit, by Newton steps, with Platt's smoothed targets."""
    logits = _logit(scores)
    good = int(right.sum())
    high, low = (good + 1) / (good + 2), 1 / (len(right) - good + 2)
    target = np.where(right, high, low)
    design = np.stack((logits, np.ones_like(logits)), 1)
    found = np.array([1.0, 0.0])
    for _ in range(50):
        chance = 1 / (1 + np.exp(-design @ found))
        weight = (chance * (1 - chance)).clip(1e-6)
        step = np.linalg.solve(design.T @ (design * weight[:, None]) + 1e-6 * np.eye(2), design.T @ (target - chance))
        found += step
        if np.abs(step).max() < 1e-8:
            break
    return Line(float(found[0]), float(found[1]))


def fit_all(found: Sequence[Found], truth: Sequence[Boxes]) -> Line | None:
    """One line for all labels, from detections of held-out pictures; None where too few are right or wrong to tell."""
    each = [judged(found, truth, index) for index in range(len(LABELS))]
    scores, right = (np.concatenate(parts) for parts in zip(*each, strict=True))
    return fit(scores, right) if min(right.sum(), (~right).sum()) >= FEWEST else None


def fair_logit(found: Sequence[Found], faces: int) -> float | None:
    """The logit from which on there are as many answers as faces: as many are missed or doubted as are made up.

    None when there are fewer answers. (The break-even point of precision and recall, where each face has one answer.)
    """
    scores = np.concatenate([one.scores for one in found])
    if not 0 < faces <= len(scores):
        return None
    return float(_logit(np.sort(scores)[::-1][faces - 1 : faces])[0])


def judged(found: Sequence[Found], truth: Sequence[Boxes], label: int) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Scores of one label and whether each is the best answer to a face of that label."""
    scores, right = [], []
    for one, boxes in zip(found, truth, strict=True):
        mine = np.flatnonzero(one.labels == label)
        order = mine[np.argsort(-one.scores[mine], kind="stable")]
        scores.append(one.scores[order])
        right.append(match(one.boxes[order], boxes[boxes[:, 0] == label][:, 1:]) >= 0)
    return np.concatenate(scores), np.concatenate(right)


def calibration_error(scores: NDArray[np.float32], right: NDArray[np.bool_], bins: int = 10) -> float:
    """Mean distance between score and share of right ones, over equal bins weighted by their counts."""
    place = (scores * bins).astype(int).clip(0, bins - 1)
    total = 0.0
    for b in range(bins):
        inside = place == b
        if inside.any():
            total += inside.sum() * abs(float(scores[inside].mean()) - float(right[inside].mean()))
    return total / max(len(scores), 1)


def _logit(scores: NDArray[np.float32]) -> NDArray[np.float64]:
    inside = scores.astype(np.float64).clip(1e-6, 1 - 1e-6)
    return np.asarray(np.log(inside / (1 - inside)), np.float64)
