"""Anchor-free heads: for each stride one map of logits and one of boxes, one face per cell and label."""

from collections.abc import Sequence

import numpy as np

from edge_mask.detect.arrays import F32, Candidates, check_range, gather
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
        self._maps: list[tuple[int, int, int, int]] = []  # stride, columns, index of logits, index of boxes
        taken: list[int] = []
        for stride in settings.strides:
            rows, columns = -(-size[1] // stride), -(-size[0] // stride)
            logits = index_of((1, rows, columns, scoring.count), outputs, f"logits of stride {stride}", taken)
            boxes = index_of((1, rows, columns, 4), outputs, f"boxes of stride {stride}", [*taken, logits])
            taken += [logits, boxes]
            self._maps.append((stride, columns, logits, boxes))

    def __call__(self, outputs: Sequence[F32]) -> Candidates:
        return gather(
            [
                self._one_map(outputs[logits], outputs[boxes], stride, columns)
                for stride, columns, logits, boxes in self._maps
            ]
        )

    def _one_map(self, logits: F32, boxes: F32, stride: int, columns: int) -> Candidates:
        check_range("boxes", boxes, -_ABSURD, _ABSURD)
        rows, labels, scores = self._scoring.from_logits(logits)
        down, across = np.divmod(rows, columns)
        shift = boxes.reshape(-1, 4)[rows]
        cells = np.stack((across, down), axis=1).astype(np.float32)
        centre = (cells + np.float32(0.5) + shift[:, :2]) * np.float32(stride)
        clip = self._settings.size_clip
        half = np.exp(np.clip(shift[:, 2:], -clip, clip)) * np.float32(self._settings.size_scale * stride / 2)
        return Candidates(np.concatenate((centre - half, centre + half), axis=1), scores, labels)
