"""The Detector protocol: a picture in, faces out."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from edge_mask.messages import Face, Image


@dataclass(frozen=True, slots=True)
class Answer:
    """What a model says of one picture."""

    faces: list[Face]
    """In pixels of the picture, best score first."""
    inference_ms: float
    """Milliseconds the graph took, without fitting the picture and decoding."""
    trouble: str = ""
    """Why this is no answer: NaN or absurd output. Then there are no faces."""
    faint: Sequence[Face] = ()
    """What might be faces too, below the threshold: nothing is decided on them, pictures do not show them."""


class Detector(Protocol):
    """A loaded, warmed-up model. One thread owns it."""

    @property
    def name(self) -> str:
        """Name and version of the model, as `detections` messages carry it."""
        ...

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels its faces can have, out of mask, no_mask and incorrect."""
        ...

    def look(self, image: Image) -> Answer:
        """What is in this picture; what the model cannot have meant is the answer's trouble."""
        ...

    def close(self) -> None:
        """Free the model."""
        ...
