"""From bytes of the canvas to what the graph wants: channel order, mean and scale, quantisation."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_mask.detect.tensors import TensorSpec
from edge_mask.errors import ModelError
from edge_mask.messages import Image

Write = Callable[[Image, NDArray[Any]], None]
"""Turns bytes (height x width x 3, in the graph's channel order) into values of the tensor."""


class Pixels:
    """Writes a canvas into the input tensor.

    The real value is (pixel - mean) / scale; a quantised input gets that value in its own steps, rounded and
    saturated. What that means is one table of 256 entries per channel; the usual tables have a faster way.
    """

    def __init__(self, *, swap: bool, mean: Sequence[float], scale: Sequence[float], tensor: TensorSpec) -> None:
        """`swap`: the graph wants red first. `mean` and `scale` are in the graph's channel order."""
        if tensor.dtype not in (np.float32, np.int8, np.uint8):
            raise ModelError(f"the input is {tensor.dtype}, expected float32, int8 or uint8")
        self._swap = swap
        tables = [_table(m, s, tensor) for m, s in zip(mean, scale, strict=True)]
        shift = _as_shift(tables)
        self._write = _by_shift(*shift) if shift else _writer(tables)
        self._in_place = shift is not None
        self._ordered: Image | None = None

    def write(self, canvas: Image, into: NDArray[Any]) -> None:
        """Fill `into` (height x width x 3, of the tensor's type) from the canvas, which is not changed."""
        import cv2

        ordered = into.view(np.uint8) if self._in_place else self._ordered
        if self._swap:
            ordered = cv2.cvtColor(canvas, cv2.COLOR_BGR2RGB, dst=ordered)
        elif ordered is None:
            ordered = canvas.copy()
        else:
            np.copyto(ordered, canvas)
        if not self._in_place:
            self._ordered = ordered
        self._write(ordered, into)


def _table(mean: float, scale: float, tensor: TensorSpec) -> NDArray[Any]:
    real = (np.arange(256) - mean) / scale
    if tensor.dtype == np.float32:
        return real.astype(np.float32)
    steps = real  # plain bytes, as classifiers without quantisation parameters take them
    if tensor.scale:
        steps = np.round(real / tensor.scale) + tensor.zero_point
    limits = np.iinfo(tensor.dtype)
    return np.clip(np.round(steps), limits.min, limits.max).astype(tensor.dtype)


def _writer(tables: list[NDArray[Any]]) -> Write:
    """The fastest way to apply the tables of the three channels."""
    table = tables[0]
    if any((other != table).any() for other in tables[1:]):
        return _by_table(np.stack(tables, axis=-1)[None])
    if table.dtype == np.float32:
        return _by_line(table)
    return _by_table(table)


def _as_shift(tables: list[NDArray[Any]]) -> tuple[int, int] | None:
    """(largest byte kept, what is added to it), when that is all that the tables do."""
    table = tables[0].astype(int)
    if tables[0].dtype == np.float32 or any((other != tables[0]).any() for other in tables[1:]):
        return None
    shift = int(table[128]) - 128
    most = min(255, int(np.iinfo(tables[0].dtype).max) - shift)
    return (most, shift) if (np.minimum(np.arange(256), most) + shift == table).all() else None


def _by_table(table: NDArray[Any]) -> Write:
    import cv2

    def write(pixels: Image, into: NDArray[Any]) -> None:
        cv2.LUT(pixels, table, dst=into)

    return write


def _by_line(table: NDArray[Any]) -> Write:
    """Real values lie on a line. OpenCV has one fast pass for that, but only its `normalize` lets Python use it:
    told where the smallest and the largest pixel of the picture have to go, it puts the others on that line.
    """
    import cv2

    values = [float(value) for value in table]

    def write(pixels: Image, into: NDArray[Any]) -> None:
        least, most, _, _ = cv2.minMaxLoc(pixels.reshape(pixels.shape[0], -1))
        cv2.normalize(pixels, into, values[int(least)], values[int(most)], cv2.NORM_MINMAX, cv2.CV_32F)

    return write


def _by_shift(most: int, shift: int) -> Write:
    """Steps are bytes moved by a whole number: cut what would overflow, then add modulo 256, all in the tensor."""
    import cv2

    moved = np.uint8(shift % 256)

    def write(pixels: Image, into: NDArray[Any]) -> None:
        if most < 255:
            cv2.threshold(pixels, most, most, cv2.THRESH_TRUNC, dst=pixels)
        np.add(pixels, moved, out=into.view(np.uint8))

    return write
