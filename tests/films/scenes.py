"""What happens before a gate's camera, as films: each with the visits that must come of it."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import cv2
import numpy as np
from tests.films.actor import golden_actor
from tests.films.camera import Sensor
from tests.films.stage import HEIGHT, WIDTH, Pose, Sway, Wears, door, draw
from tests.films.telephone import held_up

from edge_mask.messages import Image

FPS = 5.0
MIDDLE = WIDTH / 2
Poses = Callable[[float], list[Pose]]


@dataclass(frozen=True, slots=True)
class Scene:
    """Who stands where at each moment, and the visits: verdict and first reason of each."""

    name: str
    poses: Poses
    visits: tuple[str, ...]
    seconds: float = 5.6
    sways: bool = True
    change: Callable[[Image, float], Image] = lambda picture, _at: picture
    """What happens to the picture before it reaches the sensor."""
    zone: tuple[tuple[float, float], ...] | None = None
    light: Callable[[float], float] = lambda _at: 1.0

    def pictures(self, seed: int) -> Iterator[Image]:
        """One for each look."""
        sensor, wall, actor = Sensor(seed), door(), golden_actor()
        for number in range(round(self.seconds * FPS)):
            at = number / FPS
            picture = wall.copy()
            for person, pose in enumerate(self.poses(at)):
                draw(picture, actor, Sway(10 * seed + person).of(pose, at) if self.sways else pose)
            yield sensor.expose(self.change(picture, at), self.light(at))


def stands(wears: Wears, *, x: float = MIDDLE, size: float = 100.0, until: float = 3.6) -> Poses:
    """Comes in from the left within a second, stands, and leaves by the other side."""

    def poses(at: float) -> list[Pose]:
        if at > until + 0.8:
            return []
        along = min(1.0, at) * (x + 80) - 80 + max(0.0, at - until) * 500
        return [Pose(along, wears=wears, size=size)]

    return poses


def changes(first: Wears, then: Wears, at_second: float) -> Poses:
    """Puts it on, or takes it off."""
    return lambda at: [replace(pose, wears=first if at < at_second else then) for pose in stands(first, until=7.0)(at)]


def away(wears: Wears, begin: float, end: float, how: Callable[[Pose], Pose]) -> Poses:
    """Stands there all the time, and is something else for a while."""
    return lambda at: [how(pose) if begin <= at < end else pose for pose in stands(wears, until=4.0)(at)]


def two(at: float) -> list[Pose]:
    """One with a mask, nearer; one without beside them."""
    near, far = stands("masked", x=130, size=95), stands("bare", x=350, size=70)
    return near(at) + far(at)


def poster(at: float) -> list[Pose]:
    del at
    return [Pose(MIDDLE, wears="masked")]


def undecided(at: float) -> list[Pose]:
    """Holds a mask before the mouth, and takes it away again and again."""
    return [replace(pose, wears="masked" if int(at / 0.4) % 2 else "bare") for pose in stands("bare", until=6.0)(at)]


def steps_over(at: float) -> list[Pose]:
    """Stands outside the zone, takes a step into it, and stays."""
    return [Pose(MIDDLE - 60 + min(120.0, max(0.0, at - 2.0) * 120), wears="masked")]


def to_and_fro(at: float) -> list[Pose]:
    """Stands on the edge of the zone, and shifts from one foot to the other."""
    return [Pose(MIDDLE + 14 * math.sin(math.pi * at), wears="masked")]


def passes_by(at: float) -> list[Pose]:
    """Walks through the zone, too fast for five looks."""
    return [Pose(330 * at - 80, wears="bare")] if at < 2.2 else []


def nobody(at: float) -> list[Pose]:
    del at
    return []


def post(picture: Image, at: float) -> Image:
    """Something passes before the face and stays for a second."""
    if 1.2 <= at < 2.2:
        cv2.rectangle(picture, (130, 0), (350, HEIGHT), (96, 92, 88), -1)
    return picture


def shaken(picture: Image, at: float) -> Image:
    """Wind: the camera trembles by some pixels."""
    x, y = np.random.default_rng(round(at * 100)).uniform(-4, 4, 2)
    place = np.array([[1, 0, x], [0, 1, y]], np.float32)
    return np.asarray(cv2.warpAffine(picture, place, (WIDTH, HEIGHT), borderMode=cv2.BORDER_REPLICATE), np.uint8)


RIGHT_HALF = ((0.5, 0.0), (1.0, 0.0), (1.0, 1.0), (0.5, 1.0))

SCENES = [
    Scene("masked", stands("masked"), ("pass",)),
    Scene("bare", stands("bare"), ("no_pass no_mask",)),
    Scene("puts-it-on", changes("bare", "masked", 3.0), ("no_pass no_mask", "pass"), 8.0),
    Scene("takes-it-off", changes("masked", "bare", 3.0), ("pass", "no_pass no_mask"), 8.0),
    Scene("two", two, ("no_pass no_mask", "pass")),
    Scene("poster", poster, ("no_pass still",), sways=False),
    Scene("light-off", stands("masked", until=5.0), ("pass",), light=lambda at: 1.0 if at < 3.0 else 0.02),
    Scene("shaken", stands("masked"), ("pass",), change=shaken),
    Scene("hidden", stands("masked"), ("pass",), change=post),
    Scene("looks-away", away("bare", 1.2, 2.2, lambda pose: replace(pose, wears="turned")), ("no_pass no_mask",)),
    Scene("bends-down", away("masked", 1.4, 2.2, lambda pose: replace(pose, y=HEIGHT + 120.0)), ("pass",)),
    Scene("inside-the-zone", stands("masked", x=MIDDLE + 12), ("pass",), zone=RIGHT_HALF),
    Scene("outside-the-zone", stands("masked", x=MIDDLE - 25), (), zone=RIGHT_HALF),
    Scene("undecided", undecided, ("no_pass unsure",), 6.4),
    Scene("steps-into-the-zone", steps_over, ("pass",), zone=RIGHT_HALF),
    Scene("to-and-fro-over-the-edge", to_and_fro, ("pass",), zone=RIGHT_HALF),
    Scene("passes-by", passes_by, (), 3.6, zone=RIGHT_HALF),
    Scene("telephone-on-a-stand", nobody, ("no_pass still",), change=held_up(0.0)),
    Scene("telephone-in-a-hand", nobody, ("pass",), change=held_up(0.5)),  # as docs/decisions.md says: no proof of life
    Scene("poster-in-uneven-light", poster, ("no_pass still",), sways=False, light=lambda at: 1.0 - 0.15 * at / 6),
]
