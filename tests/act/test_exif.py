"""What a kept picture says of itself, read back by our own reader of the standard and by other programs."""

import json
import shutil
import subprocess
from pathlib import Path
from zoneinfo import ZoneInfo

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.act.exif_reader import read_exif
from tests.act.trees import frame

from edge_mask.act.picture_file import Style
from edge_mask.messages import Frame, Shot
from edge_mask.picture import read_picture
from edge_mask.units import Moment, Seconds, Unix

STYLE = Style(thing="gate-01", zone=ZoneInfo("Asia/Seoul"))


def jpeg(reason: str = "no_mask, fever", *, camera: str = "front", wall: float = 1_790_000_000.123) -> bytes:
    return STYLE.jpeg(Shot(frame(wall, camera), []), reason)


def test_a_picture_says_which_device_and_camera_took_it_when_and_why() -> None:
    exif = read_exif(jpeg())
    assert (exif["Make"], exif["Model"], exif["ImageDescription"]) == ("edge_mask", "gate-01", "front: no_mask, fever")
    assert (exif["DateTimeOriginal"], exif["OffsetTimeOriginal"]) == ("2026:09:21 23:13:20", "+09:00")
    assert {exif[name] for name in ("SubSecTime", "SubSecTimeOriginal", "SubSecTimeDigitized")} == {"123"}
    assert (exif["ExifVersion"], exif["PixelXDimension"], exif["PixelYDimension"]) == (b"0232", 96, 96)
    code, text = exif["UserComment"][:8], exif["UserComment"][8:]
    assert code == b"ASCII\0\0\0"
    assert json.loads(text) == {
        "thing": "gate-01", "camera": "front", "ts": "2026-09-21T14:13:20.123Z", "reason": "no_mask, fever",
        "faces": "blurred",
    }  # fmt: skip
    assert "GPSInfo" not in exif


def test_a_clock_that_was_not_set_is_said() -> None:
    seen = frame()
    early = Frame("front", 1, seen.image, Moment(Seconds(1.0), Unix(1000.0), synced=False))
    exif = read_exif(STYLE.jpeg(Shot(early, []), "x"))
    assert json.loads(exif["UserComment"][8:])["clock_ok"] is False


@given(st.text(max_size=3000), st.floats(0, 4e9))
def test_any_reason_and_time_leave_a_whole_picture(reason: str, wall: float) -> None:
    data = jpeg(reason, wall=wall)
    read_exif(data)
    assert read_picture(data).shape == (96, 96, 3)
    assert cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR) is not None


@pytest.mark.skipif(shutil.which("ffprobe") is None, reason="ffprobe is not installed")
def test_ffprobe_reads_the_same(tmp_path: Path) -> None:
    (tmp_path / "x.jpg").write_bytes(jpeg())
    command = ["ffprobe", "-v", "error", "-show_frames", "-of", "json", str(tmp_path / "x.jpg")]
    (found,) = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)["frames"]
    tags = found["tags"]
    assert (tags["Model"], tags["ImageDescription"]) == ("gate-01", "front: no_mask, fever")
    assert (tags["DateTimeOriginal"], tags["SubSecTimeOriginal"]) == ("2026:09:21 23:13:20", "123")


@pytest.mark.skipif(shutil.which("file") is None, reason="file is not installed")
def test_the_system_knows_it_for_a_picture_with_exif(tmp_path: Path) -> None:
    (tmp_path / "x.jpg").write_bytes(jpeg())
    said = subprocess.run(["file", str(tmp_path / "x.jpg")], capture_output=True, text=True, check=True).stdout
    assert "Exif standard" in said
    assert "model=gate-01" in said
