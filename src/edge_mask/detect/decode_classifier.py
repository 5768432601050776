"""Classifiers of the whole picture: one verdict, its box is the picture."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_mask.detect.arrays import F32, NOTHING, Candidates
from edge_mask.detect.card import Classifier
from edge_mask.detect.scoring import Scoring, sigmoid, softmax
from edge_mask.detect.shapes import mismatch
from edge_mask.detect.tflite import TensorSpec


class ClassifierDecoder:
    """The best label of the picture, if it passes its threshold and is not ignored."""

    def __init__(
        self, settings: Classifier, outputs: Sequence[TensorSpec], size: tuple[int, int], scoring: Scoring
    ) -> None:
        self._settings = settings
        self._scoring = scoring
        self._box = np.array([[0, 0, *size]], np.float32)
        # One logistic output for two labels is common: it is the score of the second.
        fitting = [i for i, o in enumerate(outputs) if int(np.prod(o.shape)) in self._lengths()]
        if not fitting:
            raise mismatch(f"scores of {scoring.count} labels", outputs)
        self._index, self._spec = fitting[0], outputs[fitting[0]]

    def __call__(self, outputs: Sequence[NDArray[Any]]) -> Candidates:
        raw = self._spec.real(outputs[self._index]).ravel()
        scores = _scores(raw, self._settings.scores)
        if scores.size == 1 and self._scoring.count == 2:
            scores = np.array([1.0 - scores[0], scores[0]], np.float32)
        best = int(scores.argmax())
        rows, labels, passing = self._scoring.from_scores(scores[None])
        mine = labels == best
        return Candidates(self._box, passing[mine], labels[mine]) if len(rows) and mine.any() else NOTHING

    def _lengths(self) -> tuple[int, ...]:
        return (2, 1) if self._scoring.count == 2 else (self._scoring.count,)


def _scores(raw: F32, kind: str) -> F32:
    if kind == "softmax":
        return softmax(raw)
    return sigmoid(raw) if kind == "sigmoid" else raw
