"""Changes the header of an MP4 to what other programs write: trimmed, with a varying rate, or first of all."""

import struct
from collections.abc import Callable, Sequence
from pathlib import Path

Make = Callable[[bytes], bytes]
_TRACK = (b"moov", b"trak")
_TABLES = (*_TRACK, b"mdia", b"minf", b"stbl")


def _box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(content), kind) + content


def _boxes(data: bytes) -> list[tuple[bytes, bytes]]:
    found, at = [], 0
    while at < len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        found.append((kind, data[at + 8 : at + size]))
        at += size
    return found


def _changed(data: bytes, way: Sequence[bytes], make: Make) -> bytes:
    """The same boxes, but what stands at `way` made anew."""
    made = b""
    for kind, content in _boxes(data):
        if kind == way[0]:
            content = _changed(content, way[1:], make) if way[1:] else make(content)
        made += _box(kind, content)
    return made


def _without_edits(path: Path) -> bytes:
    def strip(track: bytes) -> bytes:
        return b"".join(_box(kind, content) for kind, content in _boxes(track) if kind != b"edts")

    return _changed(path.read_bytes(), _TRACK, strip)


def trim(path: Path, hidden: int, shown: int, rate: int = 25) -> Path:
    """An edit list hides the first pictures, and all after the shown ones; the pictures stay in the file."""
    ticks = 512  # of each picture, as OpenCV writes a film of 25 pictures a second: 12800 ticks
    edits = struct.pack(">IIIiI", 0, 1, 1000 * shown // rate, hidden * ticks, 0x10000)
    path.write_bytes(_changed(_without_edits(path), _TRACK, lambda track: track + _box(b"edts", _box(b"elst", edits))))
    return path


def vary_rate(path: Path, lasts: Sequence[tuple[int, float]]) -> Path:
    """So many pictures last so many seconds each, and so on."""
    rows = b"".join(struct.pack(">II", count, round(12800 * seconds)) for count, seconds in lasts)
    table = struct.pack(">II", 0, len(lasts)) + rows
    path.write_bytes(_changed(_without_edits(path), (*_TABLES, b"stts"), lambda _: table))
    return path


def put_header_first(path: Path) -> Path:
    """As films for the web have it: what is cut off then are pictures."""
    boxes = dict(_boxes(path.read_bytes()))
    shift = 8 + len(boxes[b"moov"])

    def moved(table: bytes) -> bytes:
        places = struct.unpack(f">{len(table) // 4 - 2}I", table[8:])
        return table[:8] + struct.pack(f">{len(places)}I", *(place + shift for place in places))

    whole = _changed(path.read_bytes(), (*_TABLES, b"stco"), moved)
    head = dict(_boxes(whole))
    order = (b"ftyp", b"moov", b"free", b"mdat")
    path.write_bytes(b"".join(_box(kind, head[kind]) for kind in order))
    return path
