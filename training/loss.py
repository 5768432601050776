"""Which point answers for which face (task-aligned), and what a wrong answer costs."""

import torch
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


@torch.no_grad()
def assign(logits: Tensor, corners: Tensor, points: Tensor, faces: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """For one picture: indices of the answering points, their target score, label and box.

    A point can answer for a face that it lies in and whose size suits its stride; of those the best by
    score^½ · IoU⁴ answer. The target of the best is 1 from an overlap of `WELL_PLACED` on and falls with less;
    those of the others are in proportion to their fit.
    """
    label, wanted = faces[:, 0].long(), faces[:, 1:]
    centre, sides = (wanted[:, :2] + wanted[:, 2:]) / 2, wanted[:, 2:] - wanted[:, :2]
    longest, stride = sides.max(1).values[:, None], points[None, :, 2]
    reach = torch.maximum(sides[:, None] / 2, 0.9 * stride[..., None])
    suits = (longest < stride * 14) & ((longest > stride) | (stride == points[:, 2].min()))
    distance = (points[None, :, :2] - centre[:, None]).abs()
    possible = (distance < reach).all(-1) & suits
    near = possible.any(0).nonzero()[:, 0]  # few points matter: the rest of the work is on these
    possible, distance = possible[:, near], distance[:, near]
    iou, _ = overlap(corners[near][None], wanted[:, None])
    score = logits[near].sigmoid()[:, label].T
    fit = score.sqrt() * iou.clamp(min=1e-3).pow(4) + 1e-9 / (1 + distance.sum(-1))
    fit = torch.where(possible, fit, torch.zeros_like(fit))
    value, index = fit.topk(min(POINTS_PER_FACE, fit.shape[1]), 1)
    chosen = torch.zeros_like(possible).scatter_(1, index, value > 0)
    best = torch.where(chosen, iou, torch.full_like(iou, -1.0)).argmax(0)
    chosen &= F.one_hot(best, len(faces)).T.bool()
    fit = fit * chosen
    best_iou = (iou * chosen).max(1, keepdim=True).values
    top = ((best_iou - BADLY_PLACED) / (WELL_PLACED - BADLY_PLACED)).clamp(0.15, 1.0)
    target = (fit / (fit.max(1, keepdim=True).values + 1e-12) * top).max(0).values
    answering = chosen.any(0).nonzero()[:, 0]
    who = best[answering]
    return near[answering], target[answering], label[who], wanted[who]


def losses(logits: Tensor, corners: Tensor, points: Tensor, faces: list[Tensor]) -> tuple[Tensor, Tensor]:
    """Score loss (varifocal) and box loss (generalised IoU) of a batch."""
    target = torch.zeros_like(logits)
    picked, aims, weights = [], [], []
    still_logits, still_corners = logits.detach(), corners.detach()
    for k, boxes in enumerate(faces):
        if not len(boxes):
            continue
        index, score, label, box = assign(still_logits[k], still_corners[k], points, boxes)
        target[k, index, label] = score
        picked.append(corners[k, index])
        aims.append(box)
        weights.append(score)
    total = target.sum().clamp(min=1.0)
    probability = still_logits.sigmoid()
    cost = torch.where(target > 0, target * 1.5 * target.new_tensor(LABEL_COST), 0.75 * probability.square())
    score_loss = (F.binary_cross_entropy_with_logits(logits, target, reduction="none") * cost).sum() / total
    if not picked:
        return score_loss, corners.sum() * 0
    _, giou = overlap(torch.cat(picked), torch.cat(aims))
    return score_loss, 2.0 * ((1 - giou) * torch.cat(weights)).sum() / total
