"""Boxes and labels painted into a picture, readable at any size."""

from collections.abc import Sequence
from typing import Any

from edge_mask.messages import INCORRECT, MASK, NO_MASK, Face, Image

_COLOURS = {MASK: (80, 160, 30), NO_MASK: (40, 40, 215), INCORRECT: (0, 130, 235)}
"""Green, red, orange, dark enough for white letters."""
_OTHER = (110, 110, 110)
_WHITE = (255, 255, 255)


def draw_faces(image: Image, faces: Sequence[Face]) -> Image:
    """A copy of the picture with a box, label and score for each face; the best face is painted last."""
    import cv2

    picture = image.copy()
    unit = max(1, round(max(image.shape[:2]) / 400))  # line width in pixels
    for face in reversed(faces):
        colour = _COLOURS.get(face.label, _OTHER)
        corner = (round(face.box.x), round(face.box.y))
        opposite = (round(face.box.x + face.box.w), round(face.box.y + face.box.h))
        cv2.rectangle(picture, corner, opposite, _WHITE, 2 * unit + max(1, unit // 2))
        cv2.rectangle(picture, corner, opposite, colour, 2 * unit)
        _label(cv2, picture, f"{face.label} {face.score:.2f}", (corner, opposite), colour, unit)
    return picture


def _label(
    cv2: Any, picture: Image, text: str, box: tuple[tuple[int, int], ...], colour: tuple[int, ...], unit: int
) -> None:
    """White letters on the box's colour: above the box, or below it at the top edge, always inside the picture."""
    font, size = cv2.FONT_HERSHEY_SIMPLEX, max(0.35, 0.45 * unit)
    (width, height), below = cv2.getTextSize(text, font, size, unit)
    (left, top), (_, bottom) = box
    tall = height + below + unit
    x = max(0, min(left, picture.shape[1] - width - 2 * unit))
    y = top - tall if top >= tall else min(bottom, max(0, picture.shape[0] - tall))
    cv2.rectangle(picture, (x, y), (x + width + 2 * unit, y + tall), colour, -1)
    cv2.putText(picture, text, (x + unit, y + height + unit // 2), font, size, _WHITE, unit, cv2.LINE_AA)
