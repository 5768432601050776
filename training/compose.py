"""Training samples: crops of scenes at any scale, mosaics of four, faces pasted in. Plain numpy and OpenCV."""

import cv2
import numpy as np

from training.augment import Random, spoil
from training.geometry import FILL, clip_boxes
from training.pictures import Boxes, DataSet, Picture, Pixels, Single

# How much of a tight crop lies above the face's box: boxes of masked faces in the scenes start lower, near the brows.
TIGHT_ABOVE = (0.2, 0.03)
SMALLEST_FACE = 7.0  # pixels of the longest side that a zoomed crop aims at


class Composer:
    """Draws training samples of `size` × `size` pixels from a data set; the same generator gives the same samples."""

    def __init__(self, data: DataSet, size: int, *, mosaic: float = 0.35, paste: float = 0.35,
                 zoom: float = 0.6, spoil_share: float = 1.0) -> None:  # fmt: skip
        self._data = data
        self._size = size
        self._mosaic = mosaic
        self._paste = paste
        self._zoom = zoom
        self._spoil_share = spoil_share
        weights = np.array([scene_weight(scene) for scene in data.scenes])
        self._chances = np.cumsum(weights / weights.sum())
        self._tight = [[s for s in data.tight if s.label == label and looks_tight(s)] for label in range(3)]

    def sample(self, rng: Random) -> tuple[Pixels, Boxes]:
        """One picture with its boxes."""
        if rng.random() < self._mosaic:
            pixels, boxes = self._four(rng)
        else:
            pixels, boxes = place(self._pick(rng), self._size, rng, largest_face(self._size, rng), self._zoom)
        if rng.random() < self._paste:
            boxes = self._paste_faces(pixels, boxes, rng)
        return spoil(pixels, rng, self._spoil_share), boxes

    def _pick(self, rng: Random) -> Picture:
        return self._data.scenes[int(np.searchsorted(self._chances, rng.random()).clip(0, len(self._chances) - 1))]

    def _four(self, rng: Random) -> tuple[Pixels, Boxes]:
        size = self._size
        mx, my = (int(v) for v in rng.uniform(0.35, 0.65, 2) * size)
        pixels = np.full((size, size, 3), FILL, np.uint8)
        found = []
        for x1, y1, x2, y2 in ((0, 0, mx, my), (mx, 0, size, my), (0, my, mx, size), (mx, my, size, size)):
            side = max(x2 - x1, y2 - y1)
            tile, boxes = place(self._pick(rng), side, rng, side * 0.6, self._zoom)
            pixels[y1:y2, x1:x2] = tile[: y2 - y1, : x2 - x1]
            boxes = clip_boxes(boxes, 0, 0, x2 - x1, y2 - y1)
            found.append(boxes + np.array([0, x1, y1, x1, y1], np.float32))
        return pixels, np.concatenate(found)

    def _paste_faces(self, pixels: Pixels, boxes: Boxes, rng: Random) -> Boxes:
        """Put one to three tight faces where no face is; changes `pixels`."""
        for _ in range(int(rng.integers(1, 4))):
            bank = self._tight[int(rng.random() < 0.5)]
            if not bank:
                return boxes
            face = bank[int(rng.integers(len(bank)))].pixels
            long = np.exp(rng.uniform(np.log(12), np.log(0.55 * self._size)))
            spot = free_spot(face, long, boxes, self._size, rng)
            if spot is not None:
                label = 0 if bank is self._tight[0] else 1
                boxes = np.concatenate((boxes, blend(pixels, face, spot, label, flip=rng.random() < 0.5)))
        return boxes


def scene_weight(scene: Picture) -> float:
    """How often a scene is drawn: bare and badly covered faces are rarer than masks, so their scenes come more often.

    The bonus for `incorrect` stays small: three times as often made close faces look badly covered at the gate.
    """
    labels = scene.boxes[:, 0]
    return scene.share * (1.0 + 0.8 * bool((labels == 2).any()) + 0.7 * bool((labels == 1).any()))


def looks_tight(single: Single) -> bool:
    """Whether a single is a crop at the edge of its face: upright and not much larger than a face crop is."""
    height, width = single.pixels.shape[:2]
    return 0.6 < width / height < 1.2 and max(height, width) < 240 and (height, width) != (100, 100)


def largest_face(size: int, rng: Random) -> float:
    """The upper end of the zoom for one sample: now and then a face fills most of the picture, as at a gate."""
    return size * (0.9 if rng.random() < 0.25 else 0.6)


def place(picture: Picture, size: int, rng: Random, largest: float, zoom: float = 0.6) -> tuple[Pixels, Boxes]:
    """A crop of the scaled scene: zoomed to some face (log-uniform in size), or the whole, nearly letterboxed."""
    height, width = picture.pixels.shape[:2]
    fit = size / max(height, width)
    flip = bool(rng.random() < 0.5)
    if len(picture.boxes) and rng.random() < zoom:
        scale, x, y = _at_a_face(picture, size, rng, largest, flip=flip)
    else:
        scale = fit * np.exp(rng.uniform(np.log(0.7), np.log(1.8)))
        x = rng.uniform(min(0, width * scale - size), max(0, width * scale - size))
        y = rng.uniform(min(0, height * scale - size), max(0, height * scale - size))
    stretch = float(np.exp(rng.uniform(-0.1, 0.1)))
    pixels, boxes = warp(picture, size, scale, x, y, flip=flip, stretch=stretch)
    return pixels, clip_boxes(boxes, 0, 0, size, size)


def _at_a_face(picture: Picture, size: int, rng: Random, largest: float, *, flip: bool) -> tuple[float, float, float]:
    height, width = picture.pixels.shape[:2]
    _, x1, y1, x2, y2 = picture.boxes[int(rng.integers(len(picture.boxes)))]
    wanted = np.exp(rng.uniform(np.log(SMALLEST_FACE), np.log(largest)))
    scale = float(np.clip(wanted / max(x2 - x1, y2 - y1), 0.65 * size / max(height, width), 4.0))
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
         stretch: float) -> tuple[Pixels, Boxes]:  # fmt: skip
    """The window of `size` at (x, y) of the scaled scene; boxes follow and are not cut."""
    source, boxes = picture.pixels, picture.boxes.copy()
    width = source.shape[1]
    sign = -1.0 if flip else 1.0
    move = np.array(
        [[sign * scale * stretch, 0, (width * scale * stretch if flip else 0) - x], [0, scale, -y]], np.float64
    )
    boxes[:, [1, 3]] = np.sort(boxes[:, [1, 3]] * move[0, 0] + move[0, 2], axis=1)
    boxes[:, [2, 4]] = boxes[:, [2, 4]] * move[1, 1] + move[1, 2]
    if scale < 0.75:  # shrink by area first: a plain warp would alias
        source = cv2.resize(source, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        move[:, :2] /= np.array([source.shape[1] / width, source.shape[0] / picture.pixels.shape[0]])
    way = cv2.INTER_LINEAR
    pixels = cv2.warpAffine(source, move, (size, size), flags=way, borderValue=(FILL, FILL, FILL))
    return np.asarray(pixels, np.uint8), boxes


def free_spot(face: Pixels, long: float, boxes: Boxes, size: int, rng: Random) -> tuple[int, int, int, int] | None:
    """Where a face of that size covers no other face: left, top, width, height; None when five tries fail."""
    factor = long / max(face.shape[:2])
    width, height = max(4, round(face.shape[1] * factor)), max(4, round(face.shape[0] * factor))
    for _ in range(5):
        left, top = int(rng.integers(0, size - width)), int(rng.integers(0, size - height))
        common_x = np.minimum(left + width, boxes[:, 3]) - np.maximum(left, boxes[:, 1])
        common_y = np.minimum(top + height, boxes[:, 4]) - np.maximum(top, boxes[:, 2])
        if not ((common_x > 0) & (common_y > 0)).any():
            return left, top, width, height
    return None


def blend(pixels: Pixels, face: Pixels, spot: tuple[int, int, int, int], label: int, *, flip: bool) -> Boxes:
    """Draw the face with soft edges into `pixels`; returns its box."""
    left, top, width, height = spot
    way = cv2.INTER_AREA if width < face.shape[1] else cv2.INTER_LINEAR
    small = cv2.resize(face[:, ::-1] if flip else face, (width, height), interpolation=way).astype(np.float32)
    ramp_x = np.minimum(np.arange(width) + 0.5, width - np.arange(width) - 0.5) / (0.08 * width)
    ramp_y = np.minimum(np.arange(height) + 0.5, height - np.arange(height) - 0.5) / (0.08 * height)
    alpha = np.minimum(np.minimum.outer(ramp_y, ramp_x), 1.0).astype(np.float32)[..., None]
    under = pixels[top : top + height, left : left + width]
    under[:] = (small * alpha + under * (1 - alpha)).astype(np.uint8)
    above = TIGHT_ABOVE[label] * height
    right, bottom = left + width * 0.97, top + height * 0.98
    return np.array([[label, left + 0.03 * width, top + above, right, bottom]], np.float32)
