"""What `edge-mask detect` reads: pictures, folders of them below each other, and every frame of videos."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from stat import S_ISDIR
from typing import TYPE_CHECKING

from edge_mask.errors import Refused

if TYPE_CHECKING:
    from edge_mask.picture import Picture

VIDEOS = frozenset({".mp4", ".avi", ".mkv", ".mov", ".webm", ".m4v", ".mpg", ".mpeg", ".ts"})


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """One picture to look at, and which frame of which file it is."""

    file: Path
    frame: int
    picture: "Picture"
    still: bool = True

    @property
    def name(self) -> str:
        """The file's name as it can be written anywhere: bytes of it that are no UTF-8 become escapes (`\\udcff`)."""
        return str(self.file).encode("utf-8", "backslashreplace").decode("utf-8")


def frames(paths: list[Path]) -> Iterator[Seen | str]:
    """Every picture and every frame of every video, in the order given; a string is a sentence about a bad one."""
    for path in paths:
        unread: list[OSError] = []
        files = files_of(path, unread.append)
        for error in unread:
            yield f"{error.filename}: cannot be read ({error.strerror})"
        if not files and not unread:
            yield f"{path}: holds no pictures or videos"
        for file in files:
            yield from _video(file) if file.suffix.lower() in VIDEOS else _picture(file)


def is_folder(path: Path) -> bool:
    """Whether it is one, as far as it may be looked at: whoever reads it says the rest."""
    try:
        return S_ISDIR(path.stat().st_mode)
    except OSError:
        return False


def files_of(path: Path, unread: Callable[[OSError], None] | None = None) -> list[Path]:
    """The path itself, or the pictures and videos in and below a folder, sorted; a closed folder is `unread`."""
    from edge_mask.picture import SUFFIXES

    if not is_folder(path):
        return [path]
    wanted = SUFFIXES | VIDEOS
    below = (Path(folder, name) for folder, _, names in os.walk(path, onerror=unread) for name in names)
    return sorted(file for file in below if file.suffix.lower() in wanted and _may_be_a_file(file))


def _may_be_a_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:
        return True  # reading it gives the reason


def _picture(file: Path) -> Iterator[Seen | str]:
    from edge_mask.picture import load_picture

    try:
        yield Seen(file, 1, load_picture(file))
    except Refused as error:
        yield str(error)


def _video(file: Path) -> Iterator[Seen | str]:
    from edge_mask.capture.film import VideoFile
    from edge_mask.capture.source import EndOfSource
    from edge_mask.picture import Picture
    from edge_mask.runtime.clock import SystemClock

    video = VideoFile(file, camera="", clock=SystemClock())
    try:
        video.open()
        while True:
            frame = video.read()
            height, width = frame.image.shape[:2]
            yield Seen(file, frame.number, Picture(frame.image, width, height), still=False)
    except (EndOfSource, Refused) as end:
        if str(end):
            yield str(end)
    finally:
        video.close()
