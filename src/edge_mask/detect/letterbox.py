"""Fitting a picture of any size into the model's input, and boxes back into the picture."""

from typing import Any, Literal

import numpy as np

from edge_mask.detect.arrays import F32
from edge_mask.geometry import Corners
from edge_mask.messages import Image

_STEPS = 64
Anchor = Literal["top_left", "center"]


class Placement:
    """Where a picture of `picture` (width, height) lies in the input: offset and size, whole pixels."""

    def __init__(self, picture: tuple[int, int], left: int, top: int, width: int, height: int) -> None:
        self.picture = picture
        self.left, self.top, self.width, self.height = left, top, width, height
        factor = np.array([picture[0] / width, picture[1] / height] * 2, np.float32)
        self._shift = np.array([left, top] * 2, np.float32)
        self._steps = factor * _STEPS
        self._most = np.array([*picture, *picture], np.float32) * _STEPS
        self._across, self._down = float(self._steps[0]), float(self._steps[1])
        self._ends = round(picture[0] * _STEPS), round(picture[1] * _STEPS)

    def to_picture(self, boxes: F32) -> F32:
        """Boxes (left, top, right, bottom) from pixels of the input to pixels of the picture, cut at its edges.

        They are rounded to 1/64 pixel: exact in binary, so that left + width never leaves the picture.
        """
        steps = np.rint((boxes - self._shift) * self._steps)
        return np.asarray(np.minimum(np.maximum(steps, 0.0), self._most) / _STEPS, np.float32)

    def one_to_picture(self, box: Corners) -> Corners:
        """The same for one box in plain numbers."""
        left, top, right, bottom = box
        x1, x2 = round((left - self.left) * self._across), round((right - self.left) * self._across)
        y1, y2 = round((top - self.top) * self._down), round((bottom - self.top) * self._down)
        width, height = self._ends
        return (
            min(max(x1, 0), width) / _STEPS,
            min(max(y1, 0), height) / _STEPS,
            min(max(x2, 0), width) / _STEPS,
            min(max(y2, 0), height) / _STEPS,
        )


def place(picture: tuple[int, int], size: tuple[int, int], anchor: Anchor | None) -> Placement:
    """Where a picture goes in an input of `size`; both (width, height). Without an anchor it is stretched."""
    if anchor is None:
        return Placement(picture, 0, 0, *size)
    factor = min(size[0] / picture[0], size[1] / picture[1])
    width = min(size[0], max(1, round(picture[0] * factor)))
    height = min(size[1], max(1, round(picture[1] * factor)))
    if anchor == "top_left":
        return Placement(picture, 0, 0, width, height)
    return Placement(picture, (size[0] - width) // 2, (size[1] - height) // 2, width, height)


class Letterbox:
    """Draws pictures into one canvas of the model's size that is used again and again."""

    def __init__(self, size: tuple[int, int], *, anchor: Anchor | None, fill: int) -> None:
        """`size` is (width, height); `fill` is the grey of what the picture does not cover."""
        self._size = size
        self._anchor = anchor
        self._fill = fill
        self._canvas: Image = np.full((size[1], size[0], 3), fill, np.uint8)
        self._placement: Placement | None = None

    def draw(self, image: Image) -> tuple[Image, Placement]:
        """The filled canvas (valid until the next call) and where the picture lies in it."""
        picture = (image.shape[1], image.shape[0])
        where = self._placement
        if where is None or where.picture != picture:
            where = self._placement = place(picture, self._size, self._anchor)
            self._canvas[:] = self._fill
        _shrink(image, self._canvas[where.top : where.top + where.height, where.left : where.left + where.width])
        return self._canvas, where


def one_thread_in_opencv() -> None:
    """Make OpenCV work in the calling thread only.

    Its thread pool gains nothing on pictures this small. While the graph keeps the cores busy, waiting for the pool
    took longer than the graph.
    """
    import cv2

    cv2.setNumThreads(1)


def _shrink(image: Image, into: Any) -> None:
    """Resize without aliasing: halve by averaging while that is possible, then interpolate the rest.

    Averaging down to the size in one step looks the same and takes up to eight times as long.
    """
    import cv2

    height, width = into.shape[:2]
    while image.shape[1] > 2 * width and image.shape[0] > 2 * height:
        half = (image.shape[1] // 2, image.shape[0] // 2)
        image = cv2.resize(image, half, interpolation=cv2.INTER_AREA)
    if image.shape[1] == 2 * width and image.shape[0] == 2 * height:
        cv2.resize(image, (width, height), dst=into, interpolation=cv2.INTER_AREA)
    else:
        cv2.resize(image, (width, height), dst=into, interpolation=cv2.INTER_LINEAR)
