"""Real file trees in the shape of /sys/class/leds, and pictures to keep."""

from pathlib import Path

import numpy as np

from edge_mask.messages import Box, Face, Frame
from edge_mask.units import Moment, Seconds, Unix

TRIGGERS = "none rc-feedback [mmc0] timer heartbeat"


def led(sysfs: Path, name: str, brightest: int = 255) -> Path:
    """A LED's folder as the kernel makes it."""
    folder = sysfs / "class/leds" / name
    folder.mkdir(parents=True)
    (folder / "brightness").write_text("0\n")
    (folder / "max_brightness").write_text(f"{brightest}\n")
    (folder / "trigger").write_text(TRIGGERS + "\n")
    return folder


def brightness(folder: Path) -> str:
    return (folder / "brightness").read_text().strip()


def frame(wall: float = 1_790_000_000.123, camera: str = "front", noise: int = 1, side: int = 96) -> Frame:
    """A picture that does not compress well, so that its size can be counted on."""
    image = np.random.default_rng(noise).integers(0, 256, (side, side, 3), dtype=np.uint8)
    return Frame(camera, 1, image, Moment(Seconds(1000.0), Unix(wall)))


def face(x: float, y: float, w: float, h: float) -> Face:
    return Face("mask", 0.9, Box(x, y, w, h))
