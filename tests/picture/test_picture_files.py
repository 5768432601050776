"""Every picture file gives a picture or a sentence."""

import base64
import os
import struct
import threading
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from edge_mask.errors import Refused
from edge_mask.messages import Box, Image
from edge_mask.picture import LONGEST_SIDE, load_picture, read_picture

# An 8 x 8 JPEG of four components (CMYK as printers keep it), all cyan: OpenCV reads but cannot write one.
CYAN_CMYK = base64.b64decode(
    "/9j/7gAOQWRvYmUAZAAAAAAA/9sAQwAQCwwODAoQDg0OEhEQExgoGhgWFhgxIyUdKDozPTw5Mzg3QEhcTkBEV0U3OFBtUVdfYmdoZz5NcXlw"
    "ZHhcZWdj/8AAFAgACAAIBEMRAE0RAFkRAEsRAP/EABQAAQAAAAAAAAAAAAAAAAAAAAf/xAAUEAEAAAAAAAAAAAAAAAAAAAAA/9oADgRDAE0A"
    "WQBLAAA/AD8gEAgP/9k="
)
RED_LEFT_BLUE_RIGHT = np.zeros((40, 60, 3), np.uint8)
RED_LEFT_BLUE_RIGHT[:, :30] = (0, 0, 255)
RED_LEFT_BLUE_RIGHT[:, 30:] = (255, 0, 0)


def encoded(image: np.ndarray[tuple[int, ...], np.dtype[np.generic]], suffix: str = ".png") -> bytes:
    done, data = cv2.imencode(suffix, image)
    assert done
    return bytes(data)


def with_exif_orientation(jpeg: bytes, orientation: int) -> bytes:
    """The same JPEG with an EXIF segment that says how the camera was held."""
    entry = struct.pack(">HHIHH", 0x0112, 3, 1, orientation, 0)
    tiff = b"MM\x00*" + struct.pack(">IH", 8, 1) + entry + struct.pack(">I", 0)
    body = b"Exif\x00\x00" + tiff
    return jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body + jpeg[2:]


def is_a_picture(image: Image) -> bool:
    return image.dtype == np.uint8 and image.ndim == 3 and image.shape[2] == 3


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".bmp", ".webp", ".tiff"])
def test_each_format_is_read_from_a_file_whatever_its_name(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / "visitor.jpg"
    path.write_bytes(encoded(RED_LEFT_BLUE_RIGHT, suffix))
    image = read_picture(path)
    assert image.shape == (40, 60, 3)
    assert image[20, 10].argmax() == 2
    assert image[20, 50].argmax() == 0


@pytest.mark.parametrize(
    "raw",
    [
        np.full((9, 7), 100, np.uint8),
        np.full((9, 7), 100 * 256, np.uint16),
        np.full((9, 7, 4), 100, np.uint8),
        np.full((9, 7, 3), 100 * 256, np.uint16),
        np.full((9, 7, 4), 100 * 256, np.uint16),
    ],
    ids=["grey", "grey 16 bit", "alpha", "16 bit", "alpha 16 bit"],
)
def test_other_depths_and_channels_become_8_bit_colour(raw: np.ndarray[tuple[int, ...], np.dtype[np.generic]]) -> None:
    image = read_picture(encoded(raw))
    assert is_a_picture(image)
    assert image.shape == (9, 7, 3)
    assert (abs(image.astype(int) - 100) <= 1).all()


def test_cmyk_becomes_colour() -> None:
    image = read_picture(CYAN_CMYK)
    assert image.shape == (8, 8, 3)
    assert image[4, 4].tolist() == pytest.approx([255, 255, 0], abs=4)


def test_one_pixel_is_a_picture() -> None:
    assert read_picture(encoded(np.full((1, 1, 3), 7, np.uint8))).tolist() == [[[7, 7, 7]]]


@pytest.mark.parametrize(
    ("orientation", "red_side"),
    [(1, "left"), (3, "right"), (6, "top"), (8, "bottom"), (2, "right")],
)
def test_the_exif_rotation_is_applied(orientation: int, red_side: str) -> None:
    picture = load_picture(with_exif_orientation(encoded(RED_LEFT_BLUE_RIGHT, ".jpg"), orientation))
    height, width = picture.image.shape[:2]
    assert (picture.width, picture.height) == (width, height)
    assert (width, height) == ((40, 60) if red_side in ("top", "bottom") else (60, 40))
    place = {"left": (height // 2, 4), "right": (height // 2, -5), "top": (4, width // 2), "bottom": (-5, width // 2)}
    assert picture.image[place[red_side]].argmax() == 2


@pytest.mark.parametrize("suffix", [".jpg", ".png"])
def test_a_48_megapixel_picture_is_reduced_and_remembers_its_size(suffix: str) -> None:
    image = np.zeros((6000, 8000, 3), np.uint8)
    image[:, 4000:] = 255
    picture = load_picture(encoded(image, suffix))
    assert max(picture.image.shape) <= LONGEST_SIDE
    assert (picture.width, picture.height) == (8000, 6000)
    assert picture.scales == pytest.approx((2, 2), rel=0.1)
    middle = picture.image.shape[0] // 2
    assert picture.image[middle, 10].max() < 10 < 245 < picture.image[middle, -10].min()


def test_a_48_megapixel_picture_held_upright_states_its_upright_size() -> None:
    picture = load_picture(with_exif_orientation(encoded(np.zeros((4100, 8200), np.uint8), ".jpg"), 6))
    assert (picture.width, picture.height) == (4100, 8200)
    assert picture.image.shape[0] > picture.image.shape[1]


def test_an_extreme_aspect_ratio_survives_the_reduction() -> None:
    picture = load_picture(encoded(np.zeros((1, 20_000, 3), np.uint8)))
    assert picture.image.shape[0] >= 1
    assert picture.image.shape[1] <= LONGEST_SIDE


@pytest.mark.parametrize(("width", "height"), [(101, 9000), (9000, 101), (4097, 33)])
@pytest.mark.parametrize("suffix", [".png", ".jpg"])
def test_a_box_around_a_long_reduced_picture_is_the_size_of_the_file(width: int, height: int, suffix: str) -> None:
    picture = load_picture(encoded(np.zeros((height, width, 3), np.uint8), suffix))
    reduced = picture.image.shape
    whole = picture.in_file(Box(0.0, 0.0, float(reduced[1]), float(reduced[0])))
    assert (whole.x, whole.y, whole.w, whole.h) == pytest.approx((0, 0, width, height))
    beyond = picture.in_file(Box(-1.0, -1.0, reduced[1] + 2.0, reduced[0] + 2.0))
    assert beyond == Box(0.0, 0.0, float(width), float(height))


def png_that_states(width: int, height: int) -> bytes:
    data = bytearray(encoded(np.zeros((2, 2, 3), np.uint8)))
    data[16:24] = struct.pack(">II", width, height)
    return bytes(data)


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "is empty"),
        (b"not a picture at all, but someone named it so", "is no picture"),
        (b"\xff\xd8", "truncated in its header"),
        (b"\xff\xd8\xff\xe0\x00", "truncated in its header"),
        (b"\x89PNG\r\n\x1a\n", "truncated in its header"),
        (b"II*\x00", "truncated in its header"),
        (encoded(RED_LEFT_BLUE_RIGHT, ".jpg")[:-40], "truncated"),
        (encoded(RED_LEFT_BLUE_RIGHT, ".png")[:-40], "truncated"),
        (encoded(RED_LEFT_BLUE_RIGHT, ".webp")[:-8], "truncated"),
        (png_that_states(60_000, 60_000), "60000 x 60000 pixels"),
        (png_that_states(0, 5), "size of 0 x 5"),
    ],
)
def test_what_is_no_picture_gets_a_sentence(tmp_path: Path, data: bytes, sentence: str) -> None:
    path = tmp_path / "visitor.jpg"
    path.write_bytes(data)
    with pytest.raises(Refused, match=sentence) as caught:
        read_picture(path)
    assert str(path) in str(caught.value)


def test_a_missing_file_and_a_folder_get_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="cannot be read"):
        read_picture(tmp_path / "nobody.jpg")
    with pytest.raises(Refused, match="cannot be read"):
        read_picture(str(tmp_path))


STARTS = [encoded(RED_LEFT_BLUE_RIGHT, suffix) for suffix in (".jpg", ".png", ".webp", ".bmp", ".tiff")]


@settings(max_examples=150)
@given(st.sampled_from(STARTS), st.integers(0, 8000), st.binary(max_size=64))
def test_a_damaged_file_gives_a_picture_or_a_sentence(start: bytes, at: int, rubbish: bytes) -> None:
    data = start[:at] + rubbish + start[at + len(rubbish) :]
    try:
        assert is_a_picture(read_picture(data))
    except Refused as refusal:
        sentence = str(refusal)
        event(sentence.split(":")[1])


def test_a_device_that_never_ends_is_refused() -> None:
    with pytest.raises(Refused, match="/dev/zero: is larger than 200 MB"):
        load_picture("/dev/zero")


def test_a_picture_comes_through_a_pipe(tmp_path: Path) -> None:
    """`edge-mask detect <(camera)`."""
    pipe = tmp_path / "pipe.png"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=(encoded(RED_LEFT_BLUE_RIGHT),))
    writer.start()
    assert load_picture(pipe).width == 60
    writer.join()
