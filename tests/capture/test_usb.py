"""USB cameras: what is not there is said with what is."""

from pathlib import Path

import pytest
from tests.rights import closed

from edge_mask.capture.opencv import UsbCamera
from edge_mask.errors import TryLater
from edge_mask.runtime.clock import ManualClock


def camera(where: str, devices: Path) -> UsbCamera:
    return UsbCamera(where, camera="front", clock=ManualClock(), devices=devices)


def test_a_camera_that_is_not_plugged_in_is_waited_for(tmp_path: Path) -> None:
    with pytest.raises(TryLater, match=r"usb:0: .*video0 is not there; plug a camera in"):
        camera("0", tmp_path).open()


def test_a_closed_folder_of_devices_gets_the_reason(tmp_path: Path) -> None:
    with closed(tmp_path), pytest.raises(TryLater, match=r"usb:0: .*video0 cannot be opened \(Permission denied\)"):
        camera("0", tmp_path).open()


def test_a_number_that_moved_is_answered_with_the_names_that_do_not(tmp_path: Path) -> None:
    by_id = tmp_path / "v4l/by-id"
    by_id.mkdir(parents=True)
    (tmp_path / "video2").write_bytes(b"")
    (by_id / "usb-Some_Camera_1234-video-index0").symlink_to("../../video2")
    (by_id / "usb-Some_Camera_1234-video-index1").symlink_to("../../video2")
    with pytest.raises(TryLater) as caught:
        camera("0", tmp_path).open()
    assert str(caught.value).endswith(f"there is usb:{by_id}/usb-Some_Camera_1234-video-index0")


def test_a_path_is_followed_to_its_device_and_what_is_no_camera_is_said(tmp_path: Path) -> None:
    (tmp_path / "video2").write_bytes(b"")
    link = tmp_path / "usb-Some_Camera"
    link.symlink_to("video2")
    source = camera(str(link), tmp_path)
    with pytest.raises(TryLater, match="cannot be opened as a camera"):
        source.open()
    with pytest.raises(TryLater, match="gives no picture"):
        source.read()
    with pytest.raises(TryLater, match="gives no picture"):
        source.skip()
    source.close()
