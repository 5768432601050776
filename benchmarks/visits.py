"""Visits made of still pictures: what a gate's camera would see of a face in the few looks of one visit."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from training.pictures import Pixels

from edge_mask.detect.model import ModelDetector
from edge_mask.geometry import corners, iou
from edge_mask.messages import Face
from edge_mask.track.tracker import distinct

WIDTH, HEIGHT = 640, 480
SAME_FACE = 0.4
Random = np.random.Generator
Box = NDArray[np.float64]
Placed = tuple[NDArray[np.float64], Box | None]
"""The affine map from the still picture to the camera's, and the box of the face in the camera's picture."""


@dataclass(frozen=True, slots=True)
class Subject:
    """Somebody or something before a camera, and how the camera's picture is cut out of the still one."""

    group: str
    file: str
    view: "View"


@dataclass(frozen=True, slots=True)
class View:
    """A still picture, and where a camera's picture of it begins: `place` draws one for each visit."""

    pixels: Pixels
    place: Callable[[Random], Placed]


def as_it_is(pixels: Pixels, box: Box | None = None) -> View:
    """The whole picture fills the camera's; without a box the face is the largest that is found."""
    height, width = pixels.shape[:2]
    scale = min(WIDTH / width, HEIGHT / height)
    place = np.array([[scale, 0, (WIDTH - scale * width) / 2], [0, scale, (HEIGHT - scale * height) / 2]])
    return View(pixels, lambda _rng: (place, None if box is None else _moved(box, place)))


def close_up(pixels: Pixels, box: Box, *, turned: bool = False) -> View:
    """The face takes 0.2 to 0.5 of the camera's shorter side, near the middle: somebody at a gate."""

    def place(rng: Random) -> Placed:
        scale = rng.uniform(0.2, 0.5) * HEIGHT / max(box[2] - box[0], box[3] - box[1])
        middle = np.array([(box[0] + box[2]) / 2, (box[1] + box[3]) / 2])
        aim = np.array([WIDTH * rng.uniform(0.35, 0.65), HEIGHT * rng.uniform(0.35, 0.6)])
        turn = -scale if turned else scale
        matrix = np.array([[turn, 0, aim[0] - turn * middle[0]], [0, turn, aim[1] - turn * middle[1]]])
        return matrix, _moved(box, matrix)

    return View(pixels, place)


@dataclass(frozen=True, slots=True)
class Looks:
    """The looks of one visit: the light is the visit's, the rest differs from look to look."""

    count: int = 7
    min_face: float = 0.12

    def of(self, subject: Subject, detector: ModelDetector, rng: Random) -> Iterator[tuple[str, float]]:
        """Label and score of each look that shows the face, near enough to be judged."""
        place, box = subject.view.place(rng)
        gain, offset, quality = rng.uniform(0.8, 1.2), rng.uniform(-20, 20), int(rng.integers(60, 93))
        grain, soft = rng.uniform(1, 6), rng.uniform(0, 1.2)
        for _ in range(self.count):
            moved, seen = _shaken(place, box, rng)
            picture = _photograph(subject.view.pixels, moved)
            picture = np.clip((picture - 127.0) * gain + 127 + offset + rng.normal(0, 3), 0, 255)
            if soft > 0.3:
                picture = cv2.GaussianBlur(picture, (0, 0), soft * rng.uniform(0.5, 1.3))
            picture += rng.standard_normal(picture.shape, np.float32) * grain
            face = self._face(detector, _compressed(picture, quality), seen)
            if face is not None:
                yield face.label, face.score

    def _face(self, detector: ModelDetector, picture: Pixels, box: Box | None) -> Face | None:
        near = self.min_face * min(WIDTH, HEIGHT)
        faces = [f for f in distinct(detector.look(picture).faces) if max(f.box.w, f.box.h) >= near]
        if box is None or not faces:
            return max(faces, key=lambda f: f.box.w * f.box.h, default=None)
        overlap = iou(corners([f.box for f in faces]), box[None])[:, 0]
        return faces[int(overlap.argmax())] if overlap.max() >= SAME_FACE else None


def _shaken(place: NDArray[np.float64], box: Box | None, rng: Random) -> Placed:
    """The person moves by up to 2 % of the picture and 4 % in size, about the middle of the picture."""
    size, shift = rng.uniform(0.96, 1.04), rng.uniform(-0.02, 0.02, 2) * WIDTH
    again = np.array([[size, 0, shift[0] + (1 - size) * WIDTH / 2], [0, size, shift[1] + (1 - size) * HEIGHT / 2]])
    moved = again[:, :2] @ place
    moved[:, 2] += again[:, 2]
    return moved, None if box is None else _moved(box, again)


def _moved(box: Box, place: NDArray[np.float64]) -> Box:
    points = place[:, :2] @ np.array([[box[0], box[2]], [box[1], box[3]]]) + place[:, 2:]
    return np.array([points[0].min(), points[1].min(), points[0].max(), points[1].max()])


def _photograph(pixels: Pixels, place: NDArray[np.float64]) -> NDArray[np.float32]:
    """BGR, softened first where it is made smaller, so that nothing flickers."""
    scale = abs(place[0, 0])
    source = np.ascontiguousarray(pixels[..., ::-1])
    if scale < 0.8:
        source = cv2.GaussianBlur(source, (0, 0), 0.4 / scale).astype(np.uint8)
    found = cv2.warpAffine(source, place, (WIDTH, HEIGHT), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
    return np.asarray(found, np.float32)


def _compressed(picture: NDArray[np.floating], quality: int) -> Pixels:
    content = np.clip(picture, 0, 255).astype(np.uint8)
    _, data = cv2.imencode(".jpg", content, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)
