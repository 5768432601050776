"""What the header of a picture file states, read as the decoders read it, before a byte of memory goes to pixels.

The size bounds what a decoder may spend, so it must be the one that the decoder will find: libjpeg steps over stray
bytes between segments; libtiff takes the first of two equal tags, and whole numbers of any width. A header that this
reader does not understand (None, or one of BROKEN when it points beyond the end) is refused.
"""

import re
import struct
from collections.abc import Iterator
from itertools import islice

BROKEN = (struct.error, IndexError, OverflowError)
"""What reading a header raises that points beyond the end."""
_START_OF_SCAN, _END = 0xDA, 0xD9
_MARKER = re.compile(rb"\xff[^\x00\x01\xd0-\xd8\xff]")
"""A JPEG marker with a length: not TEM, a restart or another start of the image."""
_MOST_PARTS = 1_000_000
"""Chunks of a PNG that are looked at; a file of nothing else would take minutes."""
_MOST_SEGMENTS = 10_000
"""Of a JPEG: profiles and EXIF of 64 kB each, tables, and scans."""
_NEAR = 4096
"""Bytes between two JPEGs of one film: padding, or the headers of a multipart stream."""
_HEADER = 300_000
"""Bytes in which a header states the size, EXIF and profiles before it included."""
_REDUCED_PAGE = 1
_MOST_PAGES, _MOST_TAGS = 64, 4096
_TIFF_NUMBERS = {1: "B", 3: "H", 4: "I", 6: "b", 8: "h", 9: "i", 16: "Q", 17: "q"}
"""Whole numbers a TIFF may state its sides in, by their type."""

_PNG = b"\x89PNG\r\n\x1a\n"
_TIFFS = {b"II*\0": ("<", False), b"MM\0*": (">", False), b"II+\0": ("<", True), b"MM\0+": (">", True)}
"""By signature: byte order, and whether it is a BigTIFF."""


def format_of(data: bytes) -> str:
    """JPEG, PNG, WebP, BMP or TIFF by the first 12 bytes; empty for anything else."""
    if data[:2] == b"\xff\xd8":
        return "JPEG"
    if data[:8] == _PNG:
        return "PNG"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WebP"
    if data[:2] == b"BM":
        return "BMP"
    return "TIFF" if data[:4] in _TIFFS else ""


def size_of(data: bytes) -> tuple[int, int] | None:
    """Width and height; None for what is no picture, and for a header that says none."""
    match format_of(data):
        case "JPEG":
            return _jpeg_size(data)
        case "PNG":
            size = _two(data, ">II", 16)
            return size if data[12:16] == b"IHDR" else None
        case "BMP":
            return _bmp_size(data)
        case "WebP":
            return _webp_size(data)
        case "TIFF":
            tags = next(_tiff_pages(data), {})
            return (tags[256], tags[257]) if 256 in tags and 257 in tags else None
    return None


def is_cut_off(data: bytes) -> bool:
    """A half-written file decodes to a half-grey picture, and nobody should be judged on that."""
    match format_of(data):
        case "JPEG":
            return data.find(b"\xff\xd9", _jpeg_pixels(data)) < 0
        case "PNG":
            return b"IEND" not in data
        case "WebP":
            return len(data) < 8 + int(struct.unpack_from("<I", data, 4)[0])
    return False


def scans_of(data: bytes, most: int) -> int:
    """How many scans a decoder would have to go through, counted up to one more than `most`; 1 for other formats.

    Each scan of a progressive JPEG is a walk over all pixels, and may take a dozen bytes.
    """
    if format_of(data) != "JPEG":
        return 1
    scans = (at for marker, at in _jpeg_segments(data, to_the_end=True) if marker == _START_OF_SCAN)
    return sum(1 for _ in islice(scans, most + 1))


def holds_several(data: bytes) -> bool:
    """Whether more than one picture is in there: a film, an animation, or pages. A reduced copy does not count."""
    match format_of(data):
        case "JPEG":
            return _is_film_of_jpegs(data)
        case "PNG":
            return _is_animated(data) or _is_followed_by_its_like(data, _png_end(data))
        case "WebP":
            return data[12:16] == b"VP8X" and bool(data[20] & 2) and data.count(b"ANMF") > 1
        case "BMP":
            return _is_followed_by_its_like(data, int(struct.unpack_from("<I", data, 2)[0]))
        case "TIFF":
            return _has_pages(data)
    return False


def _is_animated(png: bytes) -> bool:
    for kind, at in _png_chunks(png):
        if kind == b"acTL":
            return int.from_bytes(png[at : at + 4]) > 1
        if kind == b"IDAT":
            break
    return False


def _png_end(data: bytes) -> int:
    return next((at + 4 for kind, at in _png_chunks(data) if kind == b"IEND"), len(data))


def _png_chunks(data: bytes) -> Iterator[tuple[bytes, int]]:
    """Kind and place of the content of each chunk."""
    at = len(_PNG)
    for _ in range(_MOST_PARTS):
        if at + 8 > len(data):
            return
        yield data[at + 4 : at + 8], at + 8
        at += 12 + int.from_bytes(data[at : at + 4])


def _is_followed_by_its_like(data: bytes, end: int) -> bool:
    """Whether a picture of the same format and size begins at `end`."""
    following = data[end : end + _HEADER]
    try:
        return bool(following) and format_of(following) == format_of(data) and size_of(following) == size_of(data)
    except BROKEN:
        return False  # what follows was cut off in its header: there is one whole picture


def _is_film_of_jpegs(data: bytes) -> bool:
    """Whether a JPEG of the same size comes next; the previews that a phone appends are announced by `MPF`."""
    pixels = _jpeg_pixels(data)
    end = data.find(b"\xff\xd9", pixels)
    following = data.find(b"\xff\xd8\xff", end, end + _NEAR) if end >= 0 else -1
    if following < 0 or b"MPF\0" in data[:pixels]:
        return False
    return _is_followed_by_its_like(data, following)


def _has_pages(tiff: bytes) -> bool:
    whole = 0
    try:
        for tags in _tiff_pages(tiff):
            whole += not tags.get(254, 0) & _REDUCED_PAGE
    except BROKEN:
        pass  # the chain of pages breaks off: those before are all that anybody can read
    return whole > 1


def _jpeg_size(data: bytes) -> tuple[int, int] | None:
    for marker, at in _jpeg_segments(data):
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):  # start of frame
            height, width = _two(data, ">HH", at + 3)
            return width, height
    return None


def _jpeg_pixels(data: bytes) -> int:
    """Where the first scan begins; EXIF, with a thumbnail of its own, lies before it."""
    return next((at for marker, at in _jpeg_segments(data) if marker == _START_OF_SCAN), len(data))


def _jpeg_segments(data: bytes, *, to_the_end: bool = False) -> Iterator[tuple[int, int]]:
    """Marker and place of the length of each segment up to the pixels; what is no marker is stepped over.

    `to_the_end`: those behind the first scan too. In pixels, 0xFF is followed by 0 or a restart: no marker.
    """
    at = 2
    for _ in range(_MOST_SEGMENTS):
        found = _MARKER.search(data, at)
        if found is None and to_the_end:
            return
        if found is None:
            raise IndexError("no marker follows")
        marker, at = data[found.end() - 1], found.end()
        if marker == _END:
            return
        yield marker, at
        if marker == _START_OF_SCAN and not to_the_end:
            return
        at += max(2, int(struct.unpack_from(">H", data, at)[0]))
    raise IndexError("too many segments")


def _two(data: bytes, form: str, at: int) -> tuple[int, int]:
    first, second = struct.unpack_from(form, data, at)
    return int(first), int(second)


def _bmp_size(data: bytes) -> tuple[int, int]:
    if _two(data, "<HH", 14) == (12, 0):  # the first kind of header, with sides of 16 bit
        return _two(data, "<HH", 18)
    width, height = _two(data, "<ii", 18)
    return width, abs(height)  # a negative height means: top row first


def _webp_size(data: bytes) -> tuple[int, int] | None:
    match data[12:16]:
        case b"VP8X":
            return 1 + int.from_bytes(data[24:27], "little"), 1 + int.from_bytes(data[27:30], "little")
        case b"VP8L":
            bits = int(struct.unpack_from("<I", data, 21)[0])
            return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
        case b"VP8 ":
            width, height = _two(data, "<HH", 26)
            return width & 0x3FFF, height & 0x3FFF
    return None


def _tiff_pages(data: bytes) -> Iterator[dict[int, int]]:
    """The whole numbers of each page's directory by their tag."""
    order, is_big = _TIFFS[data[:4]]
    place, count, entry, value = ("Q", "Q", 20, 12) if is_big else ("I", "H", 12, 8)
    at = int(struct.unpack_from(order + place, data, 8 if is_big else 4)[0])
    visited: set[int] = set()
    while at and at not in visited and len(visited) < _MOST_PAGES:
        visited.add(at)
        entries = int(struct.unpack_from(order + count, data, at)[0])
        first = at + struct.calcsize(order + count)
        tags: dict[int, int | None] = {}
        for each in range(first, first + entry * min(entries, _MOST_TAGS), entry):
            tag, kind = _two(data, order + "HH", each)
            if tag not in tags:  # libtiff ignores a second one
                tags[tag] = _tiff_number(data, order, kind, each + value, place)
        yield {tag: number for tag, number in tags.items() if number is not None}
        at = int(struct.unpack_from(order + place, data, first + entry * entries)[0])


def _tiff_number(data: bytes, order: str, kind: int, at: int, place: str) -> int | None:
    """The value of an entry, which lies elsewhere when it does not fit; None when it is no whole number."""
    form = _TIFF_NUMBERS.get(kind)
    if form is None:
        return None
    if struct.calcsize(order + form) > struct.calcsize(order + place):
        at = int(struct.unpack_from(order + place, data, at)[0])
    return int(struct.unpack_from(order + form, data, at)[0])
