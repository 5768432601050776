"""The network on whole pictures, as the device runs it: letterbox, scores, suppression."""

from collections.abc import Iterable, Sequence

import numpy as np
import torch
from torch import Tensor

from edge_mask.detect.arrays import Candidates
from edge_mask.detect.nms import Suppression, suppress
from training.geometry import letterbox
from training.metrics import Found
from training.network import MaskNet, decode
from training.pictures import Pixels

LOWEST_SCORE = 0.02
SUPPRESSION = Suppression(
    iou=0.5, class_agnostic=False, most=200, vote=0.55, support=0.5, floor=0.3, decay=0.3, share=0.6
)
"""What the device does with overlapping boxes; `training.ablate` says what each part is worth."""


def to_input(pixels: np.ndarray | Tensor, device: torch.device | str = "cpu") -> Tensor:
    """A batch of pictures (n × S × S × 3, bytes) as the network takes it, on the device where that is."""
    batch = torch.as_tensor(pixels).to(device).permute(0, 3, 1, 2).float()
    return ((batch - 127) / 128).contiguous(memory_format=torch.channels_last)


def settle(corners: np.ndarray, scores: np.ndarray, scale: float, rules: Suppression = SUPPRESSION) -> Found:
    """Scores of points × labels to suppressed detections in pixels of the picture."""
    point, label = np.nonzero(scores > LOWEST_SCORE)
    boxes = np.asarray(corners[point] / scale, np.float32)
    left = suppress(Candidates(boxes, np.asarray(scores[point, label], np.float32), label), rules).arrays()
    return Found(left.boxes, left.scores, left.labels)


@torch.no_grad()
def predict(network: MaskNet, pictures: Iterable[Pixels], size: int) -> list[Found]:
    """Detections for every picture."""
    result, device = [], next(network.parameters()).device
    for pixels in pictures:
        square, scale = letterbox(pixels, size)
        logits, corners, _ = decode(network(to_input(square[None], device)))
        result.append(settle(corners[0].cpu().numpy(), logits[0].sigmoid().cpu().numpy(), scale))
    return result


def shapes_of(pictures: Sequence[Pixels]) -> list[tuple[int, int]]:
    """Height and width of every picture."""
    return [(p.shape[0], p.shape[1]) for p in pictures]
