"""The network on whole pictures, as the device runs it: what it finds, how good that is, and what fools it."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from edge_mask.detect.arrays import Candidates
from edge_mask.detect.nms import Suppression, suppress
from training.augment import Random
from training.empty import drawn
from training.empty import held_out as empty_pictures
from training.geometry import letterbox
from training.metrics import Found, evaluate, false_alarms, gate, recall_by_size
from training.network import MaskNet, decode
from training.pictures import HeldOut, Pixels

LOWEST_SCORE = 0.02
GATE_THRESHOLD = 0.5
FOOLED = 0.2  # from this score on an empty picture fools the network; a face counts from far above
AT_ONCE = 32
LOWEST_SEED, HIGHEST_SEED = 2**32, 2**62
SUPPRESSION = Suppression(
    iou=0.5, class_agnostic=False, most=200, vote=0.55, support=0.5, floor=0.3, decay=0.3, share=0.6
)
"""What the device does with overlapping boxes; docs/lab says what each part is worth."""


def to_input(pixels: np.ndarray | Tensor, device: torch.device | str = "cpu") -> Tensor:
    """A batch of pictures (n × S × S × 3, bytes) as the network takes it, on the device where that is."""
    batch = torch.as_tensor(pixels).to(device).permute(0, 3, 1, 2).float()
    return ((batch - 127) / 128).contiguous(memory_format=torch.channels_last)


def postprocess(corners: np.ndarray, scores: np.ndarray, scale: float, rules: Suppression = SUPPRESSION) -> Found:
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
        result.append(postprocess(corners[0].cpu().numpy(), logits[0].sigmoid().cpu().numpy(), scale))
    return result


def shapes_of(pictures: Sequence[Pixels]) -> list[tuple[int, int]]:
    """Height and width of every picture."""
    return [(p.shape[0], p.shape[1]) for p in pictures]


def figures(network: MaskNet, held_out: HeldOut, size: int) -> dict[str, Any]:
    """mAP, recall by size, what is seen in empty pictures, and the gate, at one input size."""
    scenes = [p.pixels for p in held_out.scenes]
    truth = [p.boxes for p in held_out.scenes]
    found = predict(network, scenes, size)
    result: dict[str, Any] = {"size": size, **{k: round(v, 4) for k, v in evaluate(found, truth).items()}}
    sizes = recall_by_size(found, truth, shapes_of(scenes), GATE_THRESHOLD / 2)
    result["recall"] = {name: round(share, 3) for name, (share, _) in sizes.items()}
    result["empty"] = false_alarms(predict(network, empty_pictures(), size), GATE_THRESHOLD)
    if held_out.singles:
        frames = predict(network, [s.pixels for s in held_out.singles], size)
        result["gate"] = gate(frames, [s.label for s in held_out.singles], GATE_THRESHOLD)
    return result


@torch.no_grad()
def hard_negatives(network: MaskNet, size: int, count: int, rng: Random) -> list[int]:
    """Draw `count` empty pictures of that size; seeds of those (for `empty.drawn`) in which the network sees a face.

    Most empty pictures teach nothing any more after a while, so these are shown more often. (Hard negatives: Sung and
    Poggio, "Example-based learning for view-based human face detection", 1998.)
    """
    device, found = next(network.parameters()).device, []
    seeds = [int(seed) for seed in rng.integers(LOWEST_SEED, HIGHEST_SEED, count)]
    for start in range(0, count, AT_ONCE):
        some = seeds[start : start + AT_ONCE]
        pixels = np.stack([drawn(size, np.random.default_rng(seed)) for seed in some])
        logits, _, _ = decode(network(to_input(pixels, device)))
        highest = logits.sigmoid().amax((1, 2)).tolist()
        found += [seed for seed, score in zip(some, highest, strict=True) if score >= FOOLED]
    return found
