"""JPEGs out of a stream of bytes."""

import re

START = b"\xff\xd8\xff"
_ANOTHER, _END = 0xD8, 0xD9
_MARKER = re.compile(rb"\xff[^\x00\x01\xff\xd0-\xd7]")
"""The next segment. Among the pixels, 0xFF is followed by 0x00 or by a restart marker; stray bytes and padding between
segments are stepped over, as decoders do."""


class JpegCutter:
    """Cuts JPEGs out of bytes that come piece by piece, whatever stands between them.

    It walks from segment to segment, so that a thumbnail inside of one is never taken for a picture, and one that
    was cut off is dropped when the next one begins.
    """

    def __init__(self) -> None:
        self._data = bytearray()
        self._at = 0
        """How far the picture at the front has been walked through; 0 when none has begun."""

    @property
    def size(self) -> int:
        """Bytes that wait."""
        return len(self._data)

    @property
    def begins_with_jpeg(self) -> bool:
        return self._at > 0 or self._data.startswith(START)

    @property
    def is_inside(self) -> bool:
        """Whether a picture has begun and not ended."""
        return self._at > 0

    def feed(self, piece: bytes) -> None:
        self._data += piece

    def rest(self) -> bytes:
        """All that waits, as it is."""
        return bytes(self._data)

    def take(self) -> bytes | None:
        """The next whole picture; None when more bytes are needed."""
        while self._find_start():
            if (end := self._walk()) is None:
                return None
            picture, is_whole = bytes(self._data[:end]), end > self._at
            del self._data[:end]
            self._at = 0
            if is_whole:
                return picture
        return None

    def _find_start(self) -> bool:
        if self._at:
            return True
        start = self._data.find(START)
        if start < 0:
            del self._data[:-2]  # the first two bytes of a start may be the last of this piece
            return False
        del self._data[:start]
        self._at = 2
        return True

    def _walk(self) -> int | None:
        """Where the picture ends; `_at` when another one begins in it; None when more bytes are needed."""
        data = self._data
        while (found := _MARKER.search(data, self._at)) is not None:
            self._at = found.start()
            marker = data[self._at + 1]
            if marker == _END:
                return self._at + 2
            if marker == _ANOTHER:
                return self._at
            if len(data) < self._at + 4:
                return None
            self._at += 2 + int.from_bytes(data[self._at + 2 : self._at + 4])
        self._at = max(self._at, len(data) - 1)
        return None
