"""Inputs and outputs of a graph: how their values are stored, and what is said when a card promises other shapes."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_mask.detect.arrays import F32
from edge_mask.errors import ModelError

Shape = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class TensorSpec:
    """One input or output of the graph; `scale` is 0.0 when it is not quantised."""

    name: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    scale: float = 0.0
    zero_point: int = 0

    def real(self, stored: NDArray[Any]) -> F32:
        """Real values of (some of) what the tensor stores."""
        if self.scale:
            return np.asarray((stored.astype(np.float32) - self.zero_point) * np.float32(self.scale), np.float32)
        return np.asarray(stored, np.float32)

    def least_stored(self, real: float) -> float:
        """The smallest stored value that is at least `real`, or one above all values when there is none.

        A whole number for a tensor that stores whole numbers: NumPy compares bytes with a float by making all of them
        floats, which takes ten times as long.
        """
        if not self.scale:
            return real
        limits = np.iinfo(self.dtype)
        steps = real / self.scale + self.zero_point - 1e-6
        return int(np.ceil(min(max(steps, limits.min), limits.max + 1)))


def written(shapes: Iterable[Shape]) -> str:
    """Shapes as a person writes them: 1x40x40x3, 1x40x40x4."""
    return ", ".join("x".join(map(str, shape)) or "scalar" for shape in shapes)


def index_of(shape: Shape, outputs: Sequence[TensorSpec], what: str, taken: Sequence[int] = ()) -> int:
    """The first output of that shape that is not taken. Raises ModelError."""
    for index, output in enumerate(outputs):
        if output.shape == shape and index not in taken:
            return index
    raise mismatch(f"{what} of shape {written([shape])}", outputs)


def mismatch(expected: str, outputs: Sequence[TensorSpec]) -> ModelError:
    """The sentence for a graph whose outputs are not the expected ones."""
    return ModelError(f"decoding: expected {expected}; the graph gives {written(o.shape for o in outputs)}")
