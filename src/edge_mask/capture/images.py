"""A folder of pictures as a FrameSource, in the order of their names."""

from collections.abc import Iterator
from pathlib import Path

from edge_mask.capture.source import EndOfSource
from edge_mask.errors import Refused, TryLater
from edge_mask.messages import Frame
from edge_mask.picture import SUFFIXES, read_picture
from edge_mask.runtime.clock import Clock

_Version = tuple[int, int]
"""When a file was written last (in nanoseconds), and its size."""


class ImageFolder:
    """The pictures of one folder, sorted by name; a file that is no picture is refused once and stepped over.

    Once for each version of the file: one that was caught half-written is read when it has changed.

    With `loop` it starts again at the end and never ends, so that a folder which is missing or empty now may be
    filled later (TryLater); without, it is Refused.
    """

    def __init__(self, folder: Path, *, camera: str, clock: Clock, loop: bool = False) -> None:
        self._folder = folder
        self._camera = camera
        self._clock = clock
        self._loop = loop
        self._waiting: Iterator[Path] = iter(())
        self._bad: dict[Path, _Version] = {}
        self._read_in_this_round = 0
        self._number = 0

    def open(self) -> None:
        listing = self._listing()
        self._bad = {path: self._bad[path] for path in listing if path in self._bad}
        self._waiting = iter(listing)
        self._read_in_this_round = 0

    def read(self) -> Frame:
        for path in self._waiting:
            version = _version(path)  # before it is read: what is written meanwhile makes it another one
            if self._bad.get(path) != version:
                return self._frame(path, version)
        if not self._loop:
            raise EndOfSource
        if not self._read_in_this_round:
            raise TryLater(f"{self._folder}: none of its files is a picture that can be read")
        self.open()
        return self.read()

    def skip(self) -> bool:
        """Nothing grows old in a folder."""
        return False

    def close(self) -> None:
        self._waiting = iter(())

    def _frame(self, path: Path, version: _Version) -> Frame:
        try:
            image = read_picture(path)
        except Refused:
            self._bad[path] = version
            raise
        self._read_in_this_round += 1
        self._number += 1
        return Frame(self._camera, self._number, image, self._clock.now(), source=str(path))

    def _listing(self) -> list[Path]:
        try:
            files = [path for path in self._folder.iterdir() if path.is_file() and not path.name.startswith(".")]
        except OSError as error:
            raise self._absent(f"{self._folder}: cannot be listed ({error.strerror})") from error
        pictures = sorted((path for path in files if path.suffix.lower() in SUFFIXES), key=lambda path: path.name)
        if not pictures:
            raise self._absent(f"{self._folder}: holds no pictures ({', '.join(sorted(SUFFIXES))})")
        return pictures

    def _absent(self, sentence: str) -> TryLater | Refused:
        return TryLater(sentence) if self._loop else Refused(sentence)


def _version(path: Path) -> _Version:
    try:
        found = path.stat()
    except OSError:
        return -1, -1  # gone since it was listed, or closed: reading it says which
    return found.st_mtime_ns, found.st_size
