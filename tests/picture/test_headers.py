"""Our reader of headers finds the size that the decoder finds: never a smaller one, and no picture is lost to it."""

import struct

import cv2
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.picture.test_picture_files import RED_LEFT_BLUE_RIGHT, encoded

from edge_mask.errors import Refused
from edge_mask.picture import read_picture
from edge_mask.picture_header import BROKEN, format_of, size_of

JPEG = encoded(RED_LEFT_BLUE_RIGHT, ".jpg")
SECOND = 4 + struct.unpack(">H", JPEG[4:6])[0]
"""Where the second segment of the JPEG begins."""


@pytest.mark.parametrize(
    "stray", [bytes(4), b"\x12\x34", b"\xff" * 5, b"\xff\x00", b"\xff\x01", b"\xff\xd0", b"\0\xff\xff\0"], ids=bytes.hex
)
def test_a_jpeg_with_stray_bytes_between_two_segments_is_the_picture(stray: bytes) -> None:
    data = JPEG[:SECOND] + stray + JPEG[SECOND:]
    assert size_of(data) == (60, 40)
    assert (read_picture(data) == read_picture(JPEG)).all()


@pytest.mark.parametrize("marker", [0xD8, 0xD9], ids=["start", "end"])
def test_a_jpeg_that_starts_twice_or_ends_before_its_pixels_is_refused(marker: int) -> None:
    with pytest.raises(Refused, match=r"damaged|is no picture"):
        read_picture(JPEG[:SECOND] + bytes([0xFF, marker]) + JPEG[SECOND:])


def bmp_with_a_header_of_12_bytes() -> bytes:
    pixels = RED_LEFT_BLUE_RIGHT[::-1].tobytes()
    return b"BM" + struct.pack("<IHHI", 26 + len(pixels), 0, 0, 26) + struct.pack("<IHHHH", 12, 60, 40, 1, 24) + pixels


def tiff(order: str, width: tuple[int, int], height: tuple[int, int], *more: tuple[int, int, int]) -> bytes:
    """A grey TIFF; sides and `more` entries are (type, value) and (tag, type, value)."""
    forms = {1: "B3x", 3: "H2x", 4: "I", 6: "b3x", 9: "i", 16: "I"}
    tags = [(256, *width), (257, *height), *more, (258, 3, 8), (259, 3, 1), (262, 3, 1), (277, 3, 1), (278, 3, 40)]
    pixels = 8 + 2 + 12 * (len(tags) + 2) + 4
    tags = sorted([*tags, (273, 4, pixels), (279, 4, 60 * 40)], key=lambda entry: entry[0])
    entries = b"".join(
        struct.pack(order + "HHI", tag, kind, 1) + struct.pack(order + forms[kind], value) for tag, kind, value in tags
    )
    start = (b"II" if order == "<" else b"MM") + struct.pack(order + "HI", 42, 8)
    return start + struct.pack(order + "H", len(tags)) + entries + bytes(4) + b"\x80" * (60 * 40)


def big_tiff() -> bytes:
    """The same in a BigTIFF."""
    tags = [(256, 4, 60), (257, 4, 40), (258, 3, 8), (259, 3, 1), (262, 3, 1), (273, 4, 216), (277, 3, 1), (278, 3, 40)]
    tags.append((279, 4, 60 * 40))
    entries = b"".join(struct.pack("<HHQQ", tag, kind, 1, value) for tag, kind, value in tags)
    return b"II+\0" + struct.pack("<HHQQ", 8, 0, 16, len(tags)) + entries + bytes(12) + b"\x80" * (60 * 40)


def in_bytes(order: str) -> bytes:
    return tiff(order, (1, 60), (1, 40))


@pytest.mark.parametrize(
    "data",
    [
        bmp_with_a_header_of_12_bytes(),
        tiff("<", (3, 60), (4, 40)),
        tiff("<", (6, 60), (9, 40)),
        in_bytes("<"),
        in_bytes(">"),
        big_tiff(),
    ],
    ids=["bmp of 1988", "short and long", "signed", "bytes", "bytes, high first", "big tiff"],
)
def test_what_the_decoder_reads_is_not_lost_to_our_reader_of_headers(data: bytes) -> None:
    assert size_of(data) == (60, 40)
    assert read_picture(data).shape == (40, 60, 3)


def test_of_two_widths_the_one_that_the_decoder_takes_bounds_the_memory() -> None:
    """The second, small one would let a picture of any size through."""
    assert size_of(tiff("<", (4, 1_000_000), (4, 1_000_000), (256, 4, 1))) == (1_000_000, 1_000_000)


def test_a_width_that_lies_elsewhere_is_looked_up_there() -> None:
    data = bytearray(tiff("<", (16, 0), (4, 1_000_000)))
    data[18:22] = struct.pack("<I", len(data))
    assert size_of(bytes(data) + struct.pack("<Q", 900_000)) == (900_000, 1_000_000)


STARTS = [JPEG, bmp_with_a_header_of_12_bytes(), big_tiff(), in_bytes(">"), tiff("<", (3, 60), (4, 40))]
STARTS += [encoded(RED_LEFT_BLUE_RIGHT, suffix) for suffix in (".png", ".webp", ".bmp", ".tiff")]


@settings(max_examples=400)
@given(
    st.sampled_from(STARTS),
    st.integers(0, 700),
    st.integers(0, 12),
    st.one_of(st.binary(max_size=12), st.just(b"\xff")),
)
@example(JPEG, 2, 0, b"\0")
def test_whatever_the_decoder_makes_of_a_file_the_header_said_before(
    start: bytes, at: int, gone: int, rubbish: bytes
) -> None:
    data = start[:at] + rubbish + start[at + gone :]
    if not format_of(data):
        return  # it is refused before a decoder sees it; OpenCV would take a WebP without its first 12 bytes
    try:
        stated = size_of(data)
    except BROKEN:
        stated = None
    if stated is not None and stated[0] * stated[1] > 1_000_000:
        return  # it is refused, or costs the decoder what it states
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
    except cv2.error:
        image = None
    if image is not None:
        assert stated == (image.shape[1], image.shape[0])
