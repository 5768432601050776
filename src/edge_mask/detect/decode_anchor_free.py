"""Anchor-free heads: for each stride one map of logits and one of boxes, one face per cell and label."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_mask.detect.arrays import F32, NOTHING, Candidates, Corners, Found, Handful, Indices, check_size
from edge_mask.detect.card import AnchorFree
from edge_mask.detect.scoring import ABSURD_LOGIT, Scoring
from edge_mask.detect.shapes import index_of
from edge_mask.detect.tflite import TensorSpec

FEW = 64
"""Up to so many cells are looked up one by one: sixty calls of NumPy take longer."""
_ABSURD = 1_000_000.0


class AnchorFreeDecoder:
    """Centre = (cell + 0.5 + d) x stride; width and height = exp(l) x size_scale x stride, l cut at size_clip.

    A handful of cells of an int8 graph, as on most frames, is looked up, more of them are worked out as arrays.
    """

    def __init__(
        self, settings: AnchorFree, outputs: Sequence[TensorSpec], size: tuple[int, int], scoring: Scoring
    ) -> None:
        self._clip = np.float32(settings.size_clip)
        self._scoring = scoring
        self._maps: list[_Map] = []
        centres: list[F32] = []
        strides: list[F32] = []
        taken: list[int] = []
        for stride in settings.strides:
            rows, columns = -(-size[1] // stride), -(-size[0] // stride)
            logits = index_of((1, rows, columns, scoring.count), outputs, f"logits of stride {stride}", taken)
            boxes = index_of((1, rows, columns, 4), outputs, f"boxes of stride {stride}", [*taken, logits])
            taken += [logits, boxes]
            where = _Map(logits, boxes, outputs[logits], outputs[boxes], stride, columns, scoring.lowest)
            if where.can_be_looked_up:
                where.tables = _Tables(where, scoring, settings.size_scale, settings.size_clip)
            where.first = sum(len(each) for each in centres)
            self._maps.append(where)
            centres.append(_centres(rows, columns, stride))
            strides.append(np.full((rows * columns, 1), stride, np.float32))
        self._centres, self._strides = np.concatenate(centres), np.concatenate(strides)
        self._halves = self._strides * np.float32(settings.size_scale / 2)

    def __call__(self, outputs: Sequence[NDArray[Any]]) -> Found:
        found = [hits for each in self._maps if (hits := each.hits(outputs)) is not None]
        if not found:
            return NOTHING
        if sum(len(hits.places) for hits in found) <= FEW and all(hits.where.tables for hits in found):
            return self._looked_up(found, outputs)
        return self._together(found, outputs)

    def _together(self, found: "list[_Hits]", outputs: Sequence[NDArray[Any]]) -> Candidates:
        """Any number of cells: those of all maps are numbered through, so that they are worked out at once."""
        parts = [hits.read(outputs, self._scoring.count) for hits in found]
        cells, labels, logits, boxes = parts[0] if len(parts) == 1 else map(np.concatenate, zip(*parts, strict=True))
        keep = self._scoring.passing_logits(logits, labels)
        cells, labels, logits, boxes = cells[keep], labels[keep], logits[keep], boxes[keep]
        check_size("boxes", boxes, _ABSURD)
        centre = self._centres[cells] + boxes[:, :2] * self._strides[cells]
        half = np.exp(np.minimum(np.maximum(boxes[:, 2:], -self._clip), self._clip)) * self._halves[cells]
        corners = np.concatenate((centre - half, centre + half), axis=1)
        return Candidates(corners, self._scoring.scores_of(logits, labels), labels)

    def _looked_up(self, found: "list[_Hits]", outputs: Sequence[NDArray[Any]]) -> Handful:
        """The same for a handful of cells, byte by byte: a call of NumPy takes longer than all of them."""
        corners: list[Corners] = []
        scores: list[float] = []
        labels: list[int] = []
        count = self._scoring.count
        for hits in found:
            tables = hits.where.tables
            assert tables is not None
            stride, columns = hits.where.stride, hits.where.columns
            centre, half = tables.centre, tables.half
            logits, boxes = hits.stored.data, outputs[hits.where.boxes].reshape(-1).data
            for place in hits.places.tolist():
                cell, label = divmod(place, count)
                score = tables.scores[label][logits[place]]
                if score >= 0.0:
                    at = 4 * cell
                    x = (cell % columns) * stride + centre[boxes[at]]
                    y = (cell // columns) * stride + centre[boxes[at + 1]]
                    wide, high = half[boxes[at + 2]], half[boxes[at + 3]]
                    corners.append((x - wide, y - high, x + wide, y + high))
                    scores.append(score)
                    labels.append(label)
        return Handful(corners, scores, labels)


class _Tables:
    """What each of the 256 stored bytes means in one map; a negative byte counts from the end, as lists do."""

    def __init__(self, where: "_Map", scoring: Scoring, size_scale: float, clip: float) -> None:
        spec = where.boxes_spec
        boxes = spec.real(_all_bytes(spec))
        self.centre: list[float] = ((boxes + 0.5) * where.stride).tolist()
        self.half: list[float] = (np.exp(np.clip(boxes, -clip, clip)) * (size_scale * where.stride / 2)).tolist()
        self.scores: list[list[float]] = []
        """By label; -1 for what does not pass."""
        logits = where.logits_spec.real(_all_bytes(where.logits_spec))
        for label in range(scoring.count):
            same = np.full(len(logits), label)
            scores = np.where(logits >= scoring.least[label], scoring.scores_of(logits, same), -1.0)
            self.scores.append(scores.tolist())


def _all_bytes(spec: TensorSpec) -> NDArray[Any]:
    return np.arange(256, dtype=np.uint8).view(spec.dtype)


class _Map:
    """One stride: where its two outputs are and how they are stored."""

    def __init__(
        self,
        logits: int,
        boxes: int,
        logits_spec: TensorSpec,
        boxes_spec: TensorSpec,
        stride: int,
        columns: int,
        lowest: float,
    ) -> None:
        self.boxes = boxes
        self.logits_spec, self.boxes_spec = logits_spec, boxes_spec
        self.stride, self.columns = stride, columns
        self._logits = logits
        self.tables: _Tables | None = None
        self.first = 0
        """The number of its first cell, when those of all maps are numbered through."""
        self._least = logits_spec.least_stored(lowest)

    @property
    def can_be_looked_up(self) -> bool:
        """Whether both outputs are bytes, none of which means something absurd."""
        specs = (self.logits_spec, self.boxes_spec)
        return all(spec.dtype.itemsize == 1 and 0.0 < spec.scale <= _ABSURD / 512 for spec in specs)

    def hits(self, outputs: Sequence[NDArray[Any]]) -> "_Hits | None":
        """The places that may pass; None when none does. Raises Broken."""
        stored = outputs[self._logits].reshape(-1)
        if not self.logits_spec.scale:
            check_size("logits", stored, ABSURD_LOGIT)
        places = (stored >= self._least).nonzero()[0]  # np.flatnonzero is a wrapper of this
        return _Hits(self, stored, places) if len(places) else None


class _Hits:
    """Places in one map of logits, row by row and label by label."""

    __slots__ = ("places", "stored", "where")

    def __init__(self, where: _Map, stored: NDArray[Any], places: Indices) -> None:
        self.where, self.stored, self.places = where, stored, places

    def read(self, outputs: Sequence[NDArray[Any]], labels: int) -> tuple[Indices, Indices, F32, F32]:
        """Cells, labels, logits and boxes; the cells are numbered through all maps."""
        where = self.where
        cells, label = np.divmod(self.places, labels)
        boxes = outputs[where.boxes].reshape(-1, 4)[cells]
        return (
            cells + where.first,
            label,
            where.logits_spec.real(self.stored[self.places]),
            where.boxes_spec.real(boxes),
        )


def _centres(rows: int, columns: int, stride: int) -> F32:
    down, across = np.mgrid[0:rows, 0:columns]
    return ((np.stack((across, down), axis=-1).reshape(-1, 2) + 0.5) * stride).astype(np.float32)
