"""Training samples: crops of scenes at any scale, mosaics of four, faces pasted in. Plain numpy and OpenCV."""

from collections.abc import Sequence

import cv2
import numpy as np

from training.annotations import Boxes
from training.augment import Random, spoil
from training.empty import barred, drawn, jigsaw, out_of_focus, piece, turned, window
from training.geometry import FILL, clip_boxes
from training.paste import FaceBank
from training.pictures import DataSet, Picture, Pixels, empty_boxes

MOST_TURN = 0.25  # radians
SMALLEST_FACE = 7.0  # pixels of the longest side that a zoomed crop aims at


class Composer:
    """Draws training samples of `size` × `size` pixels from a data set; the same generator gives the same samples."""

    def __init__(self, data: DataSet, size: int, *, mosaic: float = 0.35, paste: float = 0.35, close: float = 0.0,
                 nothing: float = 0.0, hard: Sequence[int] = (), zoom: float = 0.6, spoil_share: float = 1.0,
                 rare: float = 1.0, detail: int = 1) -> None:  # fmt: skip
        """`detail`: they are composed so many times as large, for `pair`.

        `hard`: seeds of drawn empty pictures; every other sample without a face is one of these.
        """
        self._data = data
        self._detail = detail
        self._size = size * detail
        self._mosaic = mosaic
        self._paste = paste
        self._close = close if data.tight else 0.0
        self._nothing = nothing
        self._hard = tuple(hard)
        self._zoom = zoom
        self._spoil_share = spoil_share
        weights = np.array([scene_weight(scene, rare) for scene in data.scenes])
        self._chances = np.cumsum(weights / weights.sum())
        self._faces = FaceBank(data)

    def sample(self, rng: Random) -> tuple[Pixels, Boxes]:
        """One picture with its boxes."""
        pixels, boxes = self._compose(rng)
        return spoil(pixels, rng, self._spoil_share), boxes

    def pair(self, rng: Random) -> tuple[Pixels, Boxes, Pixels]:
        """One picture with its boxes, and the same `detail` times as large, before a camera spoiled it."""
        large, boxes = self._compose(rng)
        side = self._size // self._detail
        small = np.asarray(cv2.resize(large, (side, side), interpolation=cv2.INTER_AREA), np.uint8)
        boxes[:, 1:] /= self._detail
        return spoil(small, rng, self._spoil_share), boxes, large

    def _compose(self, rng: Random) -> tuple[Pixels, Boxes]:
        if rng.random() < self._nothing:
            return barred(self._no_face(rng), rng), empty_boxes()
        if rng.random() < self._close:
            return self._close_up(rng)
        if rng.random() < self._mosaic:
            pixels, boxes = self._four(rng)
        else:
            pixels, boxes = self._place(self._size, rng)
        if rng.random() < self._paste:
            boxes = self._faces.paste(pixels, boxes, rng, self._detail)
        return pixels, boxes

    def _close_up(self, rng: Random) -> tuple[Pixels, Boxes]:
        """One face that nearly fills the picture, as of a visitor who comes very close; around it is little else."""
        pixels = drawn(self._size, rng) if rng.random() < 0.5 else out_of_focus(self._place(self._size, rng)[0])
        return pixels, self._faces.close_up(pixels, rng)

    def _no_face(self, rng: Random) -> Pixels:
        """An empty picture, a part of a scene without a face, a scene in pieces, or far out of focus."""
        if self._hard and rng.random() < 0.5:
            return turned(drawn(self._size, np.random.default_rng(int(rng.choice(self._hard)))), rng)
        kind, found = rng.random(), None
        if kind < 0.25:
            found = window(self._pick(rng), self._size, rng)
        elif kind < 0.5:
            pixels, boxes = self._place(self._size, rng)
            if kind < 0.32:
                found = out_of_focus(pixels)
            elif side := piece(boxes, self._size, rng):
                found = jigsaw(pixels, side, rng)
        return drawn(self._size, rng) if found is None else found

    def plain(self, count: int, seed: int) -> list[Pixels]:
        """So many samples without their boxes."""
        rng = np.random.default_rng(seed)
        return [self.sample(rng)[0] for _ in range(count)]

    def _place(self, size: int, rng: Random, largest: float | None = None) -> tuple[Pixels, Boxes]:
        largest = largest or largest_face(size, rng)
        return place(self._pick(rng), size, rng, largest, self._zoom, self._detail)

    def _pick(self, rng: Random) -> Picture:
        return self._data.scenes[int(np.searchsorted(self._chances, rng.random()).clip(0, len(self._chances) - 1))]

    def _four(self, rng: Random) -> tuple[Pixels, Boxes]:
        size = self._size
        mx, my = (int(v) for v in rng.uniform(0.35, 0.65, 2) * size)
        pixels = np.full((size, size, 3), FILL, np.uint8)
        found = []
        for x1, y1, x2, y2 in ((0, 0, mx, my), (mx, 0, size, my), (0, my, mx, size), (mx, my, size, size)):
            side = max(x2 - x1, y2 - y1)
            tile, boxes = self._place(side, rng, side * 0.6)
            pixels[y1:y2, x1:x2] = tile[: y2 - y1, : x2 - x1]
            boxes = clip_boxes(boxes, 0, 0, x2 - x1, y2 - y1)
            found.append(boxes + np.array([0, x1, y1, x1, y1], np.float32))
        return pixels, np.concatenate(found)


def scene_weight(scene: Picture, rare: float = 1.0) -> float:
    """How often a scene is drawn: bare and badly covered faces are rarer than masks, so their scenes come more often.

    The bonus for `incorrect` stays small: three times as often made close faces look badly covered at the gate.
    """
    labels = scene.boxes[:, 0]
    return scene.share * (1.0 + rare * (0.8 * bool((labels == 2).any()) + 0.7 * bool((labels == 1).any())))


def largest_face(size: int, rng: Random) -> float:
    """The upper end of the zoom for one sample: now and then a face fills most of the picture, as at a gate."""
    return size * (0.9 if rng.random() < 0.25 else 0.6)


def place(picture: Picture, size: int, rng: Random, largest: float, zoom: float = 0.6,
          detail: int = 1) -> tuple[Pixels, Boxes]:  # fmt: skip
    """A crop of the scaled scene: zoomed to some face (log-uniform in size), or the whole, nearly letterboxed."""
    height, width = picture.pixels.shape[:2]
    fit = size / max(height, width)
    flip = bool(rng.random() < 0.5)
    if len(picture.boxes) and rng.random() < zoom:
        scale, x, y = _at_a_face(picture, size, rng, largest, flip=flip, detail=detail)
    else:
        scale = fit * np.exp(rng.uniform(np.log(0.7), np.log(1.8)))
        x = rng.uniform(min(0, width * scale - size), max(0, width * scale - size))
        y = rng.uniform(min(0, height * scale - size), max(0, height * scale - size))
    stretch = float(np.exp(rng.uniform(-0.1, 0.1)))
    turn = rng.uniform(-MOST_TURN, MOST_TURN) if rng.random() < 0.3 else 0.0
    pixels, boxes = warp(picture, size, scale, x, y, flip=flip, stretch=stretch, turn=turn)
    return pixels, clip_boxes(boxes, 0, 0, size, size)


def _at_a_face(picture: Picture, size: int, rng: Random, largest: float, *, flip: bool,
               detail: int) -> tuple[float, float, float]:  # fmt: skip
    height, width = picture.pixels.shape[:2]
    _, x1, y1, x2, y2 = picture.boxes[int(rng.integers(len(picture.boxes)))]
    wanted = np.exp(rng.uniform(np.log(SMALLEST_FACE * detail), np.log(largest)))
    scale = float(np.clip(wanted / max(x2 - x1, y2 - y1), 0.65 * size / max(height, width), 4.0 * detail))
    cx, cy = (x1 + x2) / 2 * scale, (y1 + y2) / 2 * scale
    if flip:
        cx = width * scale - cx
    x, y = cx - rng.uniform(0.2, 0.8) * size, cy - rng.uniform(0.2, 0.8) * size
    if width * scale > size:
        x = np.clip(x, 0, width * scale - size)
    if height * scale > size:
        y = np.clip(y, 0, height * scale - size)
    return scale, float(x), float(y)


def warp(picture: Picture, size: int, scale: float, x: float, y: float, *, flip: bool,
         stretch: float, turn: float = 0.0) -> tuple[Pixels, Boxes]:  # fmt: skip
    """The window of `size` at (x, y) of the scaled scene, turned by `turn` radians about its middle.

    Boxes follow and are not cut; a turned one holds the ellipse that it held before, as a face is no rectangle.
    """
    source, boxes = picture.pixels, picture.boxes.copy()
    height, width = source.shape[:2]
    across = scale * stretch
    move = np.array([[-across, 0, across * width - x] if flip else [across, 0, -x], [0, scale, -y]], np.float64)
    if turn:
        cos, sin, middle = np.cos(turn), np.sin(turn), size / 2
        about = np.array([[cos, -sin, middle - cos * middle + sin * middle],
                          [sin, cos, middle - sin * middle - cos * middle]])  # fmt: skip
        move = about[:, :2] @ move + np.array([[0, 0, about[0, 2]], [0, 0, about[1, 2]]])
    centre = (boxes[:, 1:3] + boxes[:, 3:]) / 2 @ move[:, :2].T + move[:, 2]
    half = np.sqrt(((boxes[:, 3:] - boxes[:, 1:3]) / 2) ** 2 @ (move[:, :2] ** 2).T)
    boxes[:, 1:] = np.concatenate((centre - half, centre + half), 1)
    if scale < 0.75:  # shrink by area first: a plain warp would alias
        source = cv2.resize(source, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        move[:, :2] /= np.array([source.shape[1] / width, source.shape[0] / height])
    # The matrix is about edges of pixels, as boxes are; OpenCV's is about their middles, half a pixel further.
    move[:, 2] += 0.5 * move[:, :2].sum(1) - 0.5
    way = cv2.INTER_LINEAR
    pixels = cv2.warpAffine(source, move, (size, size), flags=way, borderValue=(FILL, FILL, FILL))
    return np.asarray(pixels, np.uint8), boxes
