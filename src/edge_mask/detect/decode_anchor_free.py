"""Anchor-free heads: per stride a map of logits and one of boxes, or one of both; one face per cell and label."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_mask.detect.arrays import F32, NOTHING, Candidates, Found, Handful, Indices, check_size
from edge_mask.detect.card import AnchorFree
from edge_mask.detect.scoring import ABSURD_LOGIT, Scoring
from edge_mask.detect.tensors import TensorSpec, index_of, written
from edge_mask.errors import ModelError
from edge_mask.geometry import Corners

FEW = 64
"""Up to this many cells are looked up one by one: sixty calls of NumPy take longer."""
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
            logits, boxes = _find((rows, columns), stride, scoring.count, outputs, taken)
            taken += [logits.output, boxes.output]
            where = _Map(logits, boxes, scoring, stride, columns, rows)
            if where.can_be_looked_up:
                where.tables = _Tables(where, scoring, settings.size_scale, settings.size_clip)
            where.first = sum(len(each) for each in centres)
            self._maps.append(where)
            centres.append(_centres(rows, columns, stride))
            strides.append(np.full((rows * columns, 1), stride, np.float32))
        _check_none_is_left(outputs, taken, scoring.count)
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
        parts = [hits.read(outputs) for hits in found]
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
        for hits in found:
            tables, where = hits.where.tables, hits.where.boxes
            assert tables is not None
            stride, columns, channels = hits.where.stride, hits.where.columns, hits.where.logits.channels
            centre, half = tables.centre, tables.half
            logits, boxes = hits.stored.data, hits.boxes(outputs).data
            for place in hits.places.tolist():
                cell, label = divmod(place, channels)
                score = tables.scores[label][logits[place]]
                if score >= 0.0:
                    at = where.channels * cell + where.first
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
        spec = where.boxes.spec
        boxes = spec.real(_all_bytes(spec))
        self.centre: list[float] = ((boxes + 0.5) * where.stride).tolist()
        self.half: list[float] = (np.exp(np.clip(boxes, -clip, clip)) * (size_scale * where.stride / 2)).tolist()
        self.scores: list[list[float]] = []
        """By label; -1 for what does not pass."""
        logits = where.logits.spec.real(_all_bytes(where.logits.spec))
        for label in range(scoring.count):
            same = np.full(len(logits), label)
            scores = np.where(logits >= scoring.least[label], scoring.scores_of(logits, same), -1.0)
            self.scores.append(scores.tolist())


def _all_bytes(spec: TensorSpec) -> NDArray[Any]:
    return np.arange(256, dtype=np.uint8).view(spec.dtype)


@dataclass(frozen=True, slots=True)
class _Part:
    """Where the logits or the boxes of a stride are: in which output, and from which of its channels on."""

    output: int
    spec: TensorSpec
    channels: int
    first: int = 0


def _find(
    cells: tuple[int, int], stride: int, labels: int, outputs: Sequence[TensorSpec], taken: Sequence[int]
) -> tuple[_Part, _Part]:
    """Logits and boxes of one stride: one map of both, logits first, if there is such a one, else two."""
    both = next((i for i, o in enumerate(outputs) if o.shape == (1, *cells, labels + 4) and i not in taken), None)
    if both is not None:
        return _Part(both, outputs[both], labels + 4), _Part(both, outputs[both], labels + 4, labels)
    logits = index_of((1, *cells, labels), outputs, f"logits of stride {stride}", taken)
    boxes = index_of((1, *cells, 4), outputs, f"boxes of stride {stride}", [*taken, logits])
    return _Part(logits, outputs[logits], labels), _Part(boxes, outputs[boxes], 4)


def _check_none_is_left(outputs: Sequence[TensorSpec], taken: Sequence[int], labels: int) -> None:
    """A stride that the card forgot would mean faces that nobody sees. Raises ModelError."""
    for index, output in enumerate(outputs):
        if index not in taken and len(output.shape) == 4 and output.shape[-1] in (labels, 4, labels + 4):
            raise ModelError(
                f"decoding.strides: the graph also gives {written([output.shape])}, a map of a stride that is not named"
            )


class _Map:
    """One stride: where its logits and boxes are and how they are stored."""

    def __init__(self, logits: _Part, boxes: _Part, scoring: Scoring, stride: int, columns: int, rows: int) -> None:
        self.logits, self.boxes = logits, boxes
        self.stride, self.columns = stride, columns
        self.tables: _Tables | None = None
        self.first = 0
        """The number of its first cell, when those of all maps are numbered through."""
        least = logits.spec.least_stored(scoring.lowest)
        self._least: float | NDArray[Any] = least
        self._what = "logits"
        if logits.output == boxes.output:
            self._what = "logits and boxes"
            self._least = _for_logits_only(least, logits, scoring.count, rows * columns)

    @property
    def can_be_looked_up(self) -> bool:
        """Whether both outputs are bytes, none of which means something absurd."""
        specs = (self.logits.spec, self.boxes.spec)
        return all(spec.dtype.itemsize == 1 and 0.0 < spec.scale <= _ABSURD / 512 for spec in specs)

    def hits(self, outputs: Sequence[NDArray[Any]]) -> "_Hits | None":
        """The places that may pass; None when none does. Raises Broken."""
        stored = outputs[self.logits.output].reshape(-1)
        if not self.logits.spec.scale:
            check_size(self._what, stored, ABSURD_LOGIT)
        places = (stored >= self._least).nonzero()[0]  # np.flatnonzero is a wrapper of this
        return _Hits(self, stored, places) if len(places) else None


def _for_logits_only(least: float, logits: _Part, labels: int, cells: int) -> NDArray[Any]:
    """What each number of a map must reach: boxes reach nothing. Compared as a whole, which columns of it are not."""
    cell: NDArray[Any]
    if logits.spec.scale:
        cell = np.full(logits.channels, np.iinfo(np.int32).max, np.int32)
    else:
        cell = np.full(logits.channels, np.inf, np.float32)
    cell[:labels] = least
    return np.tile(cell, cells)


class _Hits:
    """Places in one map with logits, row by row and channel by channel."""

    __slots__ = ("places", "stored", "where")

    def __init__(self, where: _Map, stored: NDArray[Any], places: Indices) -> None:
        self.where, self.stored, self.places = where, stored, places

    def boxes(self, outputs: Sequence[NDArray[Any]]) -> NDArray[Any]:
        """What the output with the boxes stores; asking for an output copies it, so one of both is not asked twice."""
        output = self.where.boxes.output
        return self.stored if output == self.where.logits.output else outputs[output].reshape(-1)

    def read(self, outputs: Sequence[NDArray[Any]]) -> tuple[Indices, Indices, F32, F32]:
        """Cells, labels, logits and boxes; the cells are numbered through all maps."""
        logits, boxes = self.where.logits, self.where.boxes
        cells, label = np.divmod(self.places, logits.channels)
        stored = self.boxes(outputs).reshape(-1, boxes.channels)[cells]
        return (
            cells + self.where.first,
            label,
            logits.spec.real(self.stored[self.places]),
            boxes.spec.real(stored[:, boxes.first : boxes.first + 4]),
        )


def _centres(rows: int, columns: int, stride: int) -> F32:
    down, across = np.mgrid[0:rows, 0:columns]
    return ((np.stack((across, down), axis=-1).reshape(-1, 2) + 0.5) * stride).astype(np.float32)
