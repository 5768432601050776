"""Somebody to put before a camera: the package's golden portraits, cut out, with a mask and without."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import cv2
import numpy as np

from edge_mask.messages import Image

GOLDEN = Path(__file__).parents[2] / "models" / "mask-detector" / "golden"
FACE = (166.0, 124.0)
"""The middle of the face in both portraits."""
FACE_HEIGHT = 98.0
"""From the brow to the chin, in pixels of the portraits."""
MILLIMETRES = 190.0
"""The same of a grown person."""


@dataclass(frozen=True, slots=True)
class Actor:
    """One person; the three pictures lie exactly upon each other."""

    bare: Image
    masked: Image
    turned: Image
    """The head from behind: hair where the face was."""
    alpha: Image
    """How much of each pixel is the person, 0..255."""


@cache
def golden_actor() -> Actor:
    """The person of the golden portraits."""
    bare, masked = (_read(GOLDEN / name) for name in ("portrait.jpg", "portrait-mask.jpg"))
    return Actor(bare, masked, _from_behind(bare), _cut_out(bare))


def _read(path: Path) -> Image:
    picture = cv2.imread(str(path), cv2.IMREAD_COLOR)
    assert picture is not None, path
    return np.asarray(picture, np.uint8)


def _cut_out(portrait: Image) -> Image:
    marks = np.full(portrait.shape[:2], cv2.GC_BGD, np.uint8)
    cv2.ellipse(marks, (166, 105), (80, 98), 0, 0, 360, cv2.GC_PR_FGD, -1)
    cv2.rectangle(marks, (10, 185), (295, 329), cv2.GC_PR_FGD, -1)
    cv2.ellipse(marks, (166, 110), (50, 75), 0, 0, 360, cv2.GC_FGD, -1)
    cv2.rectangle(marks, (70, 230), (250, 329), cv2.GC_FGD, -1)
    cv2.grabCut(portrait, marks, None, np.zeros((1, 65)), np.zeros((1, 65)), 3, cv2.GC_INIT_WITH_MASK)
    person = np.isin(marks, (cv2.GC_FGD, cv2.GC_PR_FGD)).astype(np.uint8) * 255
    return np.asarray(cv2.GaussianBlur(cv2.erode(person, np.ones((3, 3))), (0, 0), 1.0), np.uint8)


def _from_behind(portrait: Image) -> Image:
    """Hair over the face, down to the collar."""
    found = portrait.copy()
    hair = cv2.GaussianBlur(portrait[24:64, 115:220], (0, 0), 2)
    shape = np.zeros(portrait.shape[:2], np.uint8)
    cv2.ellipse(shape, (166, 118), (66, 90), 0, 0, 360, 255, -1)
    soft = cv2.GaussianBlur(shape, (0, 0), 4)[..., None] / 255.0
    cover = cv2.resize(hair[:, 30:60], (portrait.shape[1], portrait.shape[0]))
    found[:] = (found * (1 - soft) + cover * soft).astype(np.uint8)
    return found
