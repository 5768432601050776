"""Every source of the configuration finds its driver, and a wrong one a sentence."""

from pathlib import Path

import numpy as np
import pytest
from tests.capture.scenes import save

from edge_mask.capture import is_live, source_for
from edge_mask.capture.film import VideoFile
from edge_mask.capture.http_camera import HttpCamera
from edge_mask.capture.images import ImageFolder
from edge_mask.capture.opencv import NetworkStream, UsbCamera
from edge_mask.errors import Refused
from edge_mask.runtime.clock import ManualClock


@pytest.mark.parametrize(
    ("source", "driver", "live"),
    [
        ("usb:0", UsbCamera, True),
        ("usb:/dev/v4l/by-id/usb-Some_Camera-video-index0", UsbCamera, True),
        ("rtsp://cam.local/live", NetworkStream, True),
        ("RTSPS://u:p@cam.local:322/live", NetworkStream, True),
        ("http://cam.local/video.mjpg", HttpCamera, True),
        ("HTTPS://cam.local/snapshot.jpg", HttpCamera, True),
        ("file:clip.mp4", VideoFile, False),
        ("images:pictures", ImageFolder, False),
    ],
)
def test_a_source_is_understood(source: str, driver: type, live: bool) -> None:
    assert type(source_for(source, camera="front", clock=ManualClock())) is driver
    assert is_live(source) is live


@pytest.mark.parametrize(
    "source",
    ["", "usb", "usb:front", "rtsp:", "rtsp://", "file:", "images:", "picamera2:left", "webcam", "ftp://u:pw@host/x"],
)
def test_an_unknown_source_is_refused_with_what_is_allowed(source: str) -> None:
    with pytest.raises(Refused, match=r"camera front: unknown source.*allowed: picamera2") as caught:
        source_for(source, camera="front", clock=ManualClock())
    assert "pw" not in str(caught.value)


def test_a_misspelt_source_is_answered_with_what_was_meant() -> None:
    with pytest.raises(Refused, match="did you mean 'images'"):
        source_for("image:pictures", camera="front", clock=ManualClock())


def test_the_pi_camera_without_its_library_is_refused_with_what_to_install() -> None:
    with pytest.raises(Refused, match="python3-picamera2"):
        source_for("picamera2", camera="front", clock=ManualClock()).open()


def test_loop_reaches_files_and_folders(tmp_path: Path) -> None:
    for source in (f"file:{tmp_path}/none.mp4", f"images:{tmp_path}/none"):
        with pytest.raises(Refused):
            source_for(source, camera="front", clock=ManualClock()).open()


@pytest.mark.parametrize(
    ("rotate", "mirror", "top"),
    [
        (90, False, [[3, 1], [4, 2]]),
        (180, False, [[4, 3], [2, 1]]),
        (270, False, [[2, 4], [1, 3]]),
        (0, True, [[2, 1], [4, 3]]),
        (90, True, [[1, 3], [2, 4]]),
        (180, True, [[3, 4], [1, 2]]),
    ],
)
def test_pictures_are_turned_clockwise_and_then_mirrored(
    tmp_path: Path, rotate: int, mirror: bool, top: list[list[int]]
) -> None:
    save(tmp_path / "a.png", np.stack([np.array([[1, 2], [3, 4]], np.uint8)] * 3, axis=-1))
    source = source_for(
        f"images:{tmp_path}", camera="front", clock=ManualClock(), loop=True, rotate=rotate, mirror=mirror
    )
    source.open()
    frame = source.read()
    assert frame.image[..., 0].tolist() == top
    assert (frame.camera, frame.number, frame.source) == ("front", 1, str(tmp_path / "a.png"))
    assert source.skip() is False
    source.close()
