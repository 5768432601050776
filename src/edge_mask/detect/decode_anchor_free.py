"""Anchor-free heads: for each stride one map of logits and one of boxes, one face per cell and label."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_mask.detect.arrays import F32, NOTHING, Candidates, Indices, check_size
from edge_mask.detect.card import AnchorFree
from edge_mask.detect.scoring import ABSURD_LOGIT, Scoring
from edge_mask.detect.shapes import index_of
from edge_mask.detect.tflite import TensorSpec

_ABSURD = 1_000_000.0


class AnchorFreeDecoder:
    """Centre = (cell + 0.5 + d) x stride; width and height = exp(l) x size_scale x stride, l cut at size_clip.

    The cells of all maps are numbered through, so that the few that pass are worked out together.
    """

    def __init__(
        self, settings: AnchorFree, outputs: Sequence[TensorSpec], size: tuple[int, int], scoring: Scoring
    ) -> None:
        self._clip = np.float32(settings.size_clip)
        self._scoring = scoring
        self._maps: list[_Map] = []
        centres, strides = [], []
        taken: list[int] = []
        first = 0
        for stride in settings.strides:
            rows, columns = -(-size[1] // stride), -(-size[0] // stride)
            logits = index_of((1, rows, columns, scoring.count), outputs, f"logits of stride {stride}", taken)
            boxes = index_of((1, rows, columns, 4), outputs, f"boxes of stride {stride}", [*taken, logits])
            taken += [logits, boxes]
            self._maps.append(_Map(logits, boxes, outputs[logits], outputs[boxes], first, scoring.lowest))
            centres.append(_centres(rows, columns, stride))
            strides.append(np.full((rows * columns, 1), stride, np.float32))
            first += rows * columns
        self._centres, self._strides = np.concatenate(centres), np.concatenate(strides)
        self._halves = self._strides * np.float32(settings.size_scale / 2)

    def __call__(self, outputs: Sequence[NDArray[Any]]) -> Candidates:
        parts = [part for each in self._maps if (part := each.pick(outputs, self._scoring.count)) is not None]
        if not parts:
            return NOTHING
        cells, labels, logits, boxes = parts[0] if len(parts) == 1 else map(np.concatenate, zip(*parts, strict=True))
        keep = self._scoring.passing_logits(logits, labels)
        if keep is not None:
            cells, labels, logits, boxes = cells[keep], labels[keep], logits[keep], boxes[keep]
        check_size("boxes", boxes, _ABSURD)
        centre = self._centres[cells] + boxes[:, :2] * self._strides[cells]
        half = np.exp(np.minimum(np.maximum(boxes[:, 2:], -self._clip), self._clip)) * self._halves[cells]
        corners = np.concatenate((centre - half, centre + half), axis=1)
        return Candidates(corners, self._scoring.scores_of(logits, labels), labels)


class _Map:
    """One stride: where its two outputs are, and the number of its first cell."""

    def __init__(
        self, logits: int, boxes: int, logits_spec: TensorSpec, boxes_spec: TensorSpec, first: int, lowest: float
    ) -> None:
        self._logits, self._boxes = logits, boxes
        self._logits_spec, self._boxes_spec = logits_spec, boxes_spec
        self._first = first
        self._least = logits_spec.least_stored(lowest)

    def pick(self, outputs: Sequence[NDArray[Any]], labels: int) -> tuple[Indices, Indices, F32, F32] | None:
        """Cells, labels, logits and boxes of what may pass; None when nothing does. Raises Broken."""
        stored = outputs[self._logits].ravel()
        if not self._logits_spec.scale:
            check_size("logits", stored, ABSURD_LOGIT)
        if stored.max() < self._least:
            return None
        places = np.flatnonzero(stored >= self._least)
        cells, label = np.divmod(places, labels)
        boxes = outputs[self._boxes].reshape(-1, 4)[cells]
        return cells + self._first, label, self._logits_spec.real(stored[places]), self._boxes_spec.real(boxes)


def _centres(rows: int, columns: int, stride: int) -> F32:
    down, across = np.mgrid[0:rows, 0:columns]
    return ((np.stack((across, down), axis=-1).reshape(-1, 2) + 0.5) * stride).astype(np.float32)
