"""How often a living face is called still, and a picture of one is not: `python -m benchmarks.still --data PATH`.

There is no film of people here: held-out photographs of faces (`PATH/val/single.json`) are moved as a quiet adult's
head moves (tests/films/stage.py: 3 mm and 4 mm root mean square, slowly; the figures of posturography), before a
background that stands still, and get the noise of a sensor and JPEG. The box stays where it is, as if the detector saw
no motion at all: the pixels alone must tell. A sway of 0 is a poster.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from tests.films.camera import Sensor
from tests.films.portrait import HEIGHT, WIDTH, Portrait
from tests.films.stage import Sway
from training.pictures import Pixels, read_singles

from edge_mask.decide.look import VisitorLook, rounded
from edge_mask.decide.stillness import Stillness
from edge_mask.detect.model import ModelDetector
from edge_mask.messages import MASK, Box, Face, Track
from edge_mask.packages.load import load_package
from edge_mask.packages.location import find_package
from edge_mask.track.tracker import distinct
from edge_mask.units import Moment, Seconds, Unix
from edge_mask.vision.evidence import Examiner

EVERY, WINDOW = 0.2, Seconds(2.0)
LOOKS = 11
CAMERAS = {"usual": (1.5, 2.5, 85), "poor light": (4.0, 6.0, 75), "hardly any noise": (0.3, 0.3, 60)}
"""Noise in the dark, more of it in full light, quality of JPEG."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--faces", type=int, default=139)
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    portraits = list(_portraits(load_package(find_package()), arguments.data, arguments.faces))
    print(f"{len(portraits)} faces       life at the fifth look   called still after the window")
    for share in (1.0, 0.5, 0.0):
        for camera in CAMERAS:
            lived = [_lives(portrait, Sway(seed, share), camera) for seed, portrait in enumerate(portraits)]
            at_once = np.mean([looks <= 5 for looks in lived])
            print(f"sway {share:<4} {camera:<20}{at_once:>10.1%}{np.mean([looks > LOOKS for looks in lived]):>25.1%}")


def _portraits(detector: ModelDetector, data: Path, most: int) -> Iterator[Portrait]:
    random = np.random.default_rng(3)
    for single in read_singles(data / "val" / "single.json", tight=False, limit=most):
        source = np.ascontiguousarray(single.pixels[..., ::-1])
        faces = distinct(detector.look(source).faces)
        if faces:
            box = max(faces, key=lambda face: face.box.w * face.box.h).box
            yield _before_a_camera(source, box, random)


def _before_a_camera(source: Pixels, box: Box, random: np.random.Generator) -> Portrait:
    size = random.uniform(60, 200)
    scale, x, y = size / box.h, random.uniform(0.35, 0.65) * WIDTH, random.uniform(0.35, 0.6) * HEIGHT
    place = np.array([[scale, 0, x - scale * (box.x + box.w / 2)], [0, scale, y - scale * (box.y + box.h / 2)]])
    soft = cv2.GaussianBlur(source, (0, 0), 0.4 / scale) if scale < 0.8 else source
    picture = cv2.warpAffine(soft, place, (WIDTH, HEIGHT), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
    return Portrait(np.asarray(picture, np.uint8), x, y, size)


def _lives(portrait: Portrait, sway: Sway, camera: str) -> int:
    """The number of the look that shows life; more than LOOKS when none does."""
    read, shot, quality = CAMERAS[camera]
    sensor, examiner, stillness = Sensor(sway.seed, read, shot), Examiner(WINDOW), Stillness()
    half = portrait.size / 2
    box = rounded(Box(portrait.x - half, portrait.y - half, portrait.size, portrait.size))
    for number in range(LOOKS):
        at = Seconds(number * EVERY)
        _, data = cv2.imencode(".jpg", sensor.expose(portrait.at(at, sway)), [cv2.IMWRITE_JPEG_QUALITY, quality])
        moment = Moment(at, Unix(1_790_000_000 + at))
        track = Track(1, Face(MASK, 0.9, box), {}, moment, moment)
        picture = np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)
        evidence = examiner.examine(picture, [track], moment)[1]
        stillness.see(VisitorLook(at=at, label=MASK, score=0.9, box=box, evidence=evidence))
        if not stillness.is_still(at, WINDOW, is_over=False):
            return number + 1
    return LOOKS + 1


if __name__ == "__main__":
    main()
