"""What a cheap camera makes of a scene: noise of the sensor, light that changes, JPEG; and films of it."""

from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np

from edge_mask.messages import Image

_FIELDS = 4


class Sensor:
    """A small sensor in ordinary light: its noise is `read` in the dark and `shot` more in full light (grey levels)."""

    def __init__(self, seed: int = 0, read: float = 1.5, shot: float = 2.5) -> None:
        self._random = np.random.default_rng(seed)
        self._read, self._shot = read, shot
        self._fields: list[np.ndarray] = []

    def expose(self, scene: Image, gain: float = 1.0) -> Image:
        """One picture; no two have the same noise."""
        bright = scene.astype(np.float32) * np.float32(gain)
        spread = self._read + self._shot * np.sqrt(np.clip(bright, 0, 255) / 255)
        return np.asarray(np.clip(bright + self._noise(scene.shape) * spread, 0, 255), np.uint8)

    def _noise(self, shape: tuple[int, ...]) -> np.ndarray:
        """One of a few fields, moved anywhere: new normal numbers for each picture would take most of the time."""
        if not self._fields:
            self._fields = [self._random.standard_normal(shape, np.float32) for _ in range(_FIELDS)]
        field = self._fields[int(self._random.integers(_FIELDS))]
        moved = np.roll(field, tuple(self._random.integers(0, shape[axis]) for axis in (0, 1)), axis=(0, 1))
        return np.asarray(moved, np.float32)


def write_film(path: Path, pictures: Iterable[Image], fps: float) -> Path:
    """A motion-JPEG film: every picture stands for itself, as of a USB camera."""
    writer: cv2.VideoWriter | None = None
    for picture in pictures:
        if writer is None:
            size = (picture.shape[1], picture.shape[0])
            writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), fps, size)
            writer.set(cv2.VIDEOWRITER_PROP_QUALITY, 92)
        writer.write(picture)
    assert writer is not None, "no pictures"
    writer.release()
    return path
