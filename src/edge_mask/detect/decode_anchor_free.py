"""Anchor-free heads: for each stride one map of logits and one of boxes, one face per cell and label."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edge_mask.detect.arrays import F32, NOTHING, Candidates, check_range, gather
from edge_mask.detect.card import AnchorFree
from edge_mask.detect.scoring import Scoring
from edge_mask.detect.shapes import index_of
from edge_mask.detect.tflite import TensorSpec

_ABSURD = 1_000_000.0


class AnchorFreeDecoder:
    """Centre = (cell + 0.5 + d) x stride; width and height = exp(l) x size_scale x stride, l cut at size_clip."""

    def __init__(
        self, settings: AnchorFree, outputs: Sequence[TensorSpec], size: tuple[int, int], scoring: Scoring
    ) -> None:
        self._settings = settings
        self._scoring = scoring
        self._maps: list[_Map] = []
        taken: list[int] = []
        for stride in settings.strides:
            rows, columns = -(-size[1] // stride), -(-size[0] // stride)
            logits = index_of((1, rows, columns, scoring.count), outputs, f"logits of stride {stride}", taken)
            boxes = index_of((1, rows, columns, 4), outputs, f"boxes of stride {stride}", [*taken, logits])
            taken += [logits, boxes]
            self._maps.append(_Map(logits, boxes, np.float32(stride), _centres(rows, columns, stride)))

    def __call__(self, outputs: Sequence[F32]) -> Candidates:
        return gather([self._faces(outputs, each) for each in self._maps])

    def _faces(self, outputs: Sequence[F32], where: "_Map") -> Candidates:
        found = self._scoring.from_logits(outputs[where.logits])
        if found is None:
            return NOTHING
        rows, labels, scores = found
        values = outputs[where.boxes].reshape(-1, 4)[rows]
        check_range("boxes", values, -_ABSURD, _ABSURD)
        clip = self._settings.size_clip
        centre = where.centres[rows] + values[:, :2] * where.stride
        half = np.exp(np.clip(values[:, 2:], -clip, clip)) * (where.stride * np.float32(self._settings.size_scale / 2))
        return Candidates(np.concatenate((centre - half, centre + half), axis=1), scores, labels)


@dataclass(frozen=True, slots=True, eq=False)
class _Map:
    """One stride: where its outputs are, and the middle of each of its cells in pixels of the input."""

    logits: int
    boxes: int
    stride: np.float32
    centres: F32


def _centres(rows: int, columns: int, stride: int) -> F32:
    down, across = np.mgrid[0:rows, 0:columns]
    return ((np.stack((across, down), axis=-1).reshape(-1, 2) + 0.5) * stride).astype(np.float32)
