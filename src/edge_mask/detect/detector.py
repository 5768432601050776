"""The Detector protocol: a picture in, faces out."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from edge_mask.messages import Face, Image


def nothing() -> None:
    """Do it."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a model says of one picture."""

    faces: list[Face]
    """In pixels of the picture, best score first."""
    inference_ms: float
    """Milliseconds the graph took, without fitting the picture and decoding."""
    trouble: str = ""
    """Why this is no answer: NaN or absurd output. Then there are no faces."""


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

    @property
    def last_inference_ms(self) -> float:
        """Milliseconds the graph took for the last picture."""
        ...

    def detect_each(self, images: Sequence[Image], meanwhile: Callable[[], object] = nothing) -> list[Answer]:
        """What is in each of these pictures.

        `meanwhile` is called just before the graph runs, which leaves the interpreter to other threads.
        """
        ...

    def close(self) -> None:
        """Free the model."""
        ...
