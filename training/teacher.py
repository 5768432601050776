"""Learning from a trained network that sees more: its answer to a larger, clean picture is a target beside the labels.

    sample, twice as large ─▶ teacher ─▶ scores and boxes at strides 8, 16, 32
             └─ halved, spoiled by a camera ─▶ network ─▶ scores and boxes at strides 4, 8, 16

A face at stride 8 of the larger picture is at stride 4 of the smaller one, so each point has its counterpart. The
labels miss far faces and people disagree about boxes; the teacher, who sees four times as many pixels, does so less.
(Distillation: Hinton, Vinyals and Dean, "Distilling the knowledge in a neural network", 2015.)
"""

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from training.loss import overlap
from training.network import STRIDES, MaskNet, decode
from training.predict import to_input

DETAIL = 2
"""How many times as wide and high the teacher's pictures are."""
SHARE = 0.5
"""Of the loss; the other part is that of the labels."""
SURE = 0.3
"""Score from which on the teacher's boxes are a target."""

Lesson = tuple[Tensor, Tensor]
"""Scores (n × points × labels) and corners (n × points × 4, pixels of the smaller picture)."""


class Teacher:
    """A trained network of this kind."""

    def __init__(self, network: MaskNet, device: str = "cpu") -> None:
        self._network, self._device = network.eval().to(device), device

    @torch.no_grad()
    def __call__(self, pixels: np.ndarray | Tensor) -> Lesson:
        """What to say of the pictures (n × S × S × 3, bytes) when they are half as large."""
        outputs = self._network(to_input(pixels, self._device))[2:]
        logits, corners, _ = decode(outputs, STRIDES[1:])
        return logits.sigmoid(), corners / DETAIL


def lesson_loss(logits: Tensor, corners: Tensor, lesson: Lesson) -> Tensor:
    """How far the network is from the teacher, where either of them sees something; in the unit of the other losses."""
    scores, boxes = lesson
    points = scores.shape[1]  # those of the coarsest stride have no counterpart
    mine = logits[:, :points]
    weight = torch.maximum(scores, mine.detach().sigmoid())
    sure = scores.max(-1).values
    sure = torch.where(sure >= SURE, sure, torch.zeros_like(sure))
    total = sure.sum().clamp(min=1.0)
    score_loss = (F.binary_cross_entropy_with_logits(mine, scores, reduction="none") * weight).sum() / total
    _, giou = overlap(corners[:, :points], boxes)
    return score_loss + 2.0 * ((1 - giou) * sure).sum() / total
