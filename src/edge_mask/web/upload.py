"""The picture in the body of a request: bounded, whole, one, and in memory alone (K7: nothing of it is ever written).

The framework's own parser would put everything above a megabyte into a temporary file, and takes a body without its
closing boundary for one without fields (RFC 2046, section 5.1.1; RFC 7578).
"""

from typing import Final

from python_multipart.multipart import parse_options_header
from starlette.exceptions import HTTPException

from edge_mask.picture import MOST_SCANS
from edge_mask.picture_header import BROKEN, format_of, scans_of, size_of
from edge_mask.units import Bytes

MOST_PICTURE: Final = Bytes(8 * 1024 * 1024)
MOST_PIXELS: Final = 24_000_000
FIELD: Final = "file"
BARE: Final = ("image/jpeg", "image/png")
_MOST_HEADERS: Final = 8 * 1024
_LONGEST_BOUNDARY: Final = 70
_ROOM: Final = Bytes(64 * 1024)
MOST_BODY: Final = Bytes(MOST_PICTURE + _ROOM)
"""With the boundaries and headers around the picture."""


def picture_in(content_type: str, body: bytes) -> bytes:
    """The picture file in `body`, not decoded yet. Raises HTTPException: 400, 413, 415, 422."""
    kind, options = parse_options_header(content_type)
    match kind.decode("latin-1").lower():
        case "multipart/form-data":
            picture = _only_part(body, options.get(b"boundary", b""))
        case "image/jpeg" | "image/png":
            picture = body
        case _:
            allowed = ", ".join(("multipart/form-data", *BARE))
            raise HTTPException(415, f"Content-Type: found {content_type[:60]!a}; allowed: {allowed}")
    _check(picture)
    return picture


def _only_part(body: bytes, boundary: bytes) -> bytes:
    """The content of the field `file`, which is the only one."""
    if not 0 < len(boundary) <= _LONGEST_BOUNDARY:
        raise HTTPException(400, f"the boundary of the form is missing or longer than {_LONGEST_BOUNDARY} characters")
    delimiter = b"\r\n--" + boundary
    # The first one stands at the beginning, or behind a preamble that nobody reads.
    begins = -2 if body.startswith(delimiter[2:]) else body.find(delimiter)
    if begins == -1:
        raise HTTPException(400, "the form does not begin: its boundary is missing")
    at = begins + len(delimiter)
    if body[at : at + 2] == b"--":
        raise HTTPException(422, f"the form has no field; send the picture as {FIELD}")
    end = body.find(delimiter, at)
    after = body[end + len(delimiter) : end + len(delimiter) + 2]
    if end < 0 or after not in (b"--", b"\r\n"):
        raise HTTPException(400, "the form is cut off: its closing boundary is missing")
    if after != b"--":
        raise HTTPException(400, f"the form has several fields; send one, {FIELD}, with one picture")
    blank = body.find(b"\r\n\r\n", at, end)
    if not 0 <= blank - at <= _MOST_HEADERS:
        raise HTTPException(400, "the field of the form has no headers that could be read")
    head = body[at:blank]
    if (name := _name(head)) != FIELD:
        raise HTTPException(422, f"the form has no field {FIELD}; it has {name[:60]!a}")
    return body[blank + 4 : end]


def _name(head: bytes) -> str:
    """The name of the field; a name of the file, whatever path it may hold, is not looked at."""
    for line in head.split(b"\r\n"):
        key, _, value = line.partition(b":")
        if key.strip().lower() == b"content-disposition":
            kind, options = parse_options_header(value.strip())
            if kind == b"form-data":
                return options.get(b"name", b"").decode("utf-8", "replace")
    return ""


def _check(picture: bytes) -> None:
    """By its content, whatever the request calls it, and before a byte of memory is spent on its pixels."""
    if not picture:
        raise HTTPException(400, "there is no picture: it has 0 bytes")
    if len(picture) > MOST_PICTURE:
        raise HTTPException(413, f"the picture has {len(picture)} bytes; allowed: at most {MOST_PICTURE}")
    if format_of(picture) not in ("JPEG", "PNG"):
        raise HTTPException(415, "this is no picture that is read here; allowed: JPEG and PNG")
    try:
        size = size_of(picture)
    except BROKEN:
        size = None
    if size is None or min(size) < 1:
        raise HTTPException(400, "the picture is cut off or damaged in its header")
    if size[0] * size[1] > MOST_PIXELS:
        text = f"the picture has {size[0]} x {size[1]} pixels; allowed: at most {MOST_PIXELS // 1_000_000} million"
        raise HTTPException(413, text)
    if _scans(picture) > MOST_SCANS:
        raise HTTPException(422, f"the picture has more than {MOST_SCANS} scans; save it anew, as a baseline JPEG")


def _scans(picture: bytes) -> int:
    try:
        return scans_of(picture, MOST_SCANS)
    except BROKEN:
        return 0  # cut off, and what reads it says so
