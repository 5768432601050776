"""Which point answers for which face (task-aligned), and what a wrong answer costs."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

POINTS_PER_FACE = 9
# Boxes of different people agree to about 0.75; asking for more would keep the scores of clear faces low.
BADLY_PLACED, WELL_PLACED = 0.15, 0.75
LABEL_COST = (1.0, 1.2, 1.4)  # mask, no_mask, incorrect


def overlap(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """IoU and generalised IoU of boxes that broadcast against each other."""
    size = (torch.minimum(a[..., 2:], b[..., 2:]) - torch.maximum(a[..., :2], b[..., :2])).clamp(min=0)
    hull = torch.maximum(a[..., 2:], b[..., 2:]) - torch.minimum(a[..., :2], b[..., :2])
    inter, around = size.prod(-1), hull.prod(-1) + 1e-6
    union = (a[..., 2:] - a[..., :2]).prod(-1) + (b[..., 2:] - b[..., :2]).prod(-1) - inter + 1e-6
    iou = inter / union
    return iou, iou - (around - union) / around


@dataclass(frozen=True, slots=True)
class Answers:
    """Which points answer for a face, one entry for each of them."""

    picture: Tensor  # index in the batch
    point: Tensor
    target: Tensor  # the score that is asked for
    label: Tensor
    box: Tensor  # n × 4: corners of the face


@torch.no_grad()
def assign(logits: Tensor, corners: Tensor, points: Tensor, picture: Tensor, faces: Tensor) -> Answers:
    """Which points of a batch answer for its faces (n × 5: label, corners), each of which is in the `picture` given.

    A point can answer for a face that it lies in and whose size suits its stride; of those the best by
    score^½ · IoU⁴ answer. The target of the best is 1 from an overlap of `WELL_PLACED` on and falls with less;
    those of the others are in proportion to their fit.
    """
    label, wanted = faces[:, 0].long(), faces[:, 1:]
    face, point, distance = possible(points, wanted)
    iou, _ = overlap(corners[picture[face], point], wanted[face])
    score = logits[picture[face], point, label[face]].sigmoid()
    fit = score.sqrt() * iou.clamp(min=1e-3).pow(4) + 1e-9 / (1 + distance)
    kept = best_of_each(face, fit, len(faces))
    face, point, iou, fit = face[kept], point[kept], iou[kept], fit[kept]
    kept = one_face_each(picture[face] * len(points) + point, iou)
    face, point, iou, fit = face[kept], point[kept], iou[kept], fit[kept]
    top = ((_highest(face, iou, len(faces)) - BADLY_PLACED) / (WELL_PLACED - BADLY_PLACED)).clamp(0.15, 1.0)
    target = fit / (_highest(face, fit, len(faces)) + 1e-12) * top
    return Answers(picture[face], point, target, label[face], wanted[face])


def possible(points: Tensor, wanted: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Pairs of a face and a point that may answer for it: few of all, so the work that follows is on these alone.

    Returns their indices, in the order of faces, and how far the point is from the middle of the face.
    """
    centre, sides = (wanted[:, :2] + wanted[:, 2:]) / 2, wanted[:, 2:] - wanted[:, :2]
    longest, stride = sides.max(1).values[:, None], points[None, :, 2]
    suits = (longest < stride * 14) & ((longest > stride) | (stride == points[:, 2].min()))
    for axis in range(2):
        reach = torch.maximum(sides[:, axis, None] / 2, 0.9 * stride)
        suits &= (points[None, :, axis] - centre[:, axis, None]).abs() < reach
    face, point = suits.nonzero(as_tuple=True)
    return face, point, (points[point, :2] - centre[face]).abs().sum(-1)


def best_of_each(face: Tensor, fit: Tensor, faces: int) -> Tensor:
    """Of pairs in the order of faces, those that are among the `POINTS_PER_FACE` best of their face."""
    order = fit.argsort(descending=True, stable=True)
    order = order[face[order].argsort(stable=True)]
    count = torch.bincount(face, minlength=faces)
    first = count.cumsum(0) - count
    rank = torch.arange(len(face), device=face.device) - first[face]
    return order[rank < POINTS_PER_FACE]


def one_face_each(point: Tensor, iou: Tensor) -> Tensor:
    """Of pairs, the one for each point (a number of its own in the batch) that overlaps most; of equals the first."""
    order = iou.argsort(descending=True, stable=True)
    order = order[point[order].argsort(stable=True)]
    sorted_points = point[order]
    first = torch.ones_like(sorted_points, dtype=torch.bool)
    first[1:] = sorted_points[1:] != sorted_points[:-1]
    return order[first].sort().values


def _highest(face: Tensor, value: Tensor, faces: int) -> Tensor:
    """For each pair, the highest value among the pairs of its face."""
    return value.new_zeros(faces).scatter_reduce_(0, face, value, "amax")[face]


def losses(
    logits: Tensor, corners: Tensor, points: Tensor, faces: Sequence[NDArray[np.float32]]
) -> tuple[Tensor, Tensor]:
    """Score loss (varifocal) and box loss (generalised IoU) of a batch, whose faces come picture by picture."""
    device = logits.device
    picture = torch.repeat_interleave(torch.tensor([len(boxes) for boxes in faces]))
    every = torch.from_numpy(np.concatenate(faces))
    found = assign(logits.detach(), corners.detach(), points, picture.to(device), every.to(device))
    target = torch.zeros_like(logits)
    target[found.picture, found.point, found.label] = found.target
    total = target.sum().clamp(min=1.0)
    probability = logits.detach().sigmoid()
    cost = torch.where(target > 0, target * 1.5 * target.new_tensor(LABEL_COST), 0.75 * probability.square())
    score_loss = (F.binary_cross_entropy_with_logits(logits, target, reduction="none") * cost).sum() / total
    _, giou = overlap(corners[found.picture, found.point], found.box)
    return score_loss, 2.0 * ((1 - giou) * found.target).sum() / total
