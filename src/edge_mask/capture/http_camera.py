"""A network camera that is asked over HTTP.

                 ┌─ multipart, JPEGs in a row ──▶ cut out one after the other; what comes is new
GET ──▶ answer ──┼─ one picture ────────────────▶ asked again for each look
                 └─ anything else ──────────────▶ FFmpeg (opencv.py)
"""

import http.client
from contextlib import suppress
from dataclasses import replace

from edge_mask.capture.http_get import HttpClient, trouble
from edge_mask.capture.jpegs import START, JpegCutter
from edge_mask.capture.opencv import PAUSE, NetworkStream
from edge_mask.capture.source import FrameSource
from edge_mask.errors import Refused, TryLater
from edge_mask.messages import Frame
from edge_mask.picture import read_picture
from edge_mask.runtime.clock import Clock
from edge_mask.units import Seconds

MOST_BYTES = 20_000_000
"""Of one picture; and what comes between two pictures."""
_PIECE = 65_536
_BAD_PICTURES = 20
"""So many damaged ones in a row are stepped over."""
_TEXTS = ("text/html", "application/xhtml+xml", "application/json", "text/xml", "application/xml")


class HttpCamera:
    """An address that gives motion JPEG, one picture for each request, or whatever else FFmpeg knows.

    Its address is shown without user and password, everywhere.
    """

    def __init__(self, address: str, *, camera: str, clock: Clock, within: Seconds = Seconds(10.0)) -> None:
        self._address = address
        self._camera = camera
        self._clock = clock
        self._within = within
        self._client = HttpClient(address, clock, within)
        self._answer: _Answer | None = None
        self._other: FrameSource | None = None
        self._is_open = False
        self._number = 0
        self._heard_at = 0.0

    def __repr__(self) -> str:
        return f"HttpCamera({str(self._client)!r})"

    def open(self) -> None:
        self.close()
        self._answer = self._ask()
        if self._answer is None:
            self._other = NetworkStream(
                self._address,
                camera=self._camera,
                clock=self._clock,
                open_timeout=self._within,
                read_timeout=self._within,
            )
            self._other.open()
        self._is_open = True
        self._heard_at = self._clock.now().mono

    def read(self) -> Frame:
        if self._other is not None:
            self._number += 1
            return replace(self._other.read(), number=self._number)
        self._client.allow_time()
        for _ in range(_BAD_PICTURES):
            picture, at = self._next(), self._clock.now()
            self._heard_at = at.mono
            self._number += 1
            try:
                return Frame(self._camera, self._number, read_picture(picture), at)
            except Refused as error:
                fault = str(error)
            if self._answer is None or self._answer.is_one_picture:
                break
        raise TryLater(f"{self._client}: {fault}")

    def skip(self) -> bool:
        if self._other is not None:
            self._number += 1
            return self._other.skip()
        self._drop_what_piled_up()
        if self._answer is None:  # its next picture is asked for when it is wanted
            return False
        self._client.allow_time()
        if self._answer.next() is not None:
            self._heard_at = self._clock.now().mono
            self._number += 1
            return True
        self._end_answer()
        return False

    def close(self) -> None:
        self._is_open = False
        self._end_connection()
        if self._other is not None:
            self._other.close()
            self._other = None

    def _next(self) -> bytes:
        """The next picture, from the answer that is being read or a new one."""
        self._drop_what_piled_up()
        if self._answer is not None:
            if (picture := self._answer.next()) is not None:
                return picture
            self._end_answer()
        self._answer = self._ask()
        if self._answer is None:
            raise TryLater(f"{self._client}: gives something else than pictures now")
        if (picture := self._answer.next()) is None:
            raise TryLater(f"{self._client}: answers without a picture")
        return picture

    def _drop_what_piled_up(self) -> None:
        """After a pause of ours, what waits in the connection is old: the camera is asked anew."""
        if not self._is_open:
            raise TryLater(f"{self._client}: is not open")
        is_stream = self._answer is not None and not self._answer.is_one_picture
        if is_stream and self._clock.now().mono - self._heard_at > PAUSE:
            self._end_connection()

    def _end_connection(self) -> None:
        if self._answer is not None:
            self._answer.close()
            self._answer = None
        self._client.close()

    def _end_answer(self) -> None:
        """One picture and the end: that is a camera to be asked again. Any other end is that of a stream."""
        pictures, self._answer = 0 if self._answer is None else self._answer.pictures, None
        if pictures != 1:
            what = "the stream gives no more pictures" if pictures else "answers without a picture"
            raise TryLater(f"{self._client}: {what}")

    def _ask(self) -> "_Answer | None":
        """An answer with pictures; None for one that FFmpeg may understand."""
        answer = _Answer(self._client, self._client.get(), self._within)
        if answer.has_pictures():
            return answer
        answer.close()
        self._client.close()
        if answer.kind in _TEXTS:
            raise TryLater(f"{self._client}: gives {answer.kind}; look for the address of its pictures or its stream")
        return None


class _Answer:
    """The pictures of one answer, one after the other."""

    def __init__(self, client: HttpClient, response: http.client.HTTPResponse, within: Seconds) -> None:
        self.kind = response.headers.get_content_type()
        self.is_one_picture = False
        self.pictures = 0
        self._client = client
        self._response = response
        self._within = within
        self._cutter = JpegCutter()

    def has_pictures(self) -> bool:
        """Whether this can be read here, by what it says and by its first bytes.

        What states its size is one picture, whatever lies in it; JPEGs without one may be many in a row.
        """
        if self.kind.startswith("multipart/"):
            return True
        if self.kind.startswith("video/"):
            return False
        length = self._response.length
        while self._cutter.size < len(START) and (more := self._more()):
            self._feed(more)
        is_jpeg = self._cutter.begins_with_jpeg or self.kind in ("image/jpeg", "image/jpg")
        self.is_one_picture = not is_jpeg or (length is not None and length <= MOST_BYTES)
        return is_jpeg or self.kind.startswith("image/")

    def next(self) -> bytes | None:
        """The next picture; None when the answer has ended as it should. Raises TryLater."""
        picture = self._whole() if self.is_one_picture else self._cut()
        self.pictures += picture is not None
        return picture

    def close(self) -> None:
        """Read no more of it."""
        with suppress(OSError):
            self._response.close()

    def _whole(self) -> bytes | None:
        if self.pictures:
            return None
        while more := self._more():
            self._feed(more)
        return self._cutter.rest()

    def _cut(self) -> bytes | None:
        while (picture := self._cutter.take()) is None:
            if not (more := self._more()):
                if self._cutter.is_inside:
                    raise TryLater(f"{self._client}: ended in the middle of a picture")
                return None
            self._feed(more)
        while (later := self._cutter.take()) is not None:  # came together with it, and is newer
            picture = later
        return picture

    def _feed(self, more: bytes) -> None:
        self._cutter.feed(more)
        if self._cutter.size > MOST_BYTES:
            raise TryLater(f"{self._client}: sends {MOST_BYTES // 1_000_000} MB without the end of a picture")

    def _more(self) -> bytes:
        """Some bytes of the answer, empty at its end."""
        try:
            more = self._response.read1(_PIECE)
        except (OSError, http.client.HTTPException, ValueError) as error:
            self._client.close()
            text = "broke off" if isinstance(error, http.client.IncompleteRead) else trouble(error, self._within)
            raise TryLater(f"{self._client}: {text}") from error
        if not more and self._response.length:
            self._client.close()
            raise TryLater(f"{self._client}: broke off")
        if not more:
            self.close()  # then the connection can be used again
        return more
