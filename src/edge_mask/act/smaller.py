"""A picture made small enough for whatever has a limit."""

from pathlib import Path
from typing import Final

from edge_mask.errors import Refused
from edge_mask.picture import read_picture

_QUALITIES: Final = (85, 70, 50)
_SMALLER: Final = 0.7


def small_enough(path: Path, most: int) -> bytes:
    """The picture as a JPEG of at most `most` bytes: coarser, then smaller, until it fits. Raises Refused."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise Refused(f"{path}: cannot be read: {error.strerror}") from error
    if len(data) <= most:
        return data
    import cv2

    image = read_picture(data)
    while min(image.shape[:2]) > 1:
        for quality in _QUALITIES:
            _, encoded = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
            if encoded.nbytes <= most:
                return bytes(encoded)
        size = [max(1, int(side * _SMALLER)) for side in (image.shape[1], image.shape[0])]
        image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    raise Refused(f"{path}: cannot be made small enough to be sent")
