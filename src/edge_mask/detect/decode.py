"""From the outputs of a graph to candidates: one decoder per `decoding.kind` of the card.

    outputs ──▶ decoder (anchor_free · ssd_postprocess · ssd_raw · yolov5 · yolov8 · classifier) ──▶ what was found

A decoder is built once, looks at the shapes it was promised (`ModelError` when they do not hold), and is then
called with copies of the outputs for each picture (`Broken` on NaN, infinity or values that cannot be meant).
"""

from collections.abc import Sequence
from typing import Any, Protocol

from numpy.typing import NDArray

from edge_mask.detect import card
from edge_mask.detect.arrays import Found
from edge_mask.detect.decode_anchor_free import AnchorFreeDecoder
from edge_mask.detect.decode_classifier import ClassifierDecoder
from edge_mask.detect.decode_ssd import SsdPostprocessDecoder, SsdRawDecoder
from edge_mask.detect.decode_yolo import YoloDecoder
from edge_mask.detect.scoring import Scoring
from edge_mask.detect.tflite import TensorSpec


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
