"""Make the demo's input: a short film of three visitors and the thermometer's readings beside it.

    python -m training.make_sample [FOLDER]

Needs scikit-image (for NASA's public-domain portrait of Eileen Collins, `skimage.data.astronaut`) and OpenCV.
The visitors are that portrait, cut out and walking up to a painted door; the masks are painted on.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

FPS = 10
WIDTH, HEIGHT = 640, 480
WALK = 4.6  # seconds one visitor is in the picture
GAP = 1.6  # seconds of an empty door between two visitors
DETAIL = 4  # the masks are painted at four times the portrait's size
FEVER, NORMAL = 38.7, (36.4, 36.6, 36.5, 36.7)

FACE = (224, 130)  # the middle of the face in the portrait
MASK = [(182, 121), (203, 117), (224, 109), (246, 117), (267, 122), (266, 148), (258, 165), (242, 181),
        (224, 185), (205, 181), (190, 167), (183, 150)]  # fmt: skip
STRAPS = [((183, 124), (175, 119)), ((184, 150), (177, 129)), ((266, 125), (272, 121)), ((265, 150), (271, 133))]


@dataclass(frozen=True)
class Visitor:
    """One pass through the door: which mask, how the suit is tinted, from which side."""

    mask: tuple[int, int, int] | None
    hue: int
    mirrored: bool
    begins: float


VISITORS = [
    Visitor(None, 0, False, 0.4),
    Visitor((222, 190, 150), 105, True, 0.4 + WALK + GAP),
    Visitor((235, 235, 232), 75, False, 0.4 + 2 * (WALK + GAP)),
]
SECONDS = 0.4 + 3 * (WALK + GAP)


def main() -> None:
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "src/edge_mask/demo/sample")
    folder.mkdir(parents=True, exist_ok=True)
    from skimage.data import astronaut

    portrait = plain(cv2.cvtColor(astronaut(), cv2.COLOR_RGB2BGR))
    film = folder / "visitors.mp4"
    writer = cv2.VideoWriter(str(film), cv2.VideoWriter.fourcc(*"mp4v"), FPS, (WIDTH, HEIGHT))
    outline = cutout(portrait)
    people = [(dressed(portrait, visitor), outline, visitor) for visitor in VISITORS]
    door = background()
    grain = np.random.default_rng(7)
    for number in range(round(SECONDS * FPS)):
        picture = door.copy()
        for person, alpha, visitor in people:
            walk(picture, person, alpha, visitor, number / FPS - visitor.begins)
        noise = grain.normal(0.0, 1.5, picture.shape)
        writer.write(np.clip(picture + noise, 0, 255).astype(np.uint8))
    writer.release()
    readings(folder / "forehead.csv")
    print(f"{film}: {film.stat().st_size / 1024:.0f} kB, {SECONDS:.1f} s")


def plain(portrait: np.ndarray) -> np.ndarray:
    """The portrait without the crew patch and the name tag: a visitor, not an astronaut with a name."""
    tags = np.zeros(portrait.shape[:2], np.uint8)
    cv2.ellipse(tags, (172, 385), (44, 44), 0, 0, 360, 255, -1)
    cv2.fillPoly(tags, [np.array([(272, 332), (332, 345), (332, 384), (272, 374)])], 255)
    return cv2.inpaint(portrait, tags, 5, cv2.INPAINT_TELEA)


def cutout(portrait: np.ndarray) -> np.ndarray:
    """How much of each pixel is the person, 0..1."""
    marks = np.full(portrait.shape[:2], cv2.GC_BGD, np.uint8)
    body = np.array([(150, 10), (305, 10), (305, 150), (320, 190), (365, 300), (370, 511), (15, 511), (30, 260),
                     (110, 190), (150, 120)])  # fmt: skip
    cv2.fillPoly(marks, [body], cv2.GC_PR_FGD)
    sure = np.array([(180, 40), (270, 40), (285, 90), (255, 175), (300, 260), (335, 345), (290, 511), (60, 511),
                     (80, 270), (150, 230), (190, 175), (165, 80)])  # fmt: skip
    cv2.fillPoly(marks, [sure], cv2.GC_FGD)
    cv2.grabCut(portrait, marks, None, np.zeros((1, 65)), np.zeros((1, 65)), 4, cv2.GC_INIT_WITH_MASK)
    person = np.isin(marks, (cv2.GC_FGD, cv2.GC_PR_FGD)).astype(np.uint8)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(person)
    person = (labels == 1 + np.argmax(stats[1:, cv2.CC_STAT_AREA])).astype(np.float32)
    return cv2.GaussianBlur(cv2.erode(person, np.ones((3, 3))), (0, 0), 1.0)


def dressed(portrait: np.ndarray, visitor: Visitor) -> np.ndarray:
    """The portrait with the suit in another colour, and with the mask."""
    hsv = cv2.cvtColor(portrait, cv2.COLOR_BGR2HSV)
    is_orange = (hsv[..., 0] < 15) & (hsv[..., 1] > 90) & (np.arange(portrait.shape[0])[:, None] > 195)
    suit = cv2.medianBlur(is_orange.astype(np.uint8), 5).astype(bool)
    hsv[..., 0] = np.where(suit, (hsv[..., 0].astype(int) + visitor.hue) % 180, hsv[..., 0]).astype(np.uint8)
    if visitor.hue:
        hsv[..., 1] = np.where(suit, hsv[..., 1] * 0.6, hsv[..., 1]).astype(np.uint8)
    picture = cv2.cvtColor(hsv, cv2.COLOR_HSV2BGR)
    return picture if visitor.mask is None else masked(picture, visitor.mask)


def masked(picture: np.ndarray, colour: tuple[int, int, int]) -> np.ndarray:
    """A pleated surgical mask over nose, mouth and chin, lit as the face below it is."""
    height, width = picture.shape[:2]
    large = (width * DETAIL, height * DETAIL)
    shape, lines, cords = (np.zeros((large[1], large[0]), np.float32) for _ in range(3))
    cv2.fillPoly(shape, [smooth(MASK)], 1.0)
    for row, depth in ((126, 9), (139, 11), (152, 12), (165, 12)):
        pleat = [(x, row + depth * (1 - ((x - 224) / 46) ** 2)) for x in range(178, 271, 4)]
        cv2.polylines(lines, [scaled(pleat)], False, 1.0, DETAIL // 2, cv2.LINE_AA)
    for start, end in STRAPS:
        cv2.polylines(cords, [scaled([start, end])], False, 1.0, DETAIL, cv2.LINE_AA)
    shape, lines, cords = (
        cv2.resize(cv2.GaussianBlur(layer, (0, 0), spread), (width, height), interpolation=cv2.INTER_AREA)[..., None]
        for layer, spread in ((shape, 3.0), (lines, 4.0), (cords, 1.5))
    )
    light = cv2.GaussianBlur(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY).astype(np.float32), (0, 0), 14)[..., None] / 185
    edge = cv2.GaussianBlur(shape, (0, 0), 4)[..., None]
    cloth = np.array(colour, np.float32) * np.clip(light, 0.6, 1.1) * (0.72 + 0.28 * edge) * (1 - 0.22 * lines)
    covered = picture * (1 - 0.75 * cords) + 225.0 * 0.75 * cords
    covered = covered * (1 - shape) + cloth * shape
    return np.clip(covered, 0, 255).astype(np.uint8)


def scaled(points: Sequence[tuple[float, float]]) -> np.ndarray:
    return np.array([(round(x * DETAIL), round(y * DETAIL)) for x, y in points], np.int32)


def smooth(points: Sequence[tuple[float, float]]) -> np.ndarray:
    """A closed curve through the points (Catmull-Rom)."""
    p = np.array(points, float)
    steps = np.linspace(0, 1, 12, endpoint=False)[:, None]
    curve = []
    for i in range(len(p)):
        a, b, c, d = (p[(i + k) % len(p)] for k in (-1, 0, 1, 2))
        curve.append(0.5 * (2 * b + (c - a) * steps + (2 * a - 5 * b + 4 * c - d) * steps**2
                            + (3 * b - a - 3 * c + d) * steps**3))  # fmt: skip
    return np.round(np.concatenate(curve) * DETAIL).astype(np.int32)


def background() -> np.ndarray:
    """A wall, a floor and a glass door."""
    rows = np.linspace(0, 1, HEIGHT)[:, None, None]
    wall = np.tile(np.array([176, 184, 190]) * (1.06 - 0.22 * rows), (1, WIDTH, 1))
    picture = wall.astype(np.uint8)
    cv2.rectangle(picture, (0, 400), (WIDTH, HEIGHT), (112, 122, 128), -1)
    cv2.rectangle(picture, (180, 60), (460, 400), (92, 98, 100), -1)
    for left in (192, 326):
        glass = np.tile(np.array([206, 200, 186]) * (1.1 - 0.3 * np.linspace(0, 1, 322)[:, None, None]), (1, 122, 1))
        picture[74:396, left : left + 122] = glass.astype(np.uint8)
    cv2.line(picture, (316, 230), (316, 280), (60, 60, 60), 4)
    cv2.line(picture, (324, 230), (324, 280), (60, 60, 60), 4)
    cv2.rectangle(picture, (520, 150), (600, 260), (225, 225, 222), -1)
    cv2.rectangle(picture, (520, 150), (600, 260), (120, 120, 120), 2)
    return cv2.GaussianBlur(picture, (0, 0), 1.2)


def walk(picture: np.ndarray, person: np.ndarray, alpha: np.ndarray, visitor: Visitor, at: float) -> None:
    """Put the person into the picture, `at` seconds after they came: in from the side, near, away on the other."""
    if not 0.0 <= at < WALK:
        return
    size = 0.75 + 0.55 * ease((at - 0.7) / 1.5)
    across = -0.25 + 0.75 * ease(at / 1.0) + 0.85 * ease((at - WALK + 0.9) / 0.9)
    if visitor.mirrored:
        across = 1.0 - across
    sway = 3.0 * np.sin(at * 7.0)
    x = across * WIDTH
    y = 200 + 30 * (size - 0.75) + sway
    centre = (person.shape[1] - FACE[0], FACE[1]) if visitor.mirrored else FACE
    if visitor.mirrored:
        person, alpha = person[:, ::-1], alpha[:, ::-1]
    place = np.array([[size, 0, x - size * centre[0]], [0, size, y - size * centre[1]]], np.float32)
    body = cv2.warpAffine(person, place, (WIDTH, HEIGHT), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    cover = cv2.warpAffine(alpha, place, (WIDTH, HEIGHT), flags=cv2.INTER_LINEAR)[..., None]
    picture[:] = np.clip(picture * (1 - cover) + body * cover, 0, 255).astype(np.uint8)


def ease(x: float) -> float:
    x = min(1.0, max(0.0, x))
    return x * x * (3 - 2 * x)


def readings(path: Path) -> None:
    """One reading a second; the last visitor has a fever from before the door to after it."""
    fever_begins = VISITORS[-1].begins - 1.5  # the daemon believes the middle of three readings
    rows = [
        f"{second},{FEVER if fever_begins <= second < SECONDS - 1.0 else NORMAL[second % len(NORMAL)]}"
        for second in range(round(SECONDS))
    ]
    path.write_text("\n".join(["seconds,value", *rows, ""]))


if __name__ == "__main__":
    main()
