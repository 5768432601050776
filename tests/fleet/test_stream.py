"""The address of a camera, told to everybody: what opens it is never in it."""

import pytest

from edge_mask.fleet.registry.stream import public


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("rtsp://192.168.1.40/stream1", "rtsp://192.168.1.40/stream1"),
        ("rtsp://admin:hunter2@192.168.1.40:554/stream1", "rtsp://192.168.1.40:554/stream1"),
        ("rtsp://user:p@ss/word@host/live", "rtsp://host/live"),
        ("rtsp://user:hun/ter2@host/live", "rtsp://host/live"),
        ("rtsp://user:12/34@host/live", "rtsp://host/live"),
        ("rtsp://user:hun?ter#2@host/live", "rtsp://host/live"),
        ("rtsp://hunter2@host/live", "rtsp://host/live"),
        ("rtsp://user:hunter2%40x@host/live", "rtsp://host/live"),
        ("RTSPS://User:Hunter2@HOST:322/Live", "rtsps://host:322/Live"),
        ("rtsp://a:b@[fe80::1]:554/x", "rtsp://[fe80::1]:554/x"),
        ("rtsp://host/cam/realmonitor?channel=1&subtype=0", "rtsp://host/cam/realmonitor?channel=1&subtype=0"),
        ("rtsp://host/live?token=hunter2&channel=1&user=admin", "rtsp://host/live?channel=1"),
        ("rtsp://host/live?channel=hunter2%26", "rtsp://host/live"),
        ("rtsp://host/user=admin_password=hunter2_channel=1.sdp", "rtsp://host"),
        ("rtsp://host/user%3Dadmin%26password%3Dhunter2", "rtsp://host"),
        ("rtsp://host/live;password=hunter2", "rtsp://host"),
        ("rtsp://host/live#hunter2", "rtsp://host/live"),
        ("rtsp://proxy/rtsp://user:hunter2@host/live", "rtsp://host/live"),
        ("http://user:hunter2@host:8080/video.mjpg", "http://host:8080/video.mjpg"),
        ("usb:0", None),
        ("file:clip.mp4", None),
        ("rtsp://user:hunter2@", None),
        ("rtsp://user:hunter2@host:notaport/", None),
        ("rtsp://user:hunter2@ho st/", None),
    ],
)
def test_what_opens_the_camera_is_cut_out(url: str, shown: str | None) -> None:
    assert public(url) == shown
