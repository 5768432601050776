"""A door with somebody before it: where they stand at each moment, and the picture of that.

Pose (where, how near, masked?) ──▶ Stage.picture ──▶ camera.Sensor ──▶ film
"""

import math
from dataclasses import dataclass, replace
from typing import Literal

import cv2
import numpy as np
from tests.films.actor import FACE, FACE_HEIGHT, MILLIMETRES, Actor

from edge_mask.messages import Image

WIDTH, HEIGHT = 480, 360
Wears = Literal["bare", "masked", "turned"]


@dataclass(frozen=True, slots=True)
class Pose:
    """One person at one moment: the middle of the face and its height in pixels."""

    x: float
    y: float = 140.0
    size: float = 100.0
    wears: Wears = "bare"
    angle: float = 0.0
    """Degrees, counter-clockwise."""
    is_blinking: bool = False


@dataclass(frozen=True, slots=True)
class Sway:
    """Nobody stands quite still: what posturography finds of a quiet adult's head, at its quieter end.

    3 mm from side to side and 4 mm to and fro (root mean square) with some 4 mm/s, 1 mm of breathing, 15 blinks a
    minute. `seed` makes another person.
    """

    seed: int = 0
    share: float = 1.0
    """Of these amplitudes."""

    def of(self, pose: Pose, at: float) -> Pose:
        """The pose with its sway at that moment."""
        random = np.random.default_rng((7, self.seed))
        scale = self.share * pose.size / MILLIMETRES
        side, depth, breath = (_wave(random, low, high, at) for low, high in ((0.1, 0.4), (0.1, 0.4), (0.2, 0.3)))
        begins = random.uniform(0, 4)
        return replace(
            pose,
            x=pose.x + 3.0 * scale * side,
            y=pose.y + 1.0 * scale * breath,
            size=pose.size * (1 + self.share * 4.0 * depth / 700.0),
            angle=pose.angle + 0.3 * self.share * side,
            is_blinking=pose.is_blinking or (self.share > 0 and (at - begins) % 4.0 < 0.25),
        )


def _wave(random: np.random.Generator, low: float, high: float, at: float) -> float:
    """A slow wander with a root mean square of 1: four waves between two frequencies."""
    rates, phases = random.uniform(low, high, 4), random.uniform(0, 2 * math.pi, 4)
    return float(np.sin(2 * math.pi * rates * at + phases).sum() / math.sqrt(2))


def door() -> Image:
    """A wall, a floor and a door with glass."""
    rows = np.linspace(1.06, 0.84, HEIGHT)[:, None, None]
    picture = np.clip(np.array([176, 184, 190]) * rows * np.ones((1, WIDTH, 1)), 0, 255).astype(np.uint8)
    cv2.rectangle(picture, (0, 300), (WIDTH, HEIGHT), (112, 122, 128), -1)
    cv2.rectangle(picture, (135, 45), (345, 300), (92, 98, 100), -1)
    for left in (144, 244):
        cv2.rectangle(picture, (left, 56), (left + 92, 297), (206, 200, 186), -1)
    cv2.rectangle(picture, (390, 112), (450, 195), (225, 225, 222), -1)
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), 1.0), np.uint8)


def draw(picture: Image, actor: Actor, pose: Pose) -> None:
    """Put the person into the picture."""
    scale = pose.size / FACE_HEIGHT
    place = cv2.getRotationMatrix2D(FACE, pose.angle, scale)
    place[:, 2] += (pose.x - FACE[0], pose.y - FACE[1])
    source = {"bare": actor.bare, "masked": actor.masked, "turned": actor.turned}[pose.wears]
    if pose.is_blinking and pose.wears != "turned":
        source = _with_closed_eyes(source)
    height, width = picture.shape[:2]
    body = cv2.warpAffine(source, place, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    alpha = cv2.warpAffine(actor.alpha, place, (width, height), flags=cv2.INTER_LINEAR)
    cover = alpha[..., None].astype(np.float32) / 255
    picture[:] = (picture * (1 - cover) + body * cover).astype(np.uint8)


def _with_closed_eyes(source: Image) -> Image:
    found = source.copy()
    for x in (143, 186):
        lid = found[112:116, x - 8 : x + 8].mean((0, 1))
        cv2.ellipse(found, (x, 102), (11, 6), 0, 0, 360, tuple(float(c) for c in lid), -1)
    return found
