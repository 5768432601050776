"""Pictures that show no face: a covered lens, a wall, a lost signal, patterns, pieces of scenes. numpy and OpenCV."""

import itertools
from collections.abc import Callable

import cv2
import numpy as np

from training.annotations import Boxes
from training.augment import Random
from training.geometry import FILL
from training.pictures import Picture, Pixels

BEYOND = 60  # how far colours are drawn beyond black and white, which then come often
BARRED = 0.3  # of empty samples, how many are as a wide or a tall picture is put before the network
FEW = 6  # pixels of a side in which no face can be told any more
TRIES = 12
PIECES = (0.15, 0.35)  # sides of the pieces of a jigsaw, as shares of the smallest face in it
SMALLEST_PIECE = 8
HELD_OUT_DRAWN, HELD_OUT_SEED = 66, 99


def one_colour(size: int, rng: Random) -> Pixels:
    """A covered or a blinded lens."""
    return np.full((size, size, 3), colour(rng), np.uint8)


def uneven(size: int, rng: Random) -> Pixels:
    """A wall in uneven light, or what is left of a room behind a cloth: a few colours that run into each other."""
    count = int(rng.integers(2, 4 if rng.random() < 0.5 else 9))
    few = np.array([[colour(rng) for _ in range(count)] for _ in range(count)])
    base, contrast = colour(rng), rng.uniform(0.1, 1.0)
    few = np.asarray((base + (few - base) * contrast).clip(0, 255), np.uint8)
    way = cv2.INTER_CUBIC if rng.random() < 0.5 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(few, (size, size), interpolation=way), np.uint8)


def static(size: int, rng: Random) -> Pixels:
    """A lost signal: every pixel for itself."""
    channels = 3 if rng.random() < 0.5 else 1
    return np.asarray((colour(rng) + rng.normal(0, rng.uniform(5, 120), (size, size, channels))).clip(0, 255), np.uint8)


def clouds(size: int, rng: Random) -> Pixels:
    """Noise of several scales, one upon the other: fabric, foliage, gravel, skin."""
    channels = 3 if rng.random() < 0.3 else 1
    found = np.zeros((size, size, channels))
    fall, count = rng.uniform(0.4, 1.1), int(rng.integers(2, 7))
    while count < size:
        few = rng.normal(0, 1, (count, count, channels)).astype(np.float32)
        way = cv2.INTER_CUBIC if rng.random() < 0.8 else cv2.INTER_NEAREST
        found += cv2.resize(few, (size, size), interpolation=way).reshape(found.shape) * count**-fall
        count *= int(rng.integers(2, 5))
    found *= rng.uniform(5, 70) / max(float(found.std()), 1e-6)
    return np.asarray((colour(rng) + found).clip(0, 255), np.uint8)


def shapes(size: int, rng: Random) -> Pixels:
    """Discs, boxes, lines and letters, few and large or many and small: coins, signs, tiles, stars, print."""
    found = (one_colour if rng.random() < 0.5 else uneven)(size, rng).copy()
    kinds = rng.permutation(4)[: int(rng.integers(1, 4))]
    largest = float(np.exp(rng.uniform(np.log(4), np.log(size * 0.6))))
    for _ in range(int(np.clip(rng.uniform(0.2, 3) * (size / largest) ** 2, 3, 300))):
        kind, drawn = int(rng.choice(kinds)), tuple(float(v) for v in colour(rng))
        x, y = (int(v) for v in rng.integers(0, size, 2))
        wide, high = (max(1, int(v)) for v in largest * rng.uniform(0.2, 1, 2) / 2)
        thick = -1 if rng.random() < 0.7 else int(rng.integers(1, 4))
        if kind == 0:
            cv2.ellipse(found, (x, y), (wide, high), float(rng.uniform(0, 180)), 0, 360, drawn, thick, cv2.LINE_AA)
        elif kind == 1:
            cv2.rectangle(found, (x - wide, y - high), (x + wide, y + high), drawn, thick)
        elif kind == 2:
            cv2.line(found, (x - wide, y - high), (x + wide, y + high), drawn, max(1, thick), cv2.LINE_AA)
        else:
            letter = chr(int(rng.integers(33, 127)))
            cv2.putText(found, letter, (x, y), int(rng.integers(0, 8)), high / 12, drawn, max(1, thick), cv2.LINE_AA)
    return found


DRAWN: tuple[tuple[Callable[[int, Random], Pixels], float], ...] = (
    (one_colour, 0.28), (uneven, 0.28), (static, 0.08), (clouds, 0.18), (shapes, 0.18)
)  # fmt: skip


def drawn(size: int, rng: Random) -> Pixels:
    """One of the kinds above, `size` × `size` pixels."""
    chances = np.array([share for _, share in DRAWN])
    make = DRAWN[int(rng.choice(len(DRAWN), p=chances / chances.sum()))][0]
    return make(size, rng)


def turned(pixels: Pixels, rng: Random) -> Pixels:
    """The square mirrored, on its side or on its head, with its colours changed about."""
    turned = np.rot90(pixels[:, :: int(rng.choice((-1, 1)))], int(rng.integers(4)))
    return np.ascontiguousarray(turned[..., rng.permutation(3)])


def held_out() -> list[Pixels]:
    """120 empty pictures, the same every time: 27 colours square and wide, and drawn ones that no sample is."""
    plain = [
        np.full((height, 320, 3), values, np.uint8)
        for values in itertools.product((0, 128, 255), repeat=3)
        for height in (320, 240)
    ]
    rng = np.random.default_rng(HELD_OUT_SEED)
    return plain + [drawn(320, rng) for _ in range(HELD_OUT_DRAWN)]


def out_of_focus(pixels: Pixels) -> Pixels:
    """That picture with too few pixels for the faces in it."""
    few = cv2.resize(pixels, (FEW, FEW), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(few, pixels.shape[1::-1], interpolation=cv2.INTER_LINEAR), np.uint8)


def window(picture: Picture, size: int, rng: Random) -> Pixels | None:
    """`size` × `size` pixels of the scene, scaled, without any of its faces; None when a dozen tries fail."""
    height, width = picture.pixels.shape[:2]
    for _ in range(TRIES):
        side = int(min(height, width) * np.exp(rng.uniform(np.log(0.12), np.log(0.9))))
        if side < 16:
            continue
        left, top = int(rng.integers(0, width - side + 1)), int(rng.integers(0, height - side + 1))
        common_x = np.minimum(left + side, picture.boxes[:, 3]) - np.maximum(left, picture.boxes[:, 1])
        common_y = np.minimum(top + side, picture.boxes[:, 4]) - np.maximum(top, picture.boxes[:, 2])
        if not ((common_x > 0) & (common_y > 0)).any():
            cut = picture.pixels[top : top + side, left : left + side]
            way = cv2.INTER_AREA if side > size else cv2.INTER_LINEAR
            cut = cv2.resize(cut, (size, size), interpolation=way)
            return np.ascontiguousarray(cut[:, ::-1] if rng.random() < 0.5 else cut, np.uint8)
    return None


def jigsaw(pixels: Pixels, side: int, rng: Random) -> Pixels:
    """The square in pieces of that side, mixed up."""
    size = len(pixels)
    count = -(-size // side)
    whole = np.pad(pixels, ((0, count * side - size), (0, count * side - size), (0, 0)), mode="reflect")
    pieces = whole.reshape(count, side, count, side, 3).swapaxes(1, 2).reshape(-1, side, side, 3)
    mixed = rng.permutation(pieces).reshape(count, count, side, side, 3).swapaxes(1, 2)
    return np.ascontiguousarray(mixed.reshape(count * side, count * side, 3)[:size, :size])


def piece(boxes: Boxes, size: int, rng: Random) -> int:
    """The side of pieces in which no face of that sample can be told; 0 where they would be tiny, or without a face."""
    if not len(boxes):
        return 0
    smallest = float((boxes[:, 3:] - boxes[:, 1:3]).max(1).min())
    side = int(rng.uniform(*PIECES) * min(smallest, size / 2))
    return side if side >= SMALLEST_PIECE else 0


def barred(pixels: Pixels, rng: Random) -> Pixels:
    """The same, now and then with grey below or at the right of it, where a letterbox has it."""
    if rng.random() < BARRED:
        start = round(len(pixels) * rng.uniform(0.4, 0.95))
        if rng.random() < 0.7:
            pixels[start:] = FILL
        else:
            pixels[:, start:] = FILL
    return pixels


def colour(rng: Random) -> np.ndarray:
    """A colour (3 values from 0 to 255), grey half of the time; black and white are frequent."""
    values = rng.uniform(-BEYOND, 255 + BEYOND, 3 if rng.random() < 0.5 else 1)
    return np.broadcast_to(values.clip(0, 255), 3)
