"""A telephone with the picture of a masked face, held up before a camera: it moves as a whole, or not at all."""

from collections.abc import Callable

import cv2
import numpy as np
from tests.films.actor import FACE, FACE_HEIGHT, MILLIMETRES, golden_actor
from tests.films.stage import Pose, Sway

from edge_mask.messages import Image

LEFT, TOP, RIGHT, BOTTOM = 76, 14, 256, 328
"""The part of the portrait that the screen shows."""
RIM = 10
"""Of the case around it, in pixels of the portrait."""
_SCREEN_MM = 68.0
"""A screen is so wide."""


def screen() -> Image:
    """The telephone from before: a dark case, and a bright picture."""
    picture = golden_actor().masked[TOP:BOTTOM, LEFT:RIGHT]
    bright = np.clip(picture.astype(np.float32) * 1.1 + 8, 0, 255).astype(np.uint8)
    framed = cv2.copyMakeBorder(bright, 3 * RIM, 3 * RIM, RIM, RIM, cv2.BORDER_CONSTANT, value=(24, 22, 22))
    return np.asarray(framed, np.uint8)


def held_up(share: float, *, size: float = 100.0, seed: int = 5) -> Callable[[Image, float], Image]:
    """Puts it into the picture. `share`: the hand moves it by as many of the millimetres by which a head sways; on the
    small screen, which is nearer than a head would be, a millimetre is more pixels."""
    telephone, scale = screen(), size / FACE_HEIGHT
    pixels_per_mm = scale * (RIGHT - LEFT) / _SCREEN_MM
    sway = Sway(seed, share * pixels_per_mm / (size / MILLIMETRES))
    face = (FACE[0] - LEFT + RIM, FACE[1] - TOP + 3 * RIM)

    def show(picture: Image, at: float) -> Image:
        pose = sway.of(Pose(picture.shape[1] / 2, 170.0, size), at)
        place = cv2.getRotationMatrix2D(face, pose.angle, scale)
        place[:, 2] += (pose.x - face[0], pose.y - face[1])
        shape = (picture.shape[1], picture.shape[0])
        body = cv2.warpAffine(telephone, place, shape, flags=cv2.INTER_LINEAR)
        cover = cv2.warpAffine(np.full(telephone.shape[:2], 255, np.uint8), place, shape)[..., None] / np.float32(255)
        return np.asarray(picture * (1 - cover) + body * cover, np.uint8)

    return show
