"""One file, several pictures: never the first one as if it were all."""

import struct
import zlib

import numpy as np
import pytest
from tests.picture.test_picture_files import RED_LEFT_BLUE_RIGHT, encoded

from edge_mask.errors import Refused
from edge_mask.picture import load_picture
from edge_mask.picture_header import holds_several

JPEG = encoded(RED_LEFT_BLUE_RIGHT, ".jpg")
PNG = encoded(RED_LEFT_BLUE_RIGHT, ".png")
BMP = encoded(RED_LEFT_BLUE_RIGHT, ".bmp")
HEADER = 8 + 25
"""Where the first chunk behind a PNG's header begins."""
BETWEEN = b"\r\n--next\r\nContent-Type: image/jpeg\r\n\r\n"


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def pages(*kinds: int) -> bytes:
    """A TIFF of grey 4 x 4 pages; a page of kind 1 is a reduced copy of another one."""
    data = bytearray(b"II*\0" + struct.pack("<I", 8))
    for number, kind in enumerate(kinds):
        tags = [(254, kind), (256, 4), (257, 4), (258, 8), (259, 1), (262, 1), (273, 0), (277, 1), (278, 4), (279, 16)]
        end = len(data) + 2 + 12 * len(tags) + 4
        data += struct.pack("<H", len(tags))
        data += b"".join(struct.pack("<HHII", tag, 4, 1, end if tag == 273 else value) for tag, value in tags)
        data += struct.pack("<I", end + 16 if number + 1 < len(kinds) else 0) + b"\x80" * 16
    return bytes(data)


def animated_webp() -> bytes:
    frame = b"ANMF" + struct.pack("<I", 16) + bytes(16)
    body = b"WEBPVP8X" + struct.pack("<I", 10) + bytes([2, 0, 0, 0, 59, 0, 0, 39, 0, 0]) + frame + frame
    return b"RIFF" + struct.pack("<I", len(body)) + body


def with_segment(marker: int, content: bytes) -> bytes:
    return JPEG[:2] + bytes([0xFF, marker]) + struct.pack(">H", len(content) + 2) + content + JPEG[2:]


@pytest.mark.parametrize(
    ("data", "what_to_do"),
    [
        (JPEG * 10, r"name a film of JPEGs \.mjpeg"),
        (JPEG + bytes(64) + JPEG, r"name a film of JPEGs \.mjpeg"),
        (JPEG + BETWEEN + with_segment(0xE1, bytes(60_000)), r"name a film of JPEGs \.mjpeg"),
        (PNG + PNG, "read it as a video"),
        (PNG[:HEADER] + chunk(b"acTL", struct.pack(">II", 3, 0)) + PNG[HEADER:], "read it as a video"),
        (BMP + BMP, "a file of its own"),
        (pages(0, 0), "save each page in a file of its own"),
        (animated_webp(), "convert the animation"),
    ],
    ids=["jpegs", "padding", "multipart", "pngs", "apng", "bmps", "tiff", "webp"],
)
def test_a_file_of_several_pictures_is_refused_with_what_to_do(data: bytes, what_to_do: str) -> None:
    with pytest.raises(Refused, match=f"holds several pictures, and only the first would be read; .*{what_to_do}"):
        load_picture(data)


@pytest.mark.parametrize(
    "data",
    [
        JPEG + encoded(np.zeros((4, 6, 3), np.uint8), ".jpg"),
        with_segment(0xE2, b"MPF\0MM\0*") + JPEG,
        with_segment(0xE1, b"Exif\0\0" + JPEG),
        JPEG + b"ftypmp42 a short film",
        JPEG + JPEG[:30],
        PNG[:HEADER] + chunk(b"prVW", PNG) + PNG[HEADER:],
        PNG[:HEADER] + chunk(b"tEXt", b"Comment\0acTL\0\0\0\x09") + PNG[HEADER:],
        PNG[:HEADER] + chunk(b"acTL", struct.pack(">II", 1, 0)) + PNG[HEADER:],
        BMP + bytes(9),
        pages(0, 1, 1),
        pages(0, 0)[:150],
    ],
    ids=[
        *("preview", "announced preview", "thumbnail", "motion photo", "half a second", "png in a png", "a comment"),
        *("one frame", "bmp with a tail", "reduced copies", "second page cut off"),
    ],
)
def test_a_picture_with_something_behind_or_inside_is_still_one_picture(data: bytes) -> None:
    assert not holds_several(data)
    assert load_picture(data).width in (60, 4)
