"""Boxes and letterboxing in plain numpy; nothing here needs torch."""

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_mask.geometry import iou
from training.annotations import Boxes
from training.pictures import Pixels

FILL = 114  # grey of the padding, in training, on the device and in the card

Corners = NDArray[np.float32]  # n × 4: x1, y1, x2, y2


def letterbox(pixels: Pixels, size: int) -> tuple[Pixels, float]:
    """Scale to fit a square of `size`, at the top left of grey; returns the scale from picture to square."""
    height, width = pixels.shape[:2]
    scale = size / max(height, width)
    new = (min(size, max(1, round(width * scale))), min(size, max(1, round(height * scale))))
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    square = np.full((size, size, 3), FILL, np.uint8)
    square[: new[1], : new[0]] = cv2.resize(pixels, new, interpolation=way)
    return square, scale


def clip_boxes(
    boxes: Boxes, x1: float, y1: float, x2: float, y2: float, keep: float = 0.5, shortest: float = 3
) -> Boxes:
    """Cut boxes at a window; one that loses more than 1 − `keep` of its area, or gets a side under `shortest`, goes."""
    cut = boxes.copy()
    cut[:, [1, 3]] = cut[:, [1, 3]].clip(x1, x2)
    cut[:, [2, 4]] = cut[:, [2, 4]].clip(y1, y2)
    before = (boxes[:, 3:] - boxes[:, 1:3]).prod(1)
    sides = cut[:, 3:] - cut[:, 1:3]
    kept: Boxes = cut[(sides.prod(1) > keep * before) & (sides.min(1, initial=np.inf) > shortest)]
    return kept


def nms(boxes: Corners, scores: NDArray[np.float32], labels: NDArray[np.int64], limit: float = 0.5,
        most: int = 200) -> NDArray[np.int64]:  # fmt: skip
    """Indices that survive greedy suppression label by label, best first."""
    order = np.argsort(-scores, kind="stable")[:1000]
    overlap = (iou(boxes[order], boxes[order]) > limit) & (labels[order][:, None] == labels[order][None])
    alive = np.ones(len(order), bool)
    kept: list[int] = []
    for i in range(len(order)):
        if alive[i] and len(kept) < most:
            kept.append(int(order[i]))
            alive &= ~overlap[i]
    return np.array(kept, np.int64)
