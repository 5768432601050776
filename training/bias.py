"""Bias correction: the mean error of an int8 file is taken off its last biases.

Rounding does not only add noise. Each output channel also has a mean error (boxes up to 0.03 of a cell), and that was
about half of what int8 lost. The biases of the last convolutions absorb it, and the file becomes no larger or slower.
(Nagel et al., "Data-Free Quantization Through Weight Equalization and Bias Correction", 2019, section 4.2; here it is
measured, and where faces are.)
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]


def correct_bias(source: Path, path: Path, pictures: Sequence[Array]) -> None:
    """Rewrite the int8 file at `path` so that it says what `source` does, on average over `pictures`.

    `pictures`: inputs of the network, 1 × size × size × 3. A point counts as much as `source` is sure of a face there.
    """
    from ai_edge_litert.tools import flatbuffer_utils

    changes = mean_errors(source, path, pictures)
    model = flatbuffer_utils.read_model(str(path))
    graph = model.subgraphs[0]
    maker = {index: op for op in graph.operators for index in op.outputs}
    for output, error in zip(graph.outputs, changes, strict=True):
        _shift(model, graph.tensors[maker[output].inputs[2]], error)
    flatbuffer_utils.write_model(model, str(path))


def _shift(model: Any, bias: Any, error: Array) -> None:
    """Take the error, in units of what the convolution says, off its int32 biases."""
    buffer = model.buffers[bias.buffer]
    values = np.frombuffer(bytes(buffer.data), np.int32)
    scale = np.asarray(bias.quantization.scale)
    buffer.data = np.frombuffer((values - np.rint(error / scale).astype(np.int32)).tobytes(), np.uint8)


def mean_errors(source: Path, path: Path, pictures: Sequence[Array]) -> list[Array]:
    """For each output of the files, in the order of the graph: the mean of int8 less float, by channel."""
    total: list[Array] = []
    weights: list[float] = []
    for wanted, said in zip(_answers(source, pictures), _answers(path, pictures), strict=True):
        sure = [1 / (1 + np.exp(-logits.max(1, keepdims=True))) for logits in wanted[::2] for _ in (0, 1)]
        errors = [((s - w) * weight).sum(0) for s, w, weight in zip(said, wanted, sure, strict=True)]
        total = errors if not total else [a + b for a, b in zip(total, errors, strict=True)]
        here = [float(weight.sum()) for weight in sure]
        weights = here if not weights else [a + b for a, b in zip(weights, here, strict=True)]
    return [one / weight for one, weight in zip(total, weights, strict=True)]


def _answers(path: Path, pictures: Sequence[Array]) -> Iterator[list[Array]]:
    """All outputs of each picture, points × channels: logits and boxes of each level by turns."""
    from ai_edge_litert.interpreter import Interpreter

    runner = Interpreter(model_path=str(path), num_threads=1)
    runner.allocate_tensors()
    entry, exits = runner.get_input_details()[0], runner.get_output_details()
    for picture in pictures:
        runner.set_tensor(entry["index"], _stored(picture, entry))
        runner.invoke()
        yield [_meant(runner.get_tensor(one["index"]), one).reshape(-1, one["shape"][-1]) for one in exits]


def _stored(values: Array, tensor: Mapping[str, Any]) -> NDArray[Any]:
    if tensor["dtype"] != np.int8:
        return values
    scale, zero = tensor["quantization"]
    return np.rint(values / scale + zero).clip(-128, 127).astype(np.int8)


def _meant(values: NDArray[Any], tensor: Mapping[str, Any]) -> Array:
    if tensor["dtype"] != np.int8:
        return values
    scale, zero = tensor["quantization"]
    return ((values.astype(np.float32) - zero) * scale).astype(np.float32)
