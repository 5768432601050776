"""A folder of pictures as a FrameSource, in the order of their names."""

from collections.abc import Iterator
from pathlib import Path

from edge_mask.capture.source import EndOfSource
from edge_mask.errors import Refused, TryLater
from edge_mask.messages import Frame
from edge_mask.picture import SUFFIXES, read_picture
from edge_mask.runtime.clock import Clock


class ImageFolder:
    """The pictures of one folder, sorted by name; a file that is no picture is refused once and stepped over.

    With `loop` it starts again at the end and never ends, so that a folder which is missing or empty now may be
    filled later (TryLater); without, it is Refused.
    """

    def __init__(self, folder: Path, *, camera: str, clock: Clock, loop: bool = False) -> None:
        self._folder = folder
        self._camera = camera
        self._clock = clock
        self._loop = loop
        self._waiting: Iterator[Path] = iter(())
        self._bad: set[Path] = set()
        self._read_in_this_round = 0
        self._number = 0

    def open(self) -> None:
        self._waiting = iter(self._listing())
        self._read_in_this_round = 0

    def read(self) -> Frame:
        for path in self._waiting:
            if path not in self._bad:
                return self._frame(path)
        if not self._loop:
            raise EndOfSource
        if not self._read_in_this_round:
            raise TryLater(f"{self._folder}: none of its files is a picture that can be read")
        self.open()
        return self.read()

    def skip(self) -> None:
        """Nothing grows old in a folder."""

    def close(self) -> None:
        self._waiting = iter(())

    def _frame(self, path: Path) -> Frame:
        try:
            image = read_picture(path)
        except Refused:
            self._bad.add(path)
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
