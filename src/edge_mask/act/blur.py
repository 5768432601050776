"""Makes faces in a picture unrecognisable, for good: each becomes a few squares, smoothed into each other.

A blur alone can be undone in part. From the means of a few squares nothing can be computed back.
"""

from collections.abc import Iterable

from edge_mask.messages import Box, Face, Image

_MARGIN = 0.3
"""Share of the box added on each side: hair, ears and chin are part of a face."""
_BLOCKS = 6
"""Squares across a face: too few to reconstruct or to match it."""


def blurred(image: Image, faces: Iterable[Face]) -> Image:
    """A copy of the picture in which every face is a few blurred squares."""
    import cv2

    picture = image.copy()
    for left, top, right, bottom in _areas([face.box for face in faces], image):
        part = picture[top:bottom, left:right]
        few = (min(_BLOCKS, right - left), min(_BLOCKS, bottom - top))
        means = cv2.resize(part, few, interpolation=cv2.INTER_AREA)
        picture[top:bottom, left:right] = cv2.resize(
            means, (right - left, bottom - top), interpolation=cv2.INTER_LINEAR
        )
    return picture


def _areas(boxes: list[Box], image: Image) -> list[tuple[int, int, int, int]]:
    """Left, top, right and bottom of the boxes with their margins, as far as they lie in the picture."""
    height, width = image.shape[:2]
    areas = []
    for box in boxes:
        left, right = max(0, int(box.x - _MARGIN * box.w)), min(width, int(box.x + (1 + _MARGIN) * box.w) + 1)
        top, bottom = max(0, int(box.y - _MARGIN * box.h)), min(height, int(box.y + (1 + _MARGIN) * box.h) + 1)
        if right > left and bottom > top:
            areas.append((left, top, right, bottom))
    return areas
