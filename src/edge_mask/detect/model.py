"""The Detector that runs a model package's graph.

picture ─▶ letterbox ─▶ pixels ─▶ graph ─▶ decoder ─▶ nms ─▶ faces in pixels of the picture
"""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_mask.detect.arrays import Candidates, Found
from edge_mask.detect.card import Calibration, GraphCard
from edge_mask.detect.decode import build_decoder
from edge_mask.detect.detector import Answer
from edge_mask.detect.letterbox import Letterbox, Placement, one_thread_in_opencv
from edge_mask.detect.nms import Suppression, suppress
from edge_mask.detect.pixels import Pixels
from edge_mask.detect.scoring import LabelRule, Scoring
from edge_mask.detect.tensors import written
from edge_mask.detect.tflite import OutputTensors, TfliteModel
from edge_mask.errors import Broken, ModelError, Refused
from edge_mask.geometry import Corners
from edge_mask.messages import Box, Face, Image

_SMALLEST = 1.0
"""Pixels; a box with less of it inside the picture is no face."""
_ROUNDING = 1e-6
FAINT = 0.15
"""The score from which something might be a face: what no decision counts is still made unrecognisable in pictures."""


class ModelDetector:
    """A graph with the card that says how to feed and read it. One thread owns it."""

    def __init__(self, card: GraphCard, model: TfliteModel, file: str = "", sha256: str = "") -> None:
        """`file` is the name of the graph's file, `sha256` its checksum.

        Raises ModelError when its shapes are not those of the card.
        """
        self.card = card
        self.file = file
        self.sha256 = sha256
        self.model = model
        one_thread_in_opencv()
        size = card.input.size
        _check_input(card, model)
        box = card.input.letterbox
        self._letterbox = Letterbox(size, anchor=box.anchor if box else None, fill=box.fill if box else 0)
        self._pixels = Pixels(
            swap=card.input.color == "rgb", mean=card.input.means, scale=card.input.scales, tensor=model.input
        )
        self._meanings = [card.meaning(label) for label in card.labels]
        self._suppression = _suppression(card)
        self.use_threshold(None)

    @property
    def name(self) -> str:
        return f"{self.card.name} {self.card.version}"

    @property
    def labels(self) -> tuple[str, ...]:
        return self.card.meanings

    @property
    def runtime(self) -> str:
        """The package name of the runtime in use."""
        return self.model.runtime

    @property
    def last_inference_ms(self) -> float:
        return self.model.last_inference_ms

    def use_threshold(self, score: float | None) -> None:
        """From now on count faces from `score`; None means the card's own thresholds."""
        wanted = [_threshold(self.card, meaning) if score is None else score for meaning in self._meanings]
        self._least = [each - _ROUNDING if each < 1 else 1.0 for each in wanted]  # 1 means never
        entry = [min(each, FAINT) for each in wanted]
        if self._suppression is not None and self._suppression.changes_scores:
            # Candidates that support a face count from the floor on, however high its own threshold is.
            entry = [min(each, self._suppression.floor) for each in entry]
        rules = [_rule(self.card, *each) for each in zip(self._meanings, entry, strict=True)]
        self._decode = build_decoder(self.card.decoding, self.model.outputs, self.card.input.size, Scoring(rules))

    def detect(self, image: Image) -> list[Face]:
        """Faces in pixels of `image`, best score first; the same picture gives the same list.

        Raises Broken on NaN or absurd output, Refused for an array that is no picture.
        """
        return self._read(*self._run(image))[0]

    def look(self, image: Image) -> Answer:
        """The same with the time it took, and with the trouble in the place of Broken. Raises Refused."""
        try:
            faces, faint = self._read(*self._run(image))
            return Answer(faces, self.last_inference_ms, faint=faint)
        except Broken as error:
            return Answer([], self.last_inference_ms, str(error))

    def _run(self, image: Image) -> tuple[OutputTensors, Placement]:
        if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or not image.size:
            raise Refused(f"a picture is height x width x 3 in 8 bit, this is {written([image.shape])} {image.dtype}")
        canvas, where = self._letterbox.draw(image)
        return self.model.run(lambda tensor: self._pixels.write(canvas, tensor)), where

    def _read(self, outputs: Sequence[NDArray[Any]], where: Placement) -> tuple[list[Face], list[Face]]:
        found = self._decode(outputs)
        if self._suppression is not None:
            found = suppress(found, self._suppression)
        return self._faces(found, where) if len(found) else ([], [])

    def run_graph_only(self) -> float:
        """Milliseconds of one bare run on what the input holds, for measurements."""
        self.model.invoke()
        return self.model.last_inference_ms

    def close(self) -> None:
        self.model.close()

    def _faces(self, found: Found, where: Placement) -> tuple[list[Face], list[Face]]:
        """Those that reach their threshold, and what might be others."""
        faces: list[Face] = []
        faint: list[Face] = []
        plain = found.plain()
        if isinstance(found, Candidates):
            corners: Iterable[Corners] = where.to_picture(found.boxes).tolist()
        else:
            corners = map(where.one_to_picture, found.boxes)
        for (left, top, right, bottom), score, label in zip(corners, plain.scores, plain.labels, strict=True):
            meaning = self._meanings[label]
            if meaning and right - left >= _SMALLEST and bottom - top >= _SMALLEST:
                seen = faces if score >= self._least[label] else faint
                seen.append(Face(meaning, score, Box(left, top, right - left, bottom - top)))
        return faces, faint


def _threshold(card: GraphCard, meaning: str | None) -> float:
    return card.thresholds.of(meaning) if meaning else 1.0


def _rule(card: GraphCard, meaning: str | None, threshold: float) -> LabelRule:
    if meaning is None:
        return LabelRule(None)
    own = next((each for label, each in card.calibration.items() if label == meaning), Calibration())
    return LabelRule(threshold, own.slope, own.offset)


def _suppression(card: GraphCard) -> Suppression | None:
    settings = card.decoding
    if settings.kind == "classifier":
        return None
    nms = settings.nms
    return Suppression(
        iou=nms.iou,
        class_agnostic=nms.class_agnostic,
        most=settings.max_faces,
        vote=nms.vote,
        support=nms.support,
        floor=card.thresholds.default if nms.floor is None else nms.floor,
        decay=nms.decay,
        share=nms.share,
    )


def warm_up(detector: ModelDetector) -> None:
    """Run once on an empty picture: the first run of a graph is slow. Raises ModelError when it cannot run."""
    width, height = detector.card.input.size
    try:
        detector.detect(np.full((height, width, 3), 127, np.uint8))
    except Broken as error:
        raise ModelError(str(error)) from error


def _check_input(card: GraphCard, model: TfliteModel) -> None:
    width, height = card.input.size
    expected = (1, height, width, 3)
    if model.input.shape != expected:
        raise ModelError(
            f"input.size: the card says {width}x{height}, the graph takes {written([model.input.shape])}"
            f" (expected {written([expected])})"
        )
