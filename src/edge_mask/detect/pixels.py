"""From bytes of the canvas to what the graph wants: channel order, mean and scale, quantisation."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_mask.detect.tflite import TensorSpec
from edge_mask.errors import ModelError
from edge_mask.messages import Image


class Pixels:
    """Writes a canvas into the input tensor through one table of 256 entries per channel.

    The real value is (pixel - mean) / scale; a quantised input gets that value in its own steps, rounded and
    saturated. A table does all of it in one pass whatever the numbers are.
    """

    def __init__(self, *, swap: bool, mean: Sequence[float], scale: Sequence[float], tensor: TensorSpec) -> None:
        """`swap`: the graph wants red first. `mean` and `scale` are in the graph's channel order."""
        if tensor.dtype not in (np.float32, np.int8, np.uint8):
            raise ModelError(f"the input is {tensor.dtype}, expected float32, int8 or uint8")
        self._swap = swap
        channels = [_table(m, s, tensor) for m, s in zip(mean, scale, strict=True)]
        alike = all((channel == channels[0]).all() for channel in channels)
        self._table = channels[0] if alike else np.stack(channels, axis=-1)[None]
        self._swapped: Image | None = None

    def write(self, canvas: Image, into: NDArray[Any]) -> None:
        """Fill `into` (height x width x 3, the tensor's type) from the canvas (blue-green-red)."""
        import cv2

        if self._swap:
            self._swapped = canvas = cv2.cvtColor(canvas, cv2.COLOR_BGR2RGB, dst=self._swapped)
        cv2.LUT(canvas, self._table, dst=into)


def _table(mean: float, scale: float, tensor: TensorSpec) -> NDArray[Any]:
    real = (np.arange(256) - mean) / scale
    if tensor.dtype == np.float32:
        return real.astype(np.float32)
    steps = real  # plain bytes, as classifiers without quantisation parameters take them
    if tensor.scale:
        steps = np.round(real / tensor.scale) + tensor.zero_point
    limits = np.iinfo(tensor.dtype)
    return np.clip(np.round(steps), limits.min, limits.max).astype(tensor.dtype)
