"""What a kept picture says of itself, for other programs: one Exif segment (Exif 2.32, CIPA DC-008-2019).

Image directory: description, device, time      Exif directory: time to the millisecond with its zone, size, comment
"""

import json
import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Final

from edge_mask.units import Moment
from edge_mask.wire.envelope import timestamp

_ASCII, _SHORT, _LONG, _RATIONAL, _UNDEFINED = 2, 3, 4, 5, 7
_EXIF_DIRECTORY: Final = 0x8769
_HEADER: Final = b"II*\0" + struct.pack("<I", 8)
"""Little-endian TIFF; the first directory follows at once."""
_LONGEST = 200
"""Characters of a reason: a segment holds 64 KB in all."""

Value = tuple[int, int, bytes]
"""A field's type, how many values it has, and their bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Caption:
    """What is written into a picture. No place: where a device hangs is nobody's business who has its picture."""

    thing: str
    camera: str
    reason: str
    at: Moment
    zone: tzinfo
    width: int
    height: int
    are_faces_blurred: bool

    @property
    def comment(self) -> str:
        """The same for programs, as JSON."""
        said = {
            "thing": self.thing, "camera": self.camera, "ts": timestamp(self.at.wall),
            "reason": self.reason[:_LONGEST],
            "faces": "blurred" if self.are_faces_blurred else "as seen",
        }  # fmt: skip
        return json.dumps(said if self.at.synced else {**said, "clock_ok": False})


def captioned(jpeg: bytes, caption: Caption) -> bytes:
    """The JPEG with the caption as its first segment, where the standard wants it."""
    tiff = _tiff(caption)
    return jpeg[:2] + struct.pack(">2sH6s", b"\xff\xe1", len(tiff) + 8, b"Exif\0\0") + tiff + jpeg[2:]


def _tiff(caption: Caption) -> bytes:
    wall = math.floor(caption.at.wall * 1000 + 1e-4)  # the millisecond of the file's name
    local = datetime.fromtimestamp(wall // 1000, caption.zone)
    moment, milliseconds, offset = f"{local:%Y:%m:%d %H:%M:%S}", f"{wall % 1000:03d}", local.isoformat()[-6:]
    image: dict[int, Value] = {
        0x010E: _text(f"{caption.camera}: {caption.reason[:_LONGEST]}"),  # ImageDescription
        0x010F: _text("edge_mask"),  # Make
        0x0110: _text(caption.thing),  # Model
        0x011A: (_RATIONAL, 1, struct.pack("<2I", 72, 1)),  # XResolution, for no printer in particular
        0x011B: (_RATIONAL, 1, struct.pack("<2I", 72, 1)),  # YResolution
        0x0128: _short(2),  # ResolutionUnit: inch
        0x0132: _text(moment),  # DateTime
        0x0213: _short(1),  # YCbCrPositioning: centred
        _EXIF_DIRECTORY: _long(0),
    }
    exif: dict[int, Value] = {
        0x9000: (_UNDEFINED, 4, b"0232"),  # ExifVersion
        0x9003: _text(moment),  # DateTimeOriginal
        0x9004: _text(moment),  # DateTimeDigitized
        0x9010: _text(offset),  # OffsetTime
        0x9011: _text(offset),  # OffsetTimeOriginal
        0x9012: _text(offset),  # OffsetTimeDigitized
        0x9101: (_UNDEFINED, 4, b"\1\2\3\0"),  # ComponentsConfiguration: YCbCr
        0x9286: _comment(caption.comment),  # UserComment
        0x9290: _text(milliseconds),  # SubSecTime
        0x9291: _text(milliseconds),  # SubSecTimeOriginal
        0x9292: _text(milliseconds),  # SubSecTimeDigitized
        0xA000: (_UNDEFINED, 4, b"0100"),  # FlashpixVersion
        0xA001: _short(1),  # ColorSpace: sRGB
        0xA002: _long(caption.width),  # PixelXDimension
        0xA003: _long(caption.height),  # PixelYDimension
    }
    image[_EXIF_DIRECTORY] = _long(8 + len(_directory(image, 8)))
    first = _directory(image, 8)
    return _HEADER + first + _directory(exif, 8 + len(first))


def _directory(fields: Mapping[int, Value], at: int) -> bytes:
    """A directory that lies `at` bytes from the header: its entries by number, then the values too long for one."""
    behind = at + 2 + 12 * len(fields) + 4
    entries, values = [struct.pack("<H", len(fields))], b""
    for tag, (kind, count, data) in sorted(fields.items()):
        inside = data.ljust(4, b"\0") if len(data) <= 4 else struct.pack("<I", behind + len(values))
        values += b"" if len(data) <= 4 else data + bytes(len(data) % 2)  # values begin at even places
        entries.append(struct.pack("<HHI4s", tag, kind, count, inside))
    return b"".join(entries) + struct.pack("<I", 0) + values


def _text(text: str) -> Value:
    """Exif texts are ASCII; the comment holds every letter."""
    data = text.encode("ascii", "replace").replace(b"\0", b"") + b"\0"
    return _ASCII, len(data), data


def _comment(text: str) -> Value:
    data = b"ASCII\0\0\0" + text.encode("ascii", "replace")
    return _UNDEFINED, len(data), data


def _short(value: int) -> Value:
    return _SHORT, 1, struct.pack("<H", value)


def _long(value: int) -> Value:
    return _LONG, 1, struct.pack("<I", value)
