"""A film as a FrameSource, in its own time.

file:clip.mp4   FFmpeg through OpenCV; one look each `interval` of the film, by the time stamps of its frames
"""

from pathlib import Path
from stat import S_ISDIR, S_ISREG

from edge_mask.capture.mp4 import shown_frames
from edge_mask.capture.opencv import Capture
from edge_mask.capture.source import EndOfSource
from edge_mask.errors import Refused, TryLater
from edge_mask.messages import Frame
from edge_mask.runtime.clock import Clock
from edge_mask.units import Seconds

_WHOLE = 0.9
"""A film that ends before this share of what its header promises is called truncated; headers round."""
_USUAL_RATE = 25.0
_ROUNDING = 0.0005
"""Seconds; time stamps are rounded to milliseconds in some containers."""


class VideoFile(Capture):
    """A film. With an `interval`, frames between two looks are stepped over; with 0 every frame is read."""

    def __init__(
        self, path: Path, *, camera: str, clock: Clock, interval: Seconds = Seconds(0.0), loop: bool = False
    ) -> None:
        super().__init__(camera, clock)
        self._path = path
        self._interval = interval
        self._loop = loop
        self._rate = _USUAL_RATE
        self._seen = 0
        """Frames since it was opened."""
        self._stamp = 0.0
        self._time = 0.0
        """Seconds from the first frame to the present one."""
        self._due = 0.0

    def open(self) -> None:
        self._check_that_it_is_a_file()
        # Absolute: FFmpeg takes what stands before a colon in a relative name for a protocol.
        if not self._start(str(self._path.absolute()), self._cv2.CAP_FFMPEG, []):
            raise self._absent(f"{self._path}: cannot be read as a video; it is empty, truncated, or something else")
        rate = float(self._video.get(self._cv2.CAP_PROP_FPS))
        self._rate = rate if 0.0 < rate < 1000.0 else _USUAL_RATE
        self._seen = 0
        self._time = self._due = 0.0

    def read(self) -> Frame:
        while self._grab():
            self._follow_time()
            if self._time >= self._due - _ROUNDING:
                frame = self._picture(str(self._path))
                if frame is None:
                    break
                self._due = self._next_due()
                return frame
        return self._again()

    def skip(self) -> bool:
        """Nothing grows old in a file."""
        return False

    def _follow_time(self) -> None:
        """Where frames have no time stamps, or one goes back, the film's usual rate says how long a frame lasts."""
        stamp = self._film_time()
        if self._seen:
            step = stamp - self._stamp
            self._time += step if step > 0.0 else 1.0 / self._rate
        self._stamp = stamp
        self._seen += 1

    def _next_due(self) -> float:
        """The next multiple of the interval that has not passed yet: after a gap in the film nothing is made up for."""
        if not self._interval:
            return 0.0
        return self._interval * (int((self._time + _ROUNDING) / self._interval) + 1)

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
        if not self._loop:
            raise EndOfSource(self._missing())
        if not self._seen:
            raise TryLater(f"{self._path}: holds no frame that can be decoded")
        self.open()
        return self.read()

    def _missing(self) -> str:
        """What to say of a film that ended too early; empty when it is whole."""
        if not self._seen:
            return f"{self._path}: holds no frame that can be decoded"
        promised = shown_frames(self._path)
        if promised is None:  # a count, or no more than the film's length times its usual rate
            promised = float(self._video.get(self._cv2.CAP_PROP_FRAME_COUNT)) if self._video is not None else 0.0
            if self._time + 1.0 / self._rate >= _WHOLE * promised / self._rate:
                return ""
        if self._seen < _WHOLE * promised:
            return f"{self._path}: is truncated, it ended after {self._seen} of {promised:.0f} frames"
        return ""

    def _absent(self, sentence: str) -> TryLater | Refused:
        return TryLater(sentence) if self._loop else Refused(sentence)
