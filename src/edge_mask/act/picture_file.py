"""One picture: from a look to the bytes of a file, and from these to a whole file or none."""

import errno
import os
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, tzinfo
from pathlib import Path
from typing import Final

from edge_mask.act.blur import blurred
from edge_mask.act.exif import Caption, captioned
from edge_mask.act.folder import PART
from edge_mask.errors import Refused
from edge_mask.messages import Shot
from edge_mask.units import Seconds

SETTLES: Final = Seconds(60.0)
"""A disk that was full is back when it has taken everything for so long: at its edge it takes every other picture."""
_QUALITY = 88


@dataclass(frozen=True, slots=True, kw_only=True)
class Style:
    """What every picture of this device looks like."""

    thing: str
    zone: tzinfo = UTC
    """For the time of day in the picture's own words."""
    blur_faces: bool = True

    def jpeg(self, shot: Shot, reason: str) -> bytes:
        """The bytes of the file. Raises Refused for a picture that cannot be encoded."""
        import cv2

        frame = shot.frame
        try:
            image = blurred(frame.image, shot.hidden) if self.blur_faces else frame.image
            done, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
        except cv2.error as error:
            raise Refused(f"the picture of camera {frame.camera} cannot be written as JPEG ({error.err})") from error
        if not done:
            raise Refused(f"the picture of camera {frame.camera} cannot be written as JPEG")
        caption = Caption(
            thing=self.thing, camera=frame.camera, reason=reason, at=frame.at, zone=self.zone,
            width=image.shape[1], height=image.shape[0], are_faces_blurred=self.blur_faces,
        )  # fmt: skip
        return captioned(bytes(data), caption)


def put(folder: Path, name: str, data: bytes) -> None:
    """A whole file or none, after a power cut too: its bytes are on the disk before it has its name. Raises OSError."""
    part = folder / f".{name}{PART}"
    try:
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o640)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(descriptor)
        part.rename(folder / name)
    except OSError:
        with suppress(OSError):
            part.unlink(missing_ok=True)
        raise


def advice(error: OSError) -> str:
    """What the user should know of a disk that fails."""
    if error.errno == errno.ENOSPC:
        return "the disk is full; no picture was written"
    return f"no picture can be written or deleted ({error.strerror})"
