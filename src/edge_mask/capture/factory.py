"""From the text in the configuration to the driver that understands it."""

import difflib
from dataclasses import replace
from pathlib import Path

from edge_mask.capture.source import FrameSource
from edge_mask.errors import Refused
from edge_mask.messages import Frame, Image
from edge_mask.redact import redact
from edge_mask.runtime.clock import Clock
from edge_mask.units import Seconds

STREAMS = ("rtsp", "rtsps", "http", "https")
KINDS = ("picamera2", "usb", *STREAMS, "file", "images")
ALLOWED = (
    "picamera2, picamera2:1, usb:0, usb:/dev/v4l/by-id/NAME, rtsp://ADDRESS (or rtsps, http, https),"
    " file:CLIP.mp4 or images:FOLDER"
)


def is_live(source: str) -> bool:
    """True for cameras and streams (the newest frame counts), False for files and folders (every one does)."""
    return source.partition(":")[0].lower() not in ("file", "images")


def source_for(
    source: str,
    *,
    camera: str,
    clock: Clock,
    interval: Seconds = Seconds(0.0),
    loop: bool = False,
    rotate: int = 0,
    mirror: bool = False,
) -> FrameSource:
    """The driver for a `source` of the configuration, not opened yet. Raises Refused with what is allowed.

    `interval` only tells a video file how far apart in the film two looks are.
    """
    driver = _driver(source, camera, clock, interval, loop)
    return Turned(driver, rotate, mirror) if rotate or mirror else driver


def _driver(source: str, camera: str, clock: Clock, interval: Seconds, loop: bool) -> FrameSource:
    kind, _, where = source.partition(":")
    kind = kind.lower()
    if kind in STREAMS and where.startswith("//") and where.strip("/"):
        if kind in ("http", "https"):
            from edge_mask.capture.http_camera import HttpCamera

            return HttpCamera(source, camera=camera, clock=clock)
        from edge_mask.capture.opencv import NetworkStream

        return NetworkStream(source, camera=camera, clock=clock)
    if kind == "usb" and (where.isdigit() or where.startswith("/")):
        from edge_mask.capture.opencv import UsbCamera

        return UsbCamera(where, camera=camera, clock=clock)
    if kind == "picamera2" and (where == "" or where.isdigit()):
        from edge_mask.capture.picamera import PiCamera

        return PiCamera(int(where or 0), camera=camera, clock=clock)
    if kind == "file" and where:
        from edge_mask.capture.film import VideoFile

        return VideoFile(Path(where), camera=camera, clock=clock, interval=interval, loop=loop)
    if kind == "images" and where:
        from edge_mask.capture.images import ImageFolder

        return ImageFolder(Path(where), camera=camera, clock=clock, loop=loop)
    raise Refused(_unknown(source, kind, camera))


class Turned:
    """A source whose pictures are turned upright as soon as they are read: nobody behind it knows of it."""

    def __init__(self, source: FrameSource, rotate: int, mirror: bool) -> None:
        """`rotate` is 0, 90, 180 or 270 degrees clockwise; a mirrored picture is mirrored back after that."""
        import cv2

        self._source = source
        self._code = {0: None, 90: cv2.ROTATE_90_CLOCKWISE, 180: cv2.ROTATE_180, 270: cv2.ROTATE_90_COUNTERCLOCKWISE}[
            rotate
        ]
        self._mirror = mirror

    def open(self) -> None:
        self._source.open()

    def read(self) -> Frame:
        frame = self._source.read()
        return replace(frame, image=self._upright(frame.image))

    def skip(self) -> bool:
        return self._source.skip()

    def close(self) -> None:
        self._source.close()

    def _upright(self, image: Image) -> Image:
        import cv2

        if self._code is not None:
            image = cv2.rotate(image, self._code)
        return cv2.flip(image, 1) if self._mirror else image


def _unknown(source: str, kind: str, camera: str) -> str:
    close = [] if kind in KINDS else difflib.get_close_matches(kind, KINDS, n=1)
    hint = f" (did you mean {close[0]!r}?)" if close else ""
    return f"camera {camera}: unknown source {redact(source)!r}{hint}; allowed: {ALLOWED}"
