"""The Detector protocol: a picture in, faces out."""

from collections.abc import Callable
from typing import Protocol

from edge_mask.messages import Face, Image


def nothing() -> None:
    """Do it."""


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
        """Milliseconds the graph took for the last picture, without fitting the picture and decoding."""
        ...

    def detect(self, image: Image, meanwhile: Callable[[], object] = nothing) -> list[Face]:
        """Faces in pixels of `image`, best score first. Raises Broken on NaN or absurd output.

        `meanwhile` is called just before the graph runs, which leaves the interpreter to other threads.
        """
        ...

    def close(self) -> None:
        """Free the model."""
        ...
