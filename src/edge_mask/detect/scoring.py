"""From raw scores to those that pass: calibration, thresholds per label, labels that nobody wants."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edge_mask.detect.arrays import F32, Indices, check_range
from edge_mask.errors import Broken

ABSURD_LOGIT = 10_000.0
_ONE, _LARGE = np.float32(1.0), np.float32(80.0)


@dataclass(frozen=True, slots=True)
class LabelRule:
    """How one of the model's labels is scored: score = sigmoid(`slope` x logit + `offset`), kept from `threshold`."""

    threshold: float | None
    """None: the label is ignored."""
    slope: float = 1.0
    offset: float = 0.0


class Scoring:
    """The rules of all labels, applied to whole maps at once.

    Thresholds are turned into logits once, so that a map without a face needs no exponential.
    """

    def __init__(self, rules: Sequence[LabelRule]) -> None:
        self.count = len(rules)
        self._slope = np.array([rule.slope for rule in rules], np.float32)
        self._offset = np.array([rule.offset for rule in rules], np.float32)
        self.least = np.array([_least_logit(rule) for rule in rules], np.float32)
        """By label, the logit from which it passes; infinite for one that never does."""
        self.lowest = float(self.least.min())
        """The logit below which no label passes; may be infinite."""
        self._uncalibrated = all(rule.slope == 1.0 and rule.offset == 0.0 for rule in rules)
        self._least_score = 1.0 / (1.0 + np.exp(-np.clip(self.least, -80.0, 80.0)))
        self._least_score[np.isposinf(self.least)] = np.inf

    def passing_logits(self, logits: F32, labels: Indices) -> Indices:
        """Places of `logits` that pass the threshold of their label."""
        return np.flatnonzero(logits >= self.least[labels])

    def scores_of(self, logits: F32, labels: Indices) -> F32:
        """Calibrated scores of 0..1."""
        real = logits if self._uncalibrated else logits * self._slope[labels] + self._offset[labels]
        return np.asarray(_ONE / (_ONE + np.exp(np.minimum(-real, _LARGE))), np.float32)

    def from_scores(self, scores: F32) -> tuple[Indices, Indices, F32]:
        """Rows, labels and scores of what passes, from scores of 0..1 (places, labels). Raises Broken."""
        check_range("scores", scores, -0.01, 1.01)
        rows, labels = np.nonzero(scores >= self._least_score)
        return rows, labels, self.calibrated(scores[rows, labels], labels)

    def calibrated(self, scores: F32, labels: Indices) -> F32:
        """Scores of 0..1 after the card's calibration."""
        scores = np.clip(scores, 0.0, 1.0)
        if self._uncalibrated:
            return scores
        inside = np.clip(scores, 1e-7, 1.0 - 1e-7)
        return self.scores_of(np.log(inside / (1.0 - inside)), labels)

    def passing_scores(self, scores: F32, labels: Indices) -> Indices:
        """Places of uncalibrated `scores`, each of one label, that pass. Raises Broken for a label that is unknown."""
        places = np.flatnonzero(scores >= self._least_score.min())
        named = labels[places]
        if ((named < 0) | (named >= self.count)).any():
            raise Broken(f"the model names a label that is none of the {self.count} of its card")
        return places[scores[places] >= self._least_score[named]]


def _least_logit(rule: LabelRule) -> float:
    """The smallest raw logit that reaches the rule's threshold."""
    if rule.threshold is None:
        return np.inf
    if not 0.0 < rule.threshold < 1.0:
        return -np.inf if rule.threshold <= 0.0 else np.inf
    return (float(np.log(rule.threshold / (1.0 - rule.threshold))) - rule.offset) / rule.slope


def softmax(logits: F32) -> F32:
    """Over the last axis, safe for large values."""
    check_range("logits", logits, -ABSURD_LOGIT, ABSURD_LOGIT)
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True), np.float32)


def sigmoid(logits: F32) -> F32:
    """Element by element, safe for large values."""
    check_range("logits", logits, -ABSURD_LOGIT, ABSURD_LOGIT)
    return np.asarray(1.0 / (1.0 + np.exp(-np.clip(logits, -80.0, 80.0))), np.float32)
