"""Picture files from anywhere, as the house wants them: 8 bit, blue-green-red, upright, bounded.

Every file gives a picture or a sentence (`Refused`): grey, alpha, CMYK, 16 bit and EXIF-rotated pictures are
converted; an empty, truncated or foreign file, and one that would not fit into memory, is refused.
"""

import stat
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edge_mask.errors import Refused
from edge_mask.messages import Box, Image
from edge_mask.picture_header import BROKEN, format_of, holds_several, is_cut_off, scans_of, size_of

LONGEST_SIDE = 4096
"""Pixels; a longer picture is made smaller while it is read (a detector sees a few hundred of them)."""
MOST_PIXELS = 120_000_000
MOST_SCANS = 100
"""Of a JPEG; a progressive one from a camera or an editor has about ten."""
MOST_BYTES = 200_000_000
SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff"})
"""File names that are taken for pictures when a folder is listed; a file itself is known by its first bytes."""

_ALLOWED = "JPEG, PNG, WebP, BMP or TIFF"
_SEVERAL = {
    "JPEG": "name a film of JPEGs .mjpeg and read it as a video",
    "PNG": "read it as a video, or save each picture in a file of its own",
    "WebP": "convert the animation to a video (.mp4), or save each picture in a file of its own",
    "BMP": "save each picture in a file of its own",
    "TIFF": "save each page in a file of its own",
}
"""What to do with them."""


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """A picture as it was read; `width` and `height` are those of the file, upright, before any reduction."""

    image: Image
    width: int
    height: int

    @property
    def scales(self) -> tuple[float, float]:
        """What x and y in `image` are multiplied by to give pixels of the file (1.0 unless it was reduced).

        Two numbers: the narrow side of a long picture is rounded to whole pixels too, and by far more of itself.
        """
        return self.width / int(self.image.shape[1]), self.height / int(self.image.shape[0])

    def in_file(self, box: Box) -> Box:
        """A box of `image` in pixels of the file, none of it outside the file."""
        across, down = self.scales
        left, right = (min(max(x * across, 0.0), float(self.width)) for x in (box.x, box.x + box.w))
        top, bottom = (min(max(y * down, 0.0), float(self.height)) for y in (box.y, box.y + box.h))
        return Box(left, top, right - left, bottom - top)


def read_picture(source: Path | str | bytes) -> Image:
    """The picture in a file (or in the bytes of one). Raises Refused with a sentence."""
    return load_picture(source).image


def load_picture(source: Path | str | bytes) -> Picture:
    """The picture in a file (or in the bytes of one), with the file's own size. Raises Refused."""
    if isinstance(source, bytes):
        return _decode(source, "the picture")
    return _decode(_contents(Path(source)), str(source))


def _contents(path: Path) -> bytes:
    try:
        state = path.stat()
        if stat.S_ISREG(state.st_mode):
            content = b"" if state.st_size > MOST_BYTES else path.read_bytes()
        else:  # a device or a pipe states no size and may never end
            with path.open("rb") as file:
                content = file.read(MOST_BYTES + 1)
        if max(state.st_size, len(content)) > MOST_BYTES:
            raise Refused(f"{path}: is larger than {MOST_BYTES // 1_000_000} MB, too large for a picture")
        return content
    except OSError as error:
        raise Refused(f"{path}: cannot be read ({error.strerror})") from error


def _decode(data: bytes, what: str) -> Picture:
    import cv2

    width, height = _checked_size(data, what)
    flags = {1: cv2.IMREAD_COLOR, 2: cv2.IMREAD_REDUCED_COLOR_2, 4: cv2.IMREAD_REDUCED_COLOR_4}
    flags[8] = cv2.IMREAD_REDUCED_COLOR_8
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), flags[_reduction(width, height)])
    except (cv2.error, MemoryError) as error:
        raise Refused(f"{what}: is damaged and cannot be decoded") from error
    if image is None:
        raise Refused(f"{what}: is damaged and cannot be decoded")
    if (image.shape[1] > image.shape[0]) != (width > height) and width != height:  # EXIF turned it by a quarter
        width, height = height, width
    longest = max(image.shape[:2])
    if longest > LONGEST_SIDE:
        size = [max(1, side * LONGEST_SIDE // longest) for side in (image.shape[1], image.shape[0])]
        image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    return Picture(image, width, height)


def _reduction(width: int, height: int) -> int:
    """By how much the decoder itself makes the picture smaller; a side of a few pixels would vanish."""
    fitting = (by for by in (1, 2, 4, 8) if max(width, height) <= by * LONGEST_SIDE)
    by = next(fitting, 8)
    return by if min(width, height) >= by else 1


def _checked_size(data: bytes, what: str) -> tuple[int, int]:
    """Width and height as the header states them, before a byte of memory is spent on the pixels."""
    if not data:
        raise Refused(f"{what}: is empty (0 bytes)")
    try:
        size = size_of(data)
        cut_off = size is not None and is_cut_off(data)
        several = size is not None and not cut_off and holds_several(data)
        scans = 0 if size is None or cut_off else scans_of(data, MOST_SCANS)
    except BROKEN as error:
        raise Refused(f"{what}: is truncated in its header") from error
    if size is None:
        raise Refused(f"{what}: is no picture that can be read here ({_ALLOWED})")
    width, height = size
    if min(width, height) < 1:
        raise Refused(f"{what}: states a size of {width} x {height} pixels")
    if width * height > MOST_PIXELS:
        raise Refused(f"{what}: has {width} x {height} pixels, more than {MOST_PIXELS // 1_000_000} million")
    if cut_off:
        raise Refused(f"{what}: is truncated (its end is missing)")
    if scans > MOST_SCANS:
        raise Refused(f"{what}: has more than {MOST_SCANS} scans, which takes minutes to decode; save it anew")
    if several:
        raise Refused(f"{what}: holds several pictures, and only the first would be read; {_SEVERAL[format_of(data)]}")
    return width, height
