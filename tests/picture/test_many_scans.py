"""A small progressive JPEG may stand for any number of walks over its pixels: they are counted before the first."""

import struct
from contextlib import suppress

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.exceptions import HTTPException

from edge_mask.errors import Refused
from edge_mask.picture import MOST_SCANS, load_picture
from edge_mask.picture_header import BROKEN, scans_of
from edge_mask.web.upload import picture_in

SCAN = b"\xff\xda\0\x08\1\1\0\x01\x3f\0"
"""Of the coefficients behind the first, in a grey picture."""


def many_scans(scans: int, side: int = 16) -> bytes:
    """A grey progressive JPEG of empty blocks: one scan of their means, and then more and more of nothing."""

    def segment(marker: int, data: bytes) -> bytes:
        return bytes([0xFF, marker]) + struct.pack(">H", len(data) + 2) + data

    blocks = (side // 8) ** 2
    start = segment(0xDB, b"\0" + b"\1" * 64) + segment(0xC2, struct.pack(">BHHB", 8, side, side, 1) + b"\1\x11\0")
    tables = segment(0xC4, b"\0\1" + bytes(15) + b"\0") + segment(0xC4, b"\x10\1" + bytes(15) + b"\0")
    means = segment(0xDA, b"\1\1\0\0\0\0") + bytes((blocks + 7) // 8)
    return b"\xff\xd8" + start + tables + means + (SCAN + bytes((blocks + 7) // 8)) * (scans - 1) + b"\xff\xd9"


def test_a_jpeg_of_195000_scans_is_refused_before_it_is_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    def decoded(*_given: object) -> None:
        raise AssertionError("it was decoded")

    monkeypatch.setattr(cv2, "imdecode", decoded)
    with pytest.raises(Refused, match="has more than 100 scans"):
        load_picture(many_scans(195_000))


def test_a_jpeg_of_as_many_scans_as_are_allowed_is_a_picture() -> None:
    assert load_picture(many_scans(MOST_SCANS)).image.shape == (16, 16, 3)
    with pytest.raises(Refused, match="scans"):
        load_picture(many_scans(MOST_SCANS + 1))


@pytest.mark.parametrize(("flags", "least", "most"), [([], 1, 1), ([cv2.IMWRITE_JPEG_PROGRESSIVE, 1], 6, 12)])
def test_the_scans_of_a_real_picture_are_counted(flags: list[int], least: int, most: int) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (480, 640, 3), np.uint8)
    jpeg = bytes(cv2.imencode(".jpg", noise, [*flags, cv2.IMWRITE_JPEG_RST_INTERVAL, 2])[1])
    film = jpeg + b"\xff\xda" * 500  # what a telephone appends is not looked at
    assert least <= scans_of(film, MOST_SCANS) <= most


def test_a_scan_in_a_thumbnail_is_none_of_the_picture() -> None:
    exif = b"\xff\xe1" + struct.pack(">H", 2 + 4 * 300) + b"\xff\xda\0\x02" * 300
    assert scans_of(b"\xff\xd8" + exif + many_scans(3)[2:], MOST_SCANS) == 3


def test_a_guest_is_told_that_it_cannot_be_processed() -> None:
    with pytest.raises(HTTPException, match="more than 100 scans") as refused:
        picture_in("image/jpeg", many_scans(1000))
    assert refused.value.status_code == 422


@given(st.binary(max_size=300))
def test_whatever_follows_is_counted_or_broken(rubbish: bytes) -> None:
    with suppress(*BROKEN):
        assert 0 <= scans_of(many_scans(2)[:-2] + rubbish, MOST_SCANS) <= MOST_SCANS + 1
