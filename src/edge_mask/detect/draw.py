"""Boxes and labels painted into a picture, readable at any size."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from edge_mask.messages import INCORRECT, MASK, NO_MASK, Box, Face, Image

_COLOURS = {MASK: (80, 160, 30), NO_MASK: (40, 40, 215), INCORRECT: (0, 130, 235)}
"""Green, red, orange, dark enough for white letters."""
_OTHER = (110, 110, 110)
_WHITE = (255, 255, 255)
_FONT = 0  # cv2.FONT_HERSHEY_SIMPLEX


@dataclass(frozen=True, slots=True)
class _Tag:
    """Where the text of one face goes: a filled rectangle (left, top, width, height) with letters of `size`."""

    text: str
    area: Box
    size: float
    colour: tuple[int, int, int]


def draw_faces(image: Image, faces: Sequence[Face]) -> Image:
    """A copy of the picture with a box, label and score for each face; the best faces have the best places."""
    import cv2

    picture = image.copy()
    unit = max(1, round(max(image.shape[:2]) / 400))  # line width in pixels
    tags: list[_Tag] = []
    for face in faces:
        tags.append(_tag(cv2, face, tags, picture.shape, unit))
    # The best last: a face with two labels, in one place, has the colour of the better one.
    for face, tag in reversed(list(zip(faces, tags, strict=True))):
        corner = (round(face.box.x), round(face.box.y))
        opposite = (round(face.box.x + face.box.w), round(face.box.y + face.box.h))
        cv2.rectangle(picture, corner, opposite, _WHITE, 2 * unit + max(1, unit // 2))
        cv2.rectangle(picture, corner, opposite, tag.colour, 2 * unit)
    for tag in reversed(tags):
        _paint(cv2, picture, tag, unit)
    return picture


def _tag(cv2: Any, face: Face, taken: Sequence[_Tag], shape: tuple[int, ...], unit: int) -> _Tag:
    """Above the box, below it, or beside it: the first place that is free, always inside the picture."""
    text = f"{face.label} {face.score:.2f}"
    size = max(0.35, min(0.45 * unit, face.box.w / 100))  # small letters for small faces, but still legible
    (width, height), below = cv2.getTextSize(text, _FONT, size, _pen(size))
    wide, tall = width + 2 * unit, height + below + unit
    box = face.box
    places = [
        (box.x, box.y - tall), (box.x, box.y + box.h), (box.x + box.w - wide, box.y - tall),
        (box.x + box.w, box.y), (box.x - wide, box.y), (box.x, box.y - 2 * tall),
    ]  # fmt: skip
    inside = [Box(max(0, min(x, shape[1] - wide)), max(0, min(y, shape[0] - tall)), wide, tall) for x, y in places]
    free = (area for area in inside if not any(_meet(area, other.area) for other in taken))
    return _Tag(text, next(free, inside[0]), size, _COLOURS.get(face.label, _OTHER))


def _paint(cv2: Any, picture: Image, tag: _Tag, unit: int) -> None:
    left, top = round(tag.area.x), round(tag.area.y)
    right, bottom = round(tag.area.x + tag.area.w), round(tag.area.y + tag.area.h)
    (_, height), _ = cv2.getTextSize(tag.text, _FONT, tag.size, _pen(tag.size))
    cv2.rectangle(picture, (left, top), (right, bottom), tag.colour, -1)
    at = (left + unit, top + height + max(1, unit // 2))
    cv2.putText(picture, tag.text, at, _FONT, tag.size, _WHITE, _pen(tag.size), cv2.LINE_AA)


def _pen(size: float) -> int:
    return max(1, round(size * 2))


def _meet(one: Box, other: Box) -> bool:
    return (
        one.x < other.x + other.w and other.x < one.x + one.w and one.y < other.y + other.h and other.y < one.y + one.h
    )
