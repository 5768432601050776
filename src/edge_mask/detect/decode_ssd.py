"""SSD graphs: those that end in TFLite's own post-processing, and raw heads over anchors."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_mask.detect.arrays import F32, NOTHING, Candidates, check_range
from edge_mask.detect.card import SsdPostprocess, SsdRaw
from edge_mask.detect.scoring import Scoring, sigmoid, softmax
from edge_mask.detect.tensors import TensorSpec, index_of, mismatch

_ABSURD = 10_000.0


class SsdPostprocessDecoder:
    """TFLite_Detection_PostProcess: boxes (top, left, bottom, right; 0..1), labels, scores, how many."""

    def __init__(
        self, settings: SsdPostprocess, outputs: Sequence[TensorSpec], size: tuple[int, int], scoring: Scoring
    ) -> None:
        self._order = [settings.outputs.index(name) for name in ("boxes", "labels", "scores", "count")]
        self._scoring = scoring
        self._first_label = settings.first_label
        self._unit = np.array([*size, *size], np.float32)
        self._specs = outputs
        if len(outputs) != 4:
            raise mismatch("four outputs (boxes, labels, scores, count)", outputs)
        boxes, labels, scores, count = (outputs[i].shape for i in self._order)
        most = scores[-1] if scores else 0
        if boxes != (1, most, 4) or labels != (1, most) or scores != (1, most) or int(np.prod(count)) != 1:
            raise mismatch(f"the outputs in the order {', '.join(settings.outputs)}", outputs)

    def __call__(self, outputs: Sequence[NDArray[Any]]) -> Candidates:
        boxes, labels, scores, count = (self._specs[i].real(outputs[i]) for i in self._order)
        check_range("number of boxes", count, 0, scores.size)
        found = int(count.ravel()[0])
        check_range("boxes", boxes[0, :found], -_ABSURD, _ABSURD)
        check_range("scores", scores[0, :found], -0.01, 1.01)
        check_range("labels", labels[0, :found], -1, 100_000)
        index = labels[0, :found].astype(np.intp) - self._first_label
        rows = self._scoring.passing_scores(scores[0, :found], index)
        kept = boxes[0, rows][:, [1, 0, 3, 2]] * self._unit
        return Candidates(kept, self._scoring.calibrated(scores[0, rows], index[rows]), index[rows])


class SsdRawDecoder:
    """Offsets and scores over anchors, grid by grid, row by row, the anchors of a cell together."""

    def __init__(
        self, settings: SsdRaw, outputs: Sequence[TensorSpec], size: tuple[int, int], scoring: Scoring
    ) -> None:
        self._settings = settings
        self._scoring = scoring
        self._anchors = anchors(settings)
        self._unit = np.array([*size, *size], np.float32)
        self._specs = outputs
        self._columns = scoring.count + int(settings.background)
        count = len(self._anchors)
        self._boxes = index_of((1, count, 4), outputs, f"offsets of {count} anchors")
        self._scores = index_of((1, count, self._columns), outputs, f"scores of {count} anchors", [self._boxes])

    def __call__(self, outputs: Sequence[NDArray[Any]]) -> Candidates:
        offsets = self._specs[self._boxes].real(outputs[self._boxes])[0]
        check_range("box offsets", offsets, -_ABSURD, _ABSURD)
        scores = self._read(self._specs[self._scores].real(outputs[self._scores])[0])
        rows, labels, passing = self._scoring.from_scores(scores)
        if not len(rows):
            return NOTHING
        anchor, moved = self._anchors[rows], offsets[rows] * np.array(self._settings.variances, np.float32)
        centre = anchor[:, :2] + moved[:, :2] * anchor[:, 2:]
        half = anchor[:, 2:] * np.exp(np.clip(moved[:, 2:], -8.0, 8.0)) / 2
        boxes = np.concatenate((centre - half, centre + half), axis=1) * self._unit
        return Candidates(np.asarray(boxes, np.float32), passing, labels)

    def _read(self, raw: F32) -> F32:
        match self._settings.scores:
            case "softmax":
                raw = softmax(raw)
            case "sigmoid":
                raw = sigmoid(raw)
        return raw[:, 1:] if self._settings.background else raw


def anchors(settings: SsdRaw) -> F32:
    """Centre x, centre y, width, height of each anchor, in parts of the input.

    A cell has its sizes at the first ratio, then its first size at the other ratios; a ratio is width to height,
    the area stays that of the size.
    """
    grids = []
    for (rows, columns), sizes, ratios in zip(settings.grids, settings.sizes, settings.ratios, strict=True):
        pairs = [(size, ratios[0]) for size in sizes] + [(sizes[0], ratio) for ratio in ratios[1:]]
        shape = np.array([(size * ratio**0.5, size / ratio**0.5) for size, ratio in pairs], np.float32)
        down, across = np.mgrid[0:rows, 0:columns].astype(np.float32) + np.float32(0.5)
        centre = np.stack((across / columns, down / rows), axis=-1).reshape(-1, 1, 2)
        cells = (rows * columns, len(pairs), 2)
        both = np.concatenate((np.broadcast_to(centre, cells), np.broadcast_to(shape, cells)), axis=-1)
        grids.append(both.reshape(-1, 4))
    return np.concatenate(grids).astype(np.float32)
