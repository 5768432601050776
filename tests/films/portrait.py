"""A still photograph of a face, come to life or not: the face moves before a background that stands still."""

from dataclasses import dataclass

import cv2
import numpy as np
from tests.films.stage import Pose, Sway

from edge_mask.messages import Image

WIDTH, HEIGHT = 640, 480


@dataclass(frozen=True, slots=True)
class Portrait:
    """A camera's picture with one face, and where that is."""

    picture: Image
    x: float
    y: float
    size: float
    """Height of the face in pixels."""

    def at(self, moment: float, sway: Sway) -> Image:
        """The head moved by its sway at that moment, and less and less of the surroundings with it."""
        rest = Pose(self.x, self.y, self.size)
        pose = sway.of(rest, moment)
        scale = rest.size / pose.size
        turn = cv2.getRotationMatrix2D((self.x, self.y), -pose.angle, scale)
        turn[:, 2] -= (pose.x - self.x, pose.y - self.y)
        across, down = np.meshgrid(np.arange(WIDTH, dtype=np.float32), np.arange(HEIGHT, dtype=np.float32))
        away = np.hypot((across - self.x) / self.size, (down - self.y) / self.size / 1.3)
        share = np.clip((1.6 - away) / 0.8, 0, 1).astype(np.float32)
        moved_x = turn[0, 0] * across + turn[0, 1] * down + turn[0, 2]
        moved_y = turn[1, 0] * across + turn[1, 1] * down + turn[1, 2]
        x, y = across + share * (moved_x - across), down + share * (moved_y - down)
        return np.asarray(
            cv2.remap(
                self.picture, x.astype(np.float32), y.astype(np.float32), cv2.INTER_LINEAR,
                borderMode=cv2.BORDER_REPLICATE,
            ),
            np.uint8,
        )  # fmt: skip
