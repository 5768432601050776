"""A frame as it is sent to another device: no larger than its model needs."""

from dataclasses import dataclass
from typing import Final

from edge_mask.fleet.frames.frame import MOST_BYTES
from edge_mask.messages import Box, Face, Image

LONGEST_SIDE: Final = 640
"""Pixels; models look at less."""
_QUALITIES: Final = (85, 70, 50, 30)


@dataclass(frozen=True, slots=True)
class Sent:
    """The picture as it is sent, and its size."""

    data: bytes
    width: int
    height: int

    def in_frame(self, face: Face, image: Image) -> Face:
        """A face of this picture in pixels of the frame."""
        across, down = image.shape[1] / self.width, image.shape[0] / self.height
        box = face.box
        return Face(face.label, face.score, Box(box.x * across, box.y * down, box.w * across, box.h * down))


def as_jpeg(image: Image, longest: int = LONGEST_SIDE, most: int = MOST_BYTES) -> Sent | None:
    """None for a picture that does not become small enough."""
    import cv2

    height, width = image.shape[:2]
    shrink = min(1.0, longest / max(width, height))
    if shrink < 1.0:
        width, height = max(1, round(width * shrink)), max(1, round(height * shrink))
        image = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA).astype(image.dtype, copy=False)
    for quality in _QUALITIES:
        _, encoded = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
        if encoded.nbytes <= most:
            return Sent(encoded.tobytes(), width, height)
    return None
