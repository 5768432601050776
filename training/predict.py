"""The network on whole pictures, as the device runs it: letterbox, scores, suppression."""

from collections.abc import Iterable, Sequence

import numpy as np
import torch
from torch import Tensor

from training.geometry import letterbox, nms, vote
from training.metrics import Found
from training.network import MaskNet, decode
from training.pictures import Pixels

LOWEST_SCORE = 0.02


def to_input(pixels: np.ndarray) -> Tensor:
    """A batch of pictures (n × S × S × 3, bytes) as the network takes it."""
    batch = torch.from_numpy(pixels).permute(0, 3, 1, 2).float()
    return ((batch - 127) / 128).contiguous(memory_format=torch.channels_last)


def settle(corners: np.ndarray, scores: np.ndarray, scale: float, *, agnostic: bool = False) -> Found:
    """Scores of points × labels to suppressed detections in pixels of the picture."""
    point, label = np.nonzero(scores > LOWEST_SCORE)
    boxes, values = corners[point] / np.float32(scale), scores[point, label]
    keep = nms(boxes, values, label, agnostic=agnostic)
    return Found(vote(boxes, values, label, keep), values[keep], label[keep])


@torch.no_grad()
def predict(network: MaskNet, pictures: Iterable[Pixels], size: int, *, agnostic: bool = False) -> list[Found]:
    """Detections for every picture."""
    result = []
    for pixels in pictures:
        square, scale = letterbox(pixels, size)
        logits, corners, _ = decode(network(to_input(square[None])))
        result.append(settle(corners[0].numpy(), logits[0].sigmoid().numpy(), scale, agnostic=agnostic))
    return result


def shapes_of(pictures: Sequence[Pixels]) -> list[tuple[int, int]]:
    """Height and width of every picture."""
    return [(p.shape[0], p.shape[1]) for p in pictures]
