"""YOLOv5 and YOLOv8 exports: one table of boxes (centre, size) with a score per label."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_mask.detect.arrays import Candidates, check_range
from edge_mask.detect.card import Yolo
from edge_mask.detect.scoring import Scoring
from edge_mask.detect.shapes import mismatch
from edge_mask.detect.tflite import TensorSpec

_ABSURD = 100_000.0


class YoloDecoder:
    """v5: 1 x N x (4 + objectness + labels), score = objectness x label; v8: 1 x (4 + labels) x N, or its transpose."""

    def __init__(self, settings: Yolo, outputs: Sequence[TensorSpec], size: tuple[int, int], scoring: Scoring) -> None:
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
        check_range("boxes", table[:, :4], -_ABSURD, _ABSURD)
        scores = table[:, 4:]
        if self._objectness:
            scores = table[:, 5:] * table[:, 4:5]
        rows, labels, passing = self._scoring.from_scores(scores)
        centre, half = table[rows, :2] * self._unit, table[rows, 2:4] * (self._unit / 2)
        return Candidates(np.concatenate((centre - half, centre + half), axis=1), passing, labels)
