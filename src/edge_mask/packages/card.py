"""The model card, `model.yaml`: what a package says about itself. Unknown keys are errors."""

from pathlib import PurePosixPath
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from edge_mask.detect.card import GraphCard, Label, Part, Strict


def _inside(name: str) -> str:
    if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts or "\\" in name:
        raise ValueError("expected the name of a file inside the package folder")
    return name


Runtime = Literal["ai-edge-litert", "tflite-runtime"]
Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
FileName = Annotated[str, Field(min_length=1), AfterValidator(_inside)]
Prose = str | list[Any] | dict[str, Any] | None


class ModelFile(Strict):
    """One .tflite of the package."""

    path: FileName
    sha256: Sha256
    precision: Literal["float", "int8"]
    prefer: tuple[Runtime, ...] = ()
    """The runtimes that should take this file."""


class ExpectedFace(Strict):
    """One expected face of a golden picture."""

    label: Label
    score: Part
    box: tuple[float, float, float, float]
    """x, y, w, h in pixels of that picture's file, as `edge-mask detect --json` gives them."""


class Golden(Strict):
    """A picture and what the model must say of it, within the tolerances."""

    picture: FileName
    answer: tuple[ExpectedFace, ...]
    score_tolerance: Part = 0.05
    iou: Part = 0.8


class Card(GraphCard):
    """The whole of `model.yaml`: the graph, the files that hold it, golden pictures, and prose for people."""

    licence: str
    files: Annotated[tuple[ModelFile, ...], Field(min_length=1)]
    golden: tuple[Golden, ...] = ()
    figures: Prose = None
    training: Prose = None
    intended_use: Prose = None
    misuse: Prose = None
    limits: Prose = None
    notes: Prose = None
