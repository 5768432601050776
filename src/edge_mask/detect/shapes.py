"""What is said when the shapes of a graph are not those its card promises."""

from collections.abc import Iterable, Sequence

from edge_mask.detect.tflite import TensorSpec
from edge_mask.errors import ModelError

Shape = tuple[int, ...]


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
