"""The golden pictures: a public-domain portrait, once as it is and once with a surgical mask drawn on it.

The portrait is NASA's of Eileen Collins, as scikit-image bundles it (`skimage.data.astronaut`). The drawing is
ours; its points belong to that portrait and to no other.
"""

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from training.pictures import Pixels

CROP = (0, 330, 60, 400)  # top, bottom, left, right in the 512 × 512 portrait
QUALITY = 92
FINER = 4  # the mask is drawn on a canvas so many times finer

# Outlines in pixels of the crop.
TOP_EDGE = ((122, 127), (135, 121), (150, 113), (163, 110), (177, 113), (194, 122), (209, 129))
BOTTOM_EDGE = ((204, 155), (197, 170), (183, 182), (164, 188), (146, 182), (134, 170), (126, 152))
STRAPS = (
    ((123, 129), (117, 124), (113, 116)), ((128, 160), (118, 145), (112, 126)),
    ((208, 131), (213, 127), (216, 121)), ((203, 160), (212, 148), (218, 131)),
)  # fmt: skip
CLOTH = np.array((160, 192, 210), np.float32)

Plane = NDArray[np.float32]


def portrait() -> Pixels:
    """The crop as it is."""
    from skimage.data import astronaut

    top, bottom, left, right = CROP
    return np.ascontiguousarray(astronaut()[top:bottom, left:right, :3])


def with_mask(face: Pixels) -> Pixels:
    """The crop with a pleated surgical mask: straps behind it, a soft shadow, light from the upper left."""
    picture = face.astype(np.float32)
    inside = _shape(face, np.array(TOP_EDGE + BOTTOM_EDGE))
    shadow = cv2.GaussianBlur(np.roll(inside, (2, 1), (0, 1)), (0, 0), 2.2) * (1 - inside)
    picture *= 1 - 0.30 * shadow[..., None]
    straps = np.zeros(face.shape[:2], np.float32)
    for strap in STRAPS:
        straps = np.maximum(straps, _stroke(face, _curve(np.array(strap)), 1.6))
    picture = _over(picture, np.full(3, 226.0, np.float32) * np.ones_like(picture), straps * (1 - inside))
    picture = _over(picture, _cloth(face), inside)
    return np.asarray(picture.clip(0, 255), np.uint8)


def write_golden(folder: Path) -> list[str]:
    """Write both pictures as JPEG; returns their names."""
    folder.mkdir(parents=True, exist_ok=True)
    plain = portrait()
    names = {"portrait.jpg": plain, "portrait-mask.jpg": with_mask(plain)}
    for name, pixels in names.items():
        bgr = cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR)
        cv2.imwrite(str(folder / name), bgr, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    return list(names)


def _cloth(face: Pixels) -> Plane:
    """The colour of the cloth everywhere: rounded over the face, three pleats, light hems, a trace of weave."""
    height, width = face.shape[:2]
    rows, columns = np.mgrid[0:height, 0:width].astype(np.float32)
    across = (columns - 160) / 46
    down = (rows - 148) / 40
    light = 1.06 - 0.32 * across.clip(-0.1, 2) ** 2 - 0.2 * across.clip(-2, 0.1) ** 2 - 0.12 * down.clip(0, 2) ** 2
    light += 0.10 * np.exp(-(((columns - 162) / 9) ** 2) - ((rows - 124) / 15) ** 2)  # over the nose
    for level, depth in ((132, 0.10), (146, 0.12), (160, 0.10)):
        fold = rows - (level + 5 * (1 - across**2) - 2)
        light -= depth * np.exp(-((fold / 1.5) ** 2)) - 0.05 * np.exp(-(((fold + 3) / 1.6) ** 2))
    weave = np.random.default_rng(3).normal(0, 0.012, (height, width)).astype(np.float32)
    colour = CLOTH * (light + cv2.GaussianBlur(weave, (0, 0), 0.7))[..., None]
    hems = np.maximum(
        _stroke(face, _curve(np.array(TOP_EDGE)) + np.array((0, 2)), 2.4),
        _stroke(face, _curve(np.array(BOTTOM_EDGE)) - np.array((0, 2)), 2.0),
    )
    return _over(colour.astype(np.float32), CLOTH * 1.12 * light[..., None].clip(0.7, 1.1), np.float32(0.6) * hems)


def _curve(points: NDArray[np.int64]) -> NDArray[np.float64]:
    """Points joined smoothly (Catmull-Rom), eight steps between each two."""
    padded = np.concatenate((2 * points[:1] - points[1:2], points, 2 * points[-1:] - points[-2:-1])).astype(float)
    t = np.linspace(0, 1, 8, endpoint=False)[:, None]
    pieces = []
    for a, b, c, d in zip(padded, padded[1:], padded[2:], padded[3:], strict=False):
        pieces.append(b + t / 2 * (c - a + t * (2 * a - 5 * b + 4 * c - d + t * (3 * (b - c) + d - a))))
    return np.concatenate((*pieces, points[-1:].astype(float)))


def _shape(face: Pixels, points: NDArray[np.int64]) -> Plane:
    """Coverage 0..1 of the closed smooth outline, with soft edges."""
    canvas = np.zeros((face.shape[0] * FINER, face.shape[1] * FINER), np.uint8)
    cv2.fillPoly(canvas, [np.round(_curve(np.concatenate((points, points[:1]))) * FINER).astype(np.int32)], 255)
    return _down(canvas, face)


def _stroke(face: Pixels, line: NDArray[np.float64], thickness: float) -> Plane:
    """Coverage 0..1 of a line so many pixels thick."""
    canvas = np.zeros((face.shape[0] * FINER, face.shape[1] * FINER), np.uint8)
    cv2.polylines(canvas, [np.round(line * FINER).astype(np.int32)], False, 255, round(thickness * FINER))
    return _down(canvas, face)


def _down(canvas: NDArray[np.uint8], face: Pixels) -> Plane:
    small = cv2.resize(canvas, (face.shape[1], face.shape[0]), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.GaussianBlur(small.astype(np.float32) / 255, (0, 0), 0.6), np.float32)


def _over(under: Plane, above: Plane, coverage: Plane) -> Plane:
    part = coverage[..., None]
    return np.asarray(above * part + under * (1 - part), np.float32)
