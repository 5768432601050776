"""USB cameras, network streams and video files through OpenCV; the only file of this room that knows it.

USB camera  usb:0, usb:/dev/v4l/by-id/…   V4L2; a read that brings nothing ends after OpenCV's own ten seconds
stream      rtsp(s)://…, http(s)://…      FFmpeg over TCP, with a time limit on opening and on each read
video file  file:clip.mp4                 FFmpeg; one look each `interval` of the film, so that a second stays a second
"""

import os
from pathlib import Path
from stat import S_ISDIR, S_ISREG
from typing import Any

from edge_mask.capture.address import redacted
from edge_mask.capture.source import EndOfSource
from edge_mask.errors import Refused, TryLater
from edge_mask.messages import Frame
from edge_mask.runtime.clock import Clock
from edge_mask.units import Seconds

_WHOLE = 0.9
"""A film that ends before this share of the frames its header promises is called truncated; headers round."""


def _opencv() -> Any:
    """The library, told once to keep its opinions off stderr; FFmpeg's messages would show the address."""
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")  # AV_LOG_QUIET
    os.environ.setdefault("OPENCV_FFMPEG_CAPTURE_OPTIONS", "rtsp_transport;tcp")
    import cv2

    logging = getattr(cv2.utils, "logging", cv2)  # OpenCV 5 moved it; with numpy before 2 there is only 4
    logging.setLogLevel(0)  # LOG_LEVEL_SILENT
    return cv2


class _Capture:
    """What the three kinds share: one cv2.VideoCapture and the numbers of its frames."""

    def __init__(self, camera: str, clock: Clock) -> None:
        self._cv2 = _opencv()
        self._camera = camera
        self._clock = clock
        self._video: Any = None
        self._number = 0

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
        return True

    def _next(self, source: str = "") -> Frame | None:
        """The next frame, None when there is none: the caller knows what that means."""
        if self._video is None:
            return None
        done, image = self._video.read()
        at = self._clock.now()
        if not done or image is None or image.size == 0:
            return None
        self._number += 1
        return Frame(self._camera, self._number, image, at, source)

    def _grab(self) -> bool:
        """Let one frame go by; False when there is none."""
        if self._video is None or not self._video.grab():
            return False
        self._number += 1
        return True


class UsbCamera(_Capture):
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
        frame = self._next()
        if frame is None:
            raise TryLater(f"usb:{self._where}: the camera gives no picture")
        return frame

    def skip(self) -> None:
        if not self._grab():
            raise TryLater(f"usb:{self._where}: the camera gives no picture")

    def _present(self) -> str:
        """What could be meant, by the names that survive a reboot."""
        names = sorted(self._devices.glob("v4l/by-id/*-index0"))
        if not names:
            return "plug a camera in"
        return "there is " + ", ".join(f"usb:{name}" for name in names)


class NetworkStream(_Capture):
    """A network camera. Its address is shown without user and password, everywhere."""

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

    def __repr__(self) -> str:
        return f"NetworkStream({redacted(self._address)!r})"

    def open(self) -> None:
        if not self._start(self._address, self._cv2.CAP_FFMPEG, self._limits):
            raise TryLater(
                f"{redacted(self._address)}: no stream; check the address, user and password, and the network"
            )

    def read(self) -> Frame:
        frame = self._next()
        if frame is None:
            raise self._lost()
        return frame

    def skip(self) -> None:
        if not self._grab():
            raise self._lost()

    def _lost(self) -> TryLater:
        return TryLater(f"{redacted(self._address)}: the stream gives no more pictures")


class VideoFile(_Capture):
    """A film. With an `interval`, frames between two looks are stepped over; with 0 every frame is read."""

    def __init__(
        self, path: Path, *, camera: str, clock: Clock, interval: Seconds = Seconds(0.0), loop: bool = False
    ) -> None:
        super().__init__(camera, clock)
        self._path = path
        self._interval = interval
        self._loop = loop
        self._stride = 1
        self._promised = 0.0
        self._seen = 0
        self._due = 0

    def open(self) -> None:
        self._check_that_it_is_a_file()
        # Absolute: FFmpeg takes what stands before a colon in a relative name for a protocol.
        if not self._start(str(self._path.absolute()), self._cv2.CAP_FFMPEG, []):
            raise self._absent(f"{self._path}: cannot be read as a video; it is empty, truncated, or something else")
        rate = float(self._video.get(self._cv2.CAP_PROP_FPS))
        self._promised = float(self._video.get(self._cv2.CAP_PROP_FRAME_COUNT))
        self._stride = max(1, round(self._interval * rate)) if 0.0 < rate < 1000.0 else 1
        self._seen = self._due = 0

    def read(self) -> Frame:
        while self._seen < self._due and self._grab():
            self._seen += 1
        frame = self._next(str(self._path)) if self._seen == self._due else None
        if frame is not None:
            self._seen += 1
            self._due += self._stride
            return frame
        return self._again()

    def skip(self) -> None:
        """Nothing grows old in a file."""

    def _check_that_it_is_a_file(self) -> None:
        try:
            str(self._path).encode("utf-8")
            mode = self._path.stat().st_mode
        except UnicodeEncodeError as error:  # OpenCV would end the whole process
            raise self._absent(f"{self._path}: its name is not UTF-8 text; give the video another one") from error
        except (FileNotFoundError, NotADirectoryError) as error:
            raise self._absent(f"{self._path}: there is no such video file") from error
        except OSError as error:
            raise self._absent(f"{self._path}: cannot be read ({error.strerror})") from error
        if S_ISDIR(mode):
            raise self._absent(f"{self._path}: is a folder; for its pictures, write images:{self._path}")
        if not S_ISREG(mode):
            raise self._absent(f"{self._path}: there is no such video file")

    def _again(self) -> Frame:
        """The first frame once more, or the end."""
        seen, promised = self._seen, self._promised
        if not self._loop:
            raise EndOfSource(self._missing(seen, promised))
        if not seen:
            raise TryLater(f"{self._path}: holds no frame that can be decoded")
        self.open()
        return self.read()

    def _missing(self, seen: int, promised: float) -> str:
        if not seen:
            return f"{self._path}: holds no frame that can be decoded"
        if seen < _WHOLE * promised:
            return f"{self._path}: is truncated, it ended after {seen} of {promised:.0f} frames"
        return ""

    def _absent(self, sentence: str) -> TryLater | Refused:
        return TryLater(sentence) if self._loop else Refused(sentence)
