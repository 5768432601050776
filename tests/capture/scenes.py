"""Pictures, films and a scripted camera for the tests of this room."""

from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np

from edge_mask.capture.source import EndOfSource
from edge_mask.messages import Fault, Frame, Image
from edge_mask.runtime.clock import ManualClock


def noise(seed: int, height: int = 48, width: int = 64) -> Image:
    """A picture that differs from that of every other seed."""
    return np.random.default_rng(seed).integers(30, 255, (height, width, 3), dtype=np.uint8)


BLACK = np.zeros((48, 64, 3), np.uint8)


def save(path: Path, image: Image) -> Path:
    """The picture in a file, in the format its name says."""
    assert cv2.imwrite(str(path), image)
    return path


def film(path: Path, frames: int, rate: float = 25.0) -> Path:
    """A film whose frame number n is a grey of brightness 40 + 8 n, as far as that goes."""
    kind = "MJPG" if path.suffix == ".avi" else "mp4v"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*kind), rate, (64, 48))
    assert writer.isOpened()
    for number in range(frames):
        writer.write(np.full((48, 64, 3), min(255, 40 + 8 * number), np.uint8))
    writer.release()
    return path


def frame_of(image: Image) -> int:
    """Which frame of `film` this is."""
    return round((float(image.mean()) - 40.0) / 8.0)


class ScriptedCamera:
    """A FrameSource that does what the script says: gives a picture or raises; each read takes `takes` seconds."""

    def __init__(
        self, script: Iterable[Image | Exception], clock: ManualClock, takes: float = 0.04, *, grows_old: bool = True
    ) -> None:
        self.script = list(script)
        self.opened = 0
        self.closed = 0
        self.skipped = 0
        self.refuses_to_open: list[Exception] = []
        self._clock = clock
        self._takes = takes
        self._grows_old = grows_old
        self._number = 0

    def open(self) -> None:
        if self.refuses_to_open:
            raise self.refuses_to_open.pop(0)
        self.opened += 1

    def read(self) -> Frame:
        self._clock.advance(self._takes)
        if not self.script:
            raise EndOfSource
        item = self.script.pop(0)
        if isinstance(item, Exception):
            raise item
        self._number += 1
        return Frame("front", self._number, item, self._clock.now())

    def skip(self) -> bool:
        if not self._grows_old:
            return False
        self._clock.advance(self._takes)
        self.skipped += 1
        return True

    def close(self) -> None:
        self.closed += 1


class Reports:
    """Collects faults, for asking what was reported."""

    def __init__(self) -> None:
        self.faults: list[Fault] = []

    def __call__(self, fault: Fault) -> None:
        self.faults.append(fault)

    @property
    def codes(self) -> list[str]:
        return [fault.code for fault in self.faults]
