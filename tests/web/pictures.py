"""Picture files for uploads, good ones and bad ones, and the bodies that carry them."""

import struct
import zlib
from collections.abc import Mapping

import cv2
import numpy as np
from tests.detect import packages
from tests.end_to_end.daemon import MASKED

BOUNDARY = "a-boundary-of-ours"
FORM = f"multipart/form-data; boundary={BOUNDARY}"
_IMAGE = packages.picture((640, 480), ((160, 160, 160, 160), MASKED))


def encoded(suffix: str, image: np.ndarray | None = None) -> bytes:
    done, data = cv2.imencode(suffix, _IMAGE if image is None else image)
    assert done
    return bytes(data)


def jpeg() -> bytes:
    return encoded(".jpg")


def png() -> bytes:
    return encoded(".png")


def bomb_png(width: int, height: int) -> bytes:
    """A few kilobytes that stand for so many pixels."""
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    row = zlib.compress(b"\0" * 1000, 9)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", head) + _chunk(b"IDAT", row) + _chunk(b"IEND", b"")


def bomb_jpeg(width: int, height: int) -> bytes:
    """A small JPEG whose header states another size."""
    data = bytearray(jpeg())
    at = data.index(b"\xff\xc0")
    data[at + 5 : at + 9] = struct.pack(">HH", height, width)
    return bytes(data)


def _chunk(kind: bytes, content: bytes) -> bytes:
    body = kind + content
    return struct.pack(">I", len(content)) + body + struct.pack(">I", zlib.crc32(body))


def rotated_jpeg(orientation: int) -> bytes:
    """With an EXIF tag that says how it was held."""
    tiff = b"II*\0\x08\0\0\0\x01\0" + struct.pack("<HHIHH", 0x112, 3, 1, orientation, 0) + b"\0\0\0\0"
    exif = b"Exif\0\0" + tiff
    data = jpeg()
    return data[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + data[2:]


def form(*parts: tuple[str, bytes], closing: bool = True, filename: str = "a.jpg", **headers: str) -> bytes:
    """A body of multipart/form-data."""
    made = b"".join(part(name, content, filename, headers) for name, content in parts)
    return made + f"--{BOUNDARY}--\r\n".encode() if closing else made


def part(name: str, content: bytes, filename: str, headers: Mapping[str, str]) -> bytes:
    kind = headers.get("content_type", "image/jpeg")
    head = f'Content-Disposition: form-data; name="{name}"; filename="{filename}"\r\nContent-Type: {kind}'
    return f"--{BOUNDARY}\r\n{head}\r\n\r\n".encode() + content + b"\r\n"
