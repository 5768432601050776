"""Learning from trained networks: what they say of the clean sample is a target beside the labels.

    sample, `detail` times as large, and its mirror image ─▶ teachers ─▶ scores and boxes
             └─ made small, spoiled by a camera ─▶ network ─▶ scores and boxes

Twice as large, a face at stride 8 is at stride 4 of the smaller picture, so each point has its counterpart but those of
the coarsest stride. The labels miss far faces and people disagree about boxes; a teacher who sees four times as many
pixels, or several who are asked together, do so less, and a larger network can hand on what it knows to a smaller one.
(Distillation: Hinton, Vinyals and Dean, "Distilling the knowledge in a neural network", 2015.)
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from training.loss import overlap
from training.network import STRIDES, MaskNet, decode
from training.predict import to_input

DETAIL = 2
"""How many times as wide and high the teachers' pictures are, if nothing else is said; 1 is the other choice."""
SHARE = 0.5
"""Of the loss; the other part is that of the labels."""
SURE = 0.3
"""Score from which on the teachers' boxes are a target."""

Lesson = tuple[Tensor, Tensor]
"""Scores (n × points × labels) and corners (n × points × 4, pixels of the smaller picture)."""


class Teachers:
    """Trained networks of this kind, who say the mean of what each of them says of a picture and of its mirror image.

    What a network says of the two differs by chance. On held-out pictures the mean was better than its word on the
    picture alone, by 2 points of mAP (docs/training.md).
    """

    def __init__(self, networks: Sequence[MaskNet], device: str = "cpu", detail: int = DETAIL) -> None:
        self._networks, self._device, self._detail = [n.eval().to(device) for n in networks], device, detail

    @torch.no_grad()
    def __call__(self, pixels: np.ndarray | Tensor, faces: Sequence[np.ndarray]) -> Lesson:
        """What to say of the pictures (n × S × S × 3, bytes) when they are `detail` times smaller.

        Where a picture has no `faces` there is nothing to be seen, whatever a teacher sees.
        """
        x, finest = to_input(pixels, self._device), self._detail - 1
        answers = [network(x) for network in self._networks]
        answers += [mirrored(network(x.flip(-1))) for network in self._networks]
        said = [decode(answer[2 * finest :], STRIDES[finest:])[:2] for answer in answers]
        scores = torch.stack([logits for logits, _ in said]).mean(0).sigmoid()
        scores[[len(boxes) == 0 for boxes in faces]] = 0
        return scores, torch.stack([corners for _, corners in said]).mean(0) / self._detail


def mirrored(outputs: list[Tensor]) -> list[Tensor]:
    """What a network says of a mirror image, as it would have to say it of the picture."""
    left_is_right = outputs[1].new_tensor([-1, 1, 1, 1])[:, None, None]
    return [said.flip(-1) * left_is_right if index % 2 else said.flip(-1) for index, said in enumerate(outputs)]


def distillation_loss(logits: Tensor, corners: Tensor, lesson: Lesson) -> Tensor:
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
