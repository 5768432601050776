"""Faces made unrecognisable, from our own boxes: masked faces too, which other face finders overlook."""

from collections.abc import Iterable

from edge_mask.messages import Face, Image

_MARGIN = 0.25
"""Of the box, on each side: hair and ears are part of a face."""
_BLOCKS = 6
"""Squares across a face. So few that nothing can be computed back."""


def blur_faces(image: Image, faces: Iterable[Face]) -> Image:
    """A copy of the picture in which every face is a few blurred squares."""
    import cv2

    picture = image.copy()
    height, width = picture.shape[:2]
    for face in faces:
        box = face.box
        left = max(0, int(box.x - _MARGIN * box.w))
        top = max(0, int(box.y - _MARGIN * box.h))
        right = min(width, int(box.x + (1 + _MARGIN) * box.w) + 1)
        bottom = min(height, int(box.y + (1 + _MARGIN) * box.h) + 1)
        if right <= left or bottom <= top:
            continue
        part = picture[top:bottom, left:right]
        few = cv2.resize(part, (min(_BLOCKS, right - left), min(_BLOCKS, bottom - top)), interpolation=cv2.INTER_AREA)
        picture[top:bottom, left:right] = cv2.resize(few, (right - left, bottom - top), interpolation=cv2.INTER_LINEAR)
    return picture
