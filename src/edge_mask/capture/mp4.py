"""How many pictures the header of an MP4 or MOV promises: FFmpeg counts those too that an edit list hides.

moov ┬ mvhd  ticks per second of the film
     └ trak ┬ edts ─ elst  which parts of the track are shown: a film that was trimmed without encoding it anew
            └ mdia ┬ mdhd  ticks per second of the track
                   ├ hdlr  `vide` for pictures
                   └ minf ─ stbl ─ stts  how many pictures last how many ticks
"""

import struct
from collections.abc import Iterator
from pathlib import Path

_MOST = 100_000_000
"""Bytes of a header that are read; one of a day of film has a few million."""
_Edit = tuple[float, float]
"""From when to when a part of the track is shown, in ticks of the track."""


def shown_frames(path: Path) -> float | None:
    """How many pictures the film in this file shows when it is whole; None where no MP4 says so."""
    try:
        moov = _header(path)
        tracks = [track for kind, track in _boxes(moov) if kind == b"trak"]
        video = next((track for track in tracks if _inner(track, b"mdia", b"hdlr")[8:12] == b"vide"), None)
        return None if video is None else _shown(video, _ticks(_inner(moov, b"mvhd"))) or None
    except (OSError, struct.error):  # gone, or damaged: nothing is promised
        return None


def _header(path: Path) -> bytes:
    """The content of `moov`, wherever it stands in the file."""
    with path.open("rb") as file:
        end = path.stat().st_size
        at = 0
        while at + 8 <= end:
            file.seek(at)
            size, kind = struct.unpack(">I4s", file.read(8))
            head = 8
            if size == 1:
                size, head = struct.unpack(">Q", file.read(8))[0], 16
            if kind == b"moov":
                return file.read(min(size - head, _MOST)) if size > head else b""
            if size < head or not kind.isalnum():
                break  # the last box, or no MP4
            at += size
    return b""


def _boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Each box in `data`: its kind and what it holds."""
    at = 0
    while at + 8 <= len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        if size < 8:
            return
        yield kind, data[at + 8 : at + size]
        at += size


def _inner(data: bytes, *kinds: bytes) -> bytes:
    """What the first box on this way holds; empty when it is not there."""
    for kind in kinds:
        data = next((content for other, content in _boxes(data) if other == kind), b"")
    return data


def _ticks(head: bytes) -> int:
    """Ticks per second, from an `mvhd` or `mdhd`."""
    return int(struct.unpack_from(">I", head, 20 if head[:1] == b"\1" else 12)[0])


def _shown(track: bytes, film_ticks: int) -> int:
    table = _inner(track, b"mdia", b"minf", b"stbl", b"stts")
    lasts = [struct.unpack_from(">II", table, 8 + 8 * n) for n in range(struct.unpack_from(">I", table, 4)[0])]
    scale = _ticks(_inner(track, b"mdia", b"mdhd")) / max(1, film_ticks)
    edits = list(_edits(_inner(track, b"edts", b"elst"), scale))
    if not edits:
        return sum(count for count, _ in lasts)
    return sum(_within(edit, lasts) for edit in edits)


def _edits(table: bytes, scale: float) -> Iterator[_Edit]:
    """The parts of the track that are shown. A start of -1 stands for a pause before the first picture."""
    if not table:
        return
    form = ">Qq4x" if table[:1] == b"\1" else ">Ii4x"
    for number in range(struct.unpack_from(">I", table, 4)[0]):
        length, start = struct.unpack_from(form, table, 8 + struct.calcsize(form) * number)
        if start >= 0:
            yield start, start + length * scale if length else float("inf")


def _within(edit: _Edit, lasts: list[tuple[int, int]]) -> int:
    """How many pictures begin inside this part of the track."""
    start, end = edit
    found, time = 0, 0
    for count, ticks in lasts:
        step = max(1, ticks)
        first = min(count, max(0, -int(-(start - time) // step)))
        last = count if end == float("inf") else min(count, max(0, -int(-(end - time) // step)))
        found += max(0, last - first)
        time += count * step
    return found
