"""The input of `edge-mask detect`: pictures, nested folders of them, and every frame of videos."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from stat import S_ISDIR, S_ISREG
from typing import TYPE_CHECKING

from edge_mask.errors import Refused

if TYPE_CHECKING:
    from edge_mask.picture import Picture

VIDEOS = frozenset(
    {
        ".mp4", ".m4v", ".mov", ".3gp", ".3g2", ".avi", ".mkv", ".webm", ".mpg", ".mpeg", ".mpe", ".m2v", ".vob", ".ts",
        ".mts", ".m2ts", ".flv", ".wmv", ".asf", ".ogv", ".mxf", ".dav", ".ivf", ".y4m", ".gif", ".apng", ".mjpeg",
        ".mjpg", ".h264", ".264", ".avc", ".h265", ".265", ".hevc",
    }
)  # fmt: skip
"""Suffixes that mean a video when the content is ambiguous."""
_BEGIN = 16_000_000
"""Bytes that are searched for a second JPEG, which marks a film of JPEGs."""
_FIRST = 4096
_CONTROLS = frozenset(range(32)) - set(b"\t\n\f\r\x1b")
_STILLS = (b"avif", b"heic", b"heif", b"heix", b"mif1", b"M4A ")
"""Kinds of an ISO file (MP4) that are no film."""
_FILMS = (b"GIF8", b"\x1aE\xdf\xa3", b"FLV\x01", b"0&\xb2u\x8ef\xcf\x11", b"DHAV", b"DKIF", b"YUV4MPEG2")
"""How files begin: GIF, Matroska and WebM, FLV, ASF, Dahua, IVF, YUV4MPEG."""


@dataclass(frozen=True, slots=True, eq=False)
class InputPicture:
    """One picture, with its file and frame number."""

    file: Path
    frame: int
    picture: "Picture"
    still: bool = True

    @property
    def name(self) -> str:
        """The file's name in printable form."""
        return _written(self.file)


def frames(paths: list[Path]) -> Iterator[InputPicture | str]:
    """Every picture and every frame of every video, in the order given; a string is a sentence about a bad one."""
    for path in paths:
        unread: list[OSError] = []
        files = files_of(path, unread.append)
        for error in unread:
            yield f"{error.filename}: cannot be read ({error.strerror})"
        if not files and not unread:
            yield f"{path}: holds no pictures or videos"
        for file in files:
            yield from _video(file) if _is_film(file) else _picture(file)


def is_folder(path: Path) -> bool:
    """Whether it is a folder, as far as permissions allow; reading it reports the rest."""
    try:
        return S_ISDIR(path.stat().st_mode)
    except OSError:
        return False


def files_of(path: Path, unread: Callable[[OSError], None] | None = None) -> list[Path]:
    """The path itself, or the pictures and videos in and below a folder, sorted; a closed folder is `unread`.

    A file with another suffix counts when its first bytes are a picture or video; notes and lists are left out.
    """
    if not is_folder(path):
        return [path]
    below = (Path(folder, name) for folder, _, names in os.walk(path, onerror=unread) for name in names)
    return sorted(file for file in below if _may_be_a_file(file) and _is_wanted(file))


def _may_be_a_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:
        return True  # reading it gives the reason


def _is_wanted(file: Path) -> bool:
    from edge_mask.picture import SUFFIXES
    from edge_mask.picture_header import format_of

    if file.suffix.lower() in SUFFIXES | VIDEOS:
        return True
    begin = _first_bytes(file, _FIRST)
    return bool(format_of(begin)) or _begins_like_a_film(begin)


def _is_film(file: Path) -> bool:
    """Whether FFmpeg reads it: decided by content as in the daemon, else by name.

    FFmpeg never gets a picture, because it reads formats without our size limits; nor text, which it renders as a film
    of letters or follows as a list of other files.
    """
    from edge_mask.picture import SUFFIXES
    from edge_mask.picture_header import BROKEN, format_of, holds_several, is_cut_off

    begin = _first_bytes(file, _FIRST)
    if picture := format_of(begin):
        begin = _first_bytes(file, _BEGIN)
        try:
            several = holds_several(begin) and not (len(begin) < _BEGIN and is_cut_off(begin))
        except BROKEN:
            return False
        # By a name that ends in .jpg FFmpeg takes the first JPEG only; reading it as a picture says what to do.
        named_so = file.suffix.lower() in SUFFIXES
        return several and (picture == "PNG" or (picture == "JPEG" and not named_so))
    if _begins_like_a_film(begin):
        return True
    if not begin:
        return file.suffix.lower() in VIDEOS  # empty or unreadable: the reader says which
    if _is_text(begin) or begin[8:12] in _STILLS:
        return False
    return file.suffix.lower() not in SUFFIXES


def _begins_like_a_film(begin: bytes) -> bool:
    if begin.startswith(_FILMS) or (begin[:4] == b"RIFF" and begin[8:11] == b"AVI"):
        return True
    if begin[4:8] in (b"ftyp", b"moov", b"mdat", b"wide"):
        return begin[8:12] not in _STILLS
    if begin[:3] in (b"\0\0\0", b"\0\0\x01"):
        after = begin.lstrip(b"\0")
        return after[:1] == b"\x01" and after[1:2] > b"\0"  # start codes: MPEG streams, bare H.264 and H.265
    # A transport stream begins each of its packets with a G.
    return any(begin[at : at + 3 * size : size] == b"GGG" for at, size in ((0, 188), (4, 192)))


def _is_text(begin: bytes) -> bool:
    """Whether these are letters: nothing below a space but what stands between lines, or the mark of UTF-16."""
    return begin[:2] in (b"\xff\xfe", b"\xfe\xff") or not set(begin) & _CONTROLS


def _first_bytes(file: Path, count: int) -> bytes:
    """The first bytes; empty for anything but a plain file, because a pipe can be read only once."""
    try:
        if not S_ISREG(file.stat().st_mode):
            return b""
        with file.open("rb") as opened:
            return opened.read(count)
    except OSError:
        return b""  # reading it reports the reason


def _written(file: Path) -> str:
    """The name; bytes that are not UTF-8 become escapes (`\\udcff`)."""
    return str(file).encode("utf-8", "backslashreplace").decode("utf-8")


def _picture(file: Path) -> Iterator[InputPicture | str]:
    from edge_mask.picture import SUFFIXES, load_picture

    begin = _first_bytes(file, _FIRST)
    if begin and file.suffix.lower() not in SUFFIXES and _is_text(begin):
        yield f"{_written(file)}: holds text, neither a picture nor a video"
        return
    try:
        yield InputPicture(file, 1, load_picture(file))
    except Refused as error:
        yield str(error)


def _video(file: Path) -> Iterator[InputPicture | str]:
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
            yield InputPicture(file, frame.number, Picture(frame.image, width, height), still=False)
    except (EndOfSource, Refused) as end:
        if str(end):
            yield str(end)
    finally:
        video.close()
