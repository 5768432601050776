"""From the outputs of a graph to candidates: one decoder per `decoding.kind` of the card.

    outputs ──▶ decoder (anchor_free · ssd_postprocess · ssd_raw · yolov5 · yolov8 · classifier) ──▶ what was found

A decoder is built once, looks at the shapes it was promised (`ModelError` when they do not hold), and is then
called with copies of the outputs for each picture (`Broken` on NaN, infinity or values that cannot be meant).
"""

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from edge_mask.detect import card
from edge_mask.detect.arrays import F32, NOTHING, Candidates, Found, check_range
from edge_mask.detect.decode_anchor_free import AnchorFreeDecoder
from edge_mask.detect.decode_ssd import SsdPostprocessDecoder, SsdRawDecoder
from edge_mask.detect.scoring import Scoring, sigmoid, softmax
from edge_mask.detect.tensors import TensorSpec, mismatch

_ABSURD_BOX = 100_000.0


class Decoder(Protocol):
    """Outputs of one run in, candidates in pixels of the model's input out."""

    def __call__(self, outputs: Sequence[NDArray[Any]]) -> Found: ...


def build_decoder(
    decoding: card.Decoding, outputs: Sequence[TensorSpec], size: tuple[int, int], scoring: Scoring
) -> Decoder:
    """The decoder the card asks for, over outputs of these shapes; `size` is the input's (width, height)."""
    match decoding:
        case card.AnchorFree():
            return AnchorFreeDecoder(decoding, outputs, size, scoring)
        case card.SsdPostprocess():
            return SsdPostprocessDecoder(decoding, outputs, size, scoring)
        case card.SsdRaw():
            return SsdRawDecoder(decoding, outputs, size, scoring)
        case card.Yolo():
            return YoloDecoder(decoding, outputs, size, scoring)
        case card.Classifier():
            return ClassifierDecoder(decoding, outputs, size, scoring)


class YoloDecoder:
    """v5: 1 x N x (4 + objectness + labels), score = objectness x label; v8: 1 x (4 + labels) x N, or its transpose."""

    def __init__(
        self, settings: card.Yolo, outputs: Sequence[TensorSpec], size: tuple[int, int], scoring: Scoring
    ) -> None:
        self._objectness = settings.kind == "yolov5"
        self._scoring = scoring
        columns = 4 + int(self._objectness) + scoring.count
        tables = [(i, o.shape) for i, o in enumerate(outputs) if len(o.shape) == 3 and columns in o.shape[1:]]
        if not tables:
            raise mismatch(f"a table of {columns} values per box (labels: {scoring.count})", outputs)
        self._index, shape = tables[0]
        self._spec = outputs[self._index]
        self._transposed = shape[2] != columns
        unit = (1.0, 1.0) if settings.boxes == "pixels" else size
        self._unit = np.array(unit, np.float32)

    def __call__(self, outputs: Sequence[NDArray[Any]]) -> Candidates:
        table = self._spec.real(outputs[self._index])[0]
        if self._transposed:
            table = table.T
        check_range("boxes", table[:, :4], -_ABSURD_BOX, _ABSURD_BOX)
        scores = table[:, 4:]
        if self._objectness:
            scores = table[:, 5:] * table[:, 4:5]
        rows, labels, passing = self._scoring.from_scores(scores)
        centre, half = table[rows, :2] * self._unit, table[rows, 2:4] * (self._unit / 2)
        return Candidates(np.concatenate((centre - half, centre + half), axis=1), passing, labels)


class ClassifierDecoder:
    """The best label of the picture, if it passes its threshold and is not ignored."""

    def __init__(
        self, settings: card.Classifier, outputs: Sequence[TensorSpec], size: tuple[int, int], scoring: Scoring
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
