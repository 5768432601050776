"""Reads what another device says of a frame. It may be broken, old, or not a device at all: all of it is checked."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

import msgspec

from edge_mask.errors import Refused
from edge_mask.messages import Box, Face

MOST_BYTES = 65_536
_SLACK = 2.0
"""Pixels that a rounded box may reach beyond the picture."""

_Label = Literal["mask", "no_mask", "incorrect"]
_Word = Annotated[str, msgspec.Meta(max_length=128)]


class _Box(msgspec.Struct):
    x: float
    y: float
    w: Annotated[float, msgspec.Meta(gt=0)]
    h: Annotated[float, msgspec.Meta(gt=0)]


class _Face(msgspec.Struct):
    label: _Label
    score: Annotated[float, msgspec.Meta(ge=0, le=1)]
    box: _Box


class _Error(msgspec.Struct):
    code: Literal["busy", "bad_picture", "broken_output"]


class _Body(msgspec.Struct):
    ok: bool = True
    by: _Word = ""
    model: _Word = ""
    faces: Annotated[list[_Face], msgspec.Meta(max_length=300)] = []
    inference_ms: Annotated[float, msgspec.Meta(ge=0, le=600_000)] = 0.0
    free: Annotated[int, msgspec.Meta(ge=0, le=1000)] = 0
    error: _Error | None = None


@dataclass(frozen=True, slots=True)
class PeerAnswer:
    """What a device says of one frame."""

    by: str
    model: str
    faces: Sequence[Face]
    """In pixels of the picture that it was sent."""
    inference_ms: float
    free: int
    """Frames of ours that it would take now, with those that it has."""
    error: str = ""
    """`busy`, `bad_picture`, `broken_output`; then there are no faces."""


_decoder = msgspec.json.Decoder(_Body)


def read_answer(payload: bytes, width: int, height: int) -> PeerAnswer:
    """The answer about a picture of this size. Raises Refused with a sentence."""
    if len(payload) > MOST_BYTES:
        raise Refused(f"it takes {len(payload)} bytes")
    try:
        body = _decoder.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Refused(f"it is no answer ({error})") from error
    if not (body.by + body.model).isprintable():  # they are stored, and shown on terminals
        raise Refused("a name in it cannot be printed")
    if not body.ok:
        return PeerAnswer(body.by, "", (), 0.0, body.free, "broken_output" if body.error is None else body.error.code)
    faces = [Face(each.label, each.score, _inside(each.box, width, height)) for each in body.faces]
    return PeerAnswer(body.by, body.model, faces, body.inference_ms, body.free)


def _inside(box: _Box, width: int, height: int) -> Box:
    right, bottom = box.x + box.w, box.y + box.h
    if not all(map(math.isfinite, (box.x, box.y, right, bottom))):
        raise Refused("a face has no place")
    if box.x < -_SLACK or box.y < -_SLACK or right > width + _SLACK or bottom > height + _SLACK:
        raise Refused("a face lies outside of the picture")
    left, top = max(0.0, box.x), max(0.0, box.y)
    right, bottom = min(right, float(width)), min(bottom, float(height))
    if right <= left or bottom <= top:
        raise Refused("a face lies outside of the picture")
    return Box(left, top, right - left, bottom - top)
