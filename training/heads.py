"""Small weights in the heads: `python -m training.heads RUN/best.pt --data DATA --out NEW/best.pt`.

The box layer of a head can end up with large weights that cancel each other. Float arithmetic can do that, int8
cannot. Here each such head learns to give the same answers with small weights: a least-squares fit of the box layer
first, then tower and box layer together, with noise where int8 will round. Nothing before the heads changes, and no
labels are used. (Noise for rounding: Fan et al., "Training with Quantization Noise for Extreme Model Compression",
2021.)
"""

import argparse
import copy
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from training.annotations import BadData
from training.compose import Composer
from training.network import Head, MaskNet
from training.pictures import Pixels, load_training
from training.predict import to_input
from training.weights import read_network, shown_by, write_weights

AT_ONCE = 8  # pictures
RIDGE = 1e-2  # relative to the mean square of what goes in; small weights, or int8 loses what cancels in float
LARGE = 20.0  # sum of the absolute box weights; up to 18, int8 costs no more than in a head with a tower of its own
STEPS = 3500
RATE = 2e-3
BOX_RATE = 5e-4
ROUNDING = 6 / 255  # of ReLU6 in int8
BEFORE = 0.02  # what rounding in the layers before adds up to: the standard deviation of what goes into a head
SMALL = 2e-3  # price of the box weights

Said = tuple[Tensor, Tensor, Tensor]
"""What goes into a head, the logits and the boxes that came out."""


def small_heads(network: MaskNet, pictures: list[Pixels], steps: int = STEPS) -> list[float]:
    """Refit each head with large box weights; for each of those, by how much boxes differ now (in cells, mean)."""
    before = copy.deepcopy(network).eval()
    network.eval()
    missed = []
    for head, theirs in zip(network.heads, before.heads, strict=True):
        assert isinstance(head, Head)
        assert isinstance(theirs, Head)
        if largest_sum(head) > LARGE:
            refit_boxes(network, head, before, theirs, pictures)
            said = [(x, *answer) for x, answer in passing(before, theirs, pictures)]
            _learn(head, said, steps)
            with torch.no_grad():
                missed.append(
                    float(torch.stack([differences(head(x), (score, box))[0] for x, score, box in said]).mean())
                )
    return missed


def largest_sum(head: Head) -> float:
    """By how much the rounding of a tower can grow in its boxes."""
    return float(head.box.weight.detach().abs().sum((1, 2, 3)).max())


def passing(network: MaskNet, module: nn.Module, pictures: list[Pixels]) -> list[tuple[Tensor, Any]]:
    """What goes into a module and what comes out of it, some pictures at a time."""
    met: list[tuple[Tensor, Any]] = []
    hook = module.register_forward_hook(lambda _, inputs, output: met.append((inputs[0].clone(), output)))
    try:
        with torch.no_grad():
            for start in range(0, len(pictures), AT_ONCE):
                network(to_input(np.stack(pictures[start : start + AT_ONCE])))
    finally:
        hook.remove()
    return met


@torch.no_grad()
def refit_boxes(network: MaskNet, mine: Head, before: MaskNet, theirs: Head, pictures: list[Pixels]) -> None:
    """Boxes read from the tower anew: a least-squares fit, weighted by how much of a face there is at a point."""
    seen = [_rows(y) for _, y in passing(network, mine.tower, pictures)]
    wanted = [_rows(y) for _, y in passing(before, theirs.box, pictures)]
    sure = [_rows(y).sigmoid().amax(1, keepdim=True) for _, y in passing(before, theirs.logits, pictures)]
    x, y, weight = torch.cat(seen).double(), torch.cat(wanted).double(), torch.cat(sure).double()
    x = torch.cat((x, torch.ones_like(x[:, :1])), 1)
    square = x.T @ (x * weight)
    ridge = RIDGE * square.diagonal().mean() * torch.eye(len(square), dtype=torch.float64)
    found = torch.linalg.solve(square + ridge, x.T @ (y * weight))
    assert mine.box.bias is not None
    mine.box.weight.copy_(found[:-1].T[..., None, None])
    mine.box.bias.copy_(found[-1])


def _rows(x: Tensor) -> Tensor:
    return x.flatten(2).transpose(1, 2).reshape(-1, x.shape[1])


def _learn(head: Head, said: Sequence[Said], steps: int) -> None:
    """Tower, logits and boxes; batch norms keep what they know."""
    box = head.box.weight
    others = [one for one in head.parameters() if one is not box]
    optimiser = torch.optim.Adam([{"params": others}, {"params": [box]}])
    order = torch.randint(len(said), (steps,), generator=torch.Generator().manual_seed(0)).tolist()
    for step, chosen in enumerate(order):
        for group, rate in zip(optimiser.param_groups, (RATE, BOX_RATE), strict=True):
            group["lr"] = rate * (1 - step / steps)
        x, *wanted = said[chosen]
        with torch.enable_grad():
            boxes, logits = differences(_rounded(head, x), (wanted[0], wanted[1]))
            (10 * boxes + logits + SMALL * box.abs().sum()).backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        optimiser.zero_grad()


def _rounded(head: Head, x: Tensor) -> tuple[Tensor, Tensor]:
    """What the head says where every layer's answer is off by as much as int8 may round it."""
    x = x + BEFORE * torch.randn_like(x)
    for layer in head.tower:
        x = layer(x)
        if isinstance(layer, nn.ReLU6):
            x = x + (torch.rand_like(x) - 0.5) * ROUNDING
    return head.logits(x), head.box(x)


def differences(mine: tuple[Tensor, Tensor], wanted: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
    """Of boxes (mean over the four numbers, in cells) and logits (cross entropy), by how sure a point is of a face."""
    chances = wanted[0].sigmoid()
    sure = chances.amax(1, keepdim=True)
    boxes = ((mine[1] - wanted[1]).abs() * sure).sum() / sure.sum() / 4
    return boxes, F.binary_cross_entropy_with_logits(mine[0], chances, reduction="sum") / sure.sum()


def main(arguments: list[str] | None = None) -> int:
    """Write the weights; 2 with a sentence for what cannot be read."""
    parser = argparse.ArgumentParser("python -m training.heads", description=__doc__)
    parser.add_argument("weights", type=Path, help="average.pt, best.pt or model.float.tflite")
    parser.add_argument("--data", type=Path, required=True, help="the pictures to learn on")
    parser.add_argument("--out", type=Path, required=True, help="where the weights go")
    parser.add_argument("--samples", type=int, default=1000)
    options = parser.parse_args(arguments)
    torch.manual_seed(0)
    try:
        data = load_training(options.data)
        network = read_network(options.weights, shown_by(data, 320, 1))
        pictures = Composer(data, 320).plain(options.samples, 2)
    except BadData as wrong:
        print(f"error: {wrong}", file=sys.stderr)
        return 2
    for missed in small_heads(network, pictures):
        print(f"a head learned again: its boxes differ by {missed:.3f} cells")
    write_weights(network, options.out)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
