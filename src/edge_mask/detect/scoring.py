"""From raw scores to those that pass: calibration, thresholds per label, labels that nobody wants."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edge_mask.detect.arrays import F32, Indices, check_range

_ABSURD_LOGIT = 10_000.0


@dataclass(frozen=True, slots=True)
class LabelRule:
    """How one of the model's labels is scored: score = sigmoid(`slope` x logit + `offset`), kept from `threshold`."""

    threshold: float | None
    """None: the label is ignored."""
    slope: float = 1.0
    offset: float = 0.0


class Scoring:
    """The rules of all labels, applied to whole maps at once.

    Thresholds are turned into logits once, so that a map without a face costs one comparison per value.
    """

    def __init__(self, rules: Sequence[LabelRule]) -> None:
        self.count = len(rules)
        self._slope = np.array([rule.slope for rule in rules], np.float32)
        self._offset = np.array([rule.offset for rule in rules], np.float32)
        self._least = np.array([_least_logit(rule) for rule in rules], np.float32)
        self._lowest = float(self._least.min())
        self._uneven = bool((self._least != self._lowest).any())
        self._uncalibrated = all(rule.slope == 1.0 and rule.offset == 0.0 for rule in rules)
        self._least_score = 1.0 / (1.0 + np.exp(-np.clip(self._least, -80.0, 80.0)))
        self._least_score[np.isposinf(self._least)] = np.inf

    def from_logits(self, logits: F32) -> tuple[Indices, Indices, F32] | None:
        """Rows, labels and scores of what passes, from logits of shape (…, labels); None when nothing does.

        Raises Broken on NaN, infinity and logits beyond ± 10,000.
        """
        flat = logits.ravel()
        # One product shows NaN, infinity and absurd values in a microsecond; the sentence is made only then.
        if not float(np.dot(flat, flat)) <= _ABSURD_LOGIT**2:
            check_range("logits", logits, -_ABSURD_LOGIT, _ABSURD_LOGIT)
        if flat.max() < self._lowest:
            return None
        places = np.flatnonzero(flat >= self._lowest)
        rows, labels = np.divmod(places, self.count)
        passing = flat[places]
        if self._uneven:
            keep = passing >= self._least[labels]
            rows, labels, passing = rows[keep], labels[keep], passing[keep]
        return rows, labels, self._sigmoid(passing, labels)

    def from_scores(self, scores: F32) -> tuple[Indices, Indices, F32]:
        """The same from scores of 0..1, calibrated only where the card asks for it. Raises Broken."""
        check_range("scores", scores, -0.01, 1.01)
        rows, labels = np.nonzero(scores >= self._least_score)
        return rows, labels, self.calibrated(scores[rows, labels], labels)

    def calibrated(self, scores: F32, labels: Indices) -> F32:
        """Scores of 0..1 after the card's calibration."""
        scores = np.clip(scores, 0.0, 1.0)
        if self._uncalibrated:
            return scores
        inside = np.clip(scores, 1e-7, 1.0 - 1e-7)
        return self._sigmoid(np.log(inside / (1.0 - inside)), labels)

    def passes(self, scores: F32, labels: Indices) -> Indices:
        """Places of uncalibrated `scores` that pass the threshold of their label."""
        return np.flatnonzero(scores >= self._least_score[labels])

    def _sigmoid(self, logits: F32, labels: Indices) -> F32:
        real = logits if self._uncalibrated else logits * self._slope[labels] + self._offset[labels]
        return np.asarray(1.0 / (1.0 + np.exp(-np.clip(real, -80.0, 80.0))), np.float32)


def _least_logit(rule: LabelRule) -> float:
    """The smallest raw logit that reaches the rule's threshold."""
    if rule.threshold is None:
        return np.inf
    if not 0.0 < rule.threshold < 1.0:
        return -np.inf if rule.threshold <= 0.0 else np.inf
    return (float(np.log(rule.threshold / (1.0 - rule.threshold))) - rule.offset) / rule.slope


def softmax(logits: F32) -> F32:
    """Over the last axis, safe for large values."""
    check_range("logits", logits, -_ABSURD_LOGIT, _ABSURD_LOGIT)
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True), np.float32)


def sigmoid(logits: F32) -> F32:
    """Element by element, safe for large values."""
    check_range("logits", logits, -_ABSURD_LOGIT, _ABSURD_LOGIT)
    return np.asarray(1.0 / (1.0 + np.exp(-np.clip(logits, -80.0, 80.0))), np.float32)
