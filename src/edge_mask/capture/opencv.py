"""USB cameras and network streams through OpenCV.

USB camera  usb:0, usb:/dev/v4l/by-id/…   V4L2; a read that brings nothing ends after OpenCV's own ten seconds
stream      rtsp(s)://…                   FFmpeg over TCP, with a time limit on opening and on each read;
            http(s)://…                   what http_camera.py cannot read itself
"""

import os
from pathlib import Path
from typing import Any

from edge_mask.errors import TryLater
from edge_mask.messages import Frame
from edge_mask.redact import redact
from edge_mask.runtime.clock import Clock
from edge_mask.units import Seconds

_CATCH_UP = Seconds(4.0)
"""The longest time to let go by what was buffered while a stream was opened; less than what counts as hung."""
PAUSE = Seconds(1.0)
"""Who has not read a camera for so long finds old pictures in its queue."""
_V4L2_BUFFERS = 4
_SPAN = Seconds(0.2)
"""Of a stream, after which it is asked whether its pictures are new by now."""
_GUESSED_GAP, _LONGEST_GAP = Seconds(0.04), Seconds(10.0)
"""Between two pictures: where the time stamps say nothing, and how much of what they say is believed."""


def _opencv() -> Any:
    """The library, told once to keep its opinions off stderr; FFmpeg's messages would show the address."""
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")  # AV_LOG_QUIET
    os.environ.setdefault("OPENCV_FFMPEG_CAPTURE_OPTIONS", "rtsp_transport;tcp")
    import cv2

    logging = getattr(cv2.utils, "logging", cv2)  # OpenCV 5 moved it; with numpy before 2 there is only 4
    logging.setLogLevel(0)  # LOG_LEVEL_SILENT
    return cv2


class Capture:
    """What cameras, streams and films share: one cv2.VideoCapture and the numbers of its frames."""

    def __init__(self, camera: str, clock: Clock) -> None:
        self._cv2 = _opencv()
        self._camera = camera
        self._clock = clock
        self._video: Any = None
        self._number = 0
        self._grabbed_at = 0.0

    def close(self) -> None:
        if self._video is not None:
            self._video.release()
            self._video = None

    def _start(self, what: str, backend: int, parameters: list[int]) -> bool:
        self.close()
        video = self._cv2.VideoCapture(what, backend, parameters)
        if not video.isOpened():
            video.release()
            return False
        self._video = video
        self._grabbed_at = self._clock.now().mono
        return True

    def _next(self) -> Frame | None:
        """The next frame, None when there is none: the caller knows what that means."""
        return self._picture() if self._grab() else None

    def _grab(self) -> bool:
        """Let one frame go by; False when there is none."""
        if self._video is None or not self._video.grab():
            return False
        self._number += 1
        self._grabbed_at = self._clock.now().mono
        return True

    def _has_paused(self) -> bool:
        """Whether nobody has read for some time: the whole program was stopped, or this thread had to wait."""
        return self._clock.now().mono - self._grabbed_at > PAUSE

    def _picture(self, source: str = "") -> Frame | None:
        """The frame that `_grab` let go by last."""
        at = self._clock.now()
        done, image = self._video.retrieve()
        if not done or image is None or image.size == 0:
            return None
        return Frame(self._camera, self._number, image, at, source)

    def _film_time(self) -> float:
        """The time stamp of the frame that `_grab` let go by last, in seconds; 0 where the stream has none."""
        return float(self._video.get(self._cv2.CAP_PROP_POS_MSEC)) / 1000.0


class UsbCamera(Capture):
    """A V4L2 camera by number or by its path; `/dev/v4l/by-id/…` stays the same when numbers move."""

    def __init__(self, where: str, *, camera: str, clock: Clock, devices: Path = Path("/dev")) -> None:
        super().__init__(camera, clock)
        self._where = where
        self._devices = devices

    def open(self) -> None:
        path = self._devices / f"video{self._where}" if self._where.isdigit() else Path(self._where)
        try:
            path.stat()
        except (FileNotFoundError, NotADirectoryError) as error:
            raise TryLater(f"usb:{self._where}: {path} is not there; {self._present()}") from error
        except OSError as error:
            raise TryLater(f"usb:{self._where}: {path} cannot be opened ({error.strerror})") from error
        if not self._start(str(path.resolve()), self._cv2.CAP_V4L2, []):
            raise TryLater(
                f"usb:{self._where}: {path} cannot be opened as a camera: in use, or no video capture device"
            )

    def read(self) -> Frame:
        if self._has_paused():
            for _ in range(_V4L2_BUFFERS):
                self.skip()
        frame = self._next()
        if frame is None:
            raise TryLater(f"usb:{self._where}: the camera gives no picture")
        return frame

    def skip(self) -> bool:
        if not self._grab():
            raise TryLater(f"usb:{self._where}: the camera gives no picture")
        return True

    def _present(self) -> str:
        """What could be meant, by the names that survive a reboot."""
        names = sorted(self._devices.glob("v4l/by-id/*-index0"))
        if not names:
            return "plug a camera in"
        return "there is " + ", ".join(f"usb:{name}" for name in names)


class NetworkStream(Capture):
    """A network camera. Its address is shown without user and password, everywhere.

    The first picture is a new one: FFmpeg reads up to five seconds of a stream to learn what it is, and many cameras
    begin with what they have kept since their last whole picture.
    """

    def __init__(
        self,
        address: str,
        *,
        camera: str,
        clock: Clock,
        open_timeout: Seconds = Seconds(10.0),
        read_timeout: Seconds = Seconds(10.0),
    ) -> None:
        super().__init__(camera, clock)
        self._address = address
        self._limits = [
            *(self._cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, int(open_timeout * 1000)),
            *(self._cv2.CAP_PROP_READ_TIMEOUT_MSEC, int(read_timeout * 1000)),
        ]
        self._is_behind = False

    def __repr__(self) -> str:
        return f"NetworkStream({redact(self._address)!r})"

    def open(self) -> None:
        if not self._start(self._address, self._cv2.CAP_FFMPEG, self._limits):
            raise TryLater(f"{redact(self._address)}: no stream; check the address, user and password, and the network")
        self._is_behind = True

    def read(self) -> Frame:
        if self._is_behind or self._has_paused():
            self._is_behind = False
            frame = self._catch_up()
        else:
            frame = self._next()
        if frame is None:
            raise self._lost()
        return frame

    def skip(self) -> bool:
        self._is_behind = self._is_behind or self._has_paused()
        if not self._grab():
            raise self._lost()
        return True

    def _catch_up(self) -> Frame | None:
        """The first frame that came no faster than it was taken; those before it had been waiting, so they are old.

        It takes some frames to tell: one alone may have been slow to decode, or this thread slow to get its turn.
        """
        number, began = self._number, self._clock.now().mono
        since, played = began, 0.0
        before: float | None = None
        while self._grab():
            self._number = number + 1  # what is old was never a frame of ours
            now, stamp = self._clock.now().mono, self._film_time()
            if before is not None:
                played += stamp - before if 0.0 < stamp - before < _LONGEST_GAP else _GUESSED_GAP
            if now - began >= _CATCH_UP or (played >= _SPAN and now - since >= played / 2):
                return self._picture()
            if before is None or played >= _SPAN:
                since, played = now, 0.0
            before = stamp
        return None

    def _lost(self) -> TryLater:
        return TryLater(f"{redact(self._address)}: the stream gives no more pictures")
