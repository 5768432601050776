"""The picture of one face for a second look: the face and a little around it; everything else is made unrecognisable.

frame ──cut──▶ the part around the face (a copy) ──picture_of──▶ others blurred, surroundings blurred ──▶ JPEG, no EXIF
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from edge_mask.act.blur import blurred
from edge_mask.fleet.frames.jpeg import Sent, as_jpeg
from edge_mask.geometry import iou_of_boxes
from edge_mask.messages import Box, Face, Image, Shot

_AROUND: Final = 1.5
"""Share of the box on each side that is in the picture: models have learned from faces in scenes, and miss those that
fill a picture. What is in it is blurred all the same."""
_CLEAR: Final = 0.25
"""Share of the box on each side that is not blurred."""
_SAME: Final = 0.3
"""Boxes of one face in two models overlap by more."""


@dataclass(frozen=True, slots=True, eq=False)
class Cut:
    """The part of a frame around one face."""

    camera: str
    frame: int
    image: Image
    box: Box
    """The face in it."""
    others: Sequence[Face]
    """Faces of others, in its pixels."""


def cut(shot: Shot, track: int | None) -> Cut | None:
    """Around the face of this track; None when the look does not show it. It costs one copy of the part."""
    face = next((each.face for each in shot.tracks if each.id == track), None)
    if face is None:
        return None
    left, top, right, bottom = _within(face.box, 0.0, shot.frame.image)
    if right <= left or bottom <= top:
        return None
    left, top, right, bottom = _within(face.box, _AROUND, shot.frame.image)
    others = [
        replace(each, box=_moved(each.box, left, top))
        for each in shot.faces
        if iou_of_boxes(each.box, face.box) < _SAME
    ]
    part = shot.frame.image[top:bottom, left:right].copy()
    return Cut(shot.frame.camera, shot.frame.number, part, _moved(face.box, left, top), others)


def picture_of(part: Cut) -> tuple[Sent, Box] | None:
    """The picture as it leaves, and the face in it; None when it does not become small enough."""
    image, box = part.image, part.box
    height, width = image.shape[:2]
    shown = blurred(image, [Face("", 0.0, Box(0.0, 0.0, float(width), float(height)))])
    left, top, right, bottom = _within(box, _CLEAR, image)
    shown[top:bottom, left:right] = blurred(image, part.others)[top:bottom, left:right]
    left, top, right, bottom = _within(box, 0.0, image)
    shown[top:bottom, left:right] = image[top:bottom, left:right]
    sent = as_jpeg(shown)
    if sent is None:
        return None
    across, down = sent.width / width, sent.height / height
    return sent, Box(box.x * across, box.y * down, box.w * across, box.h * down)


def same_face(faces: Sequence[Face], box: Box) -> Face | None:
    """The one of these faces that is the face in `box`; None when none is."""
    nearest = max(faces, key=lambda face: iou_of_boxes(face.box, box), default=None)
    return nearest if nearest is not None and iou_of_boxes(nearest.box, box) >= _SAME else None


def _within(box: Box, margin: float, image: Image) -> tuple[int, int, int, int]:
    """Left, top, right and bottom with the margin, as far as they lie in the picture."""
    height, width = image.shape[:2]
    left, top = max(0, int(box.x - margin * box.w)), max(0, int(box.y - margin * box.h))
    right, bottom = box.x + (1 + margin) * box.w, box.y + (1 + margin) * box.h
    return left, top, min(width, int(right) + 1), min(height, int(bottom) + 1)


def _moved(box: Box, left: int, top: int) -> Box:
    return Box(box.x - left, box.y - top, box.w, box.h)
