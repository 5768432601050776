"""A leaner network from a trained one: equal layers are copied, blocks that it has no room for are left out.

Linzaer's trunk has a block of three dilated branches at stride 8 (`ReceptiveField`); ours has one dilated
separable convolution beside a pointwise one (`WideView`). Before their activation both are sums, so the best start
is a least-squares fit to the numbers that the old block gives on pictures.
"""

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor, nn

from training.network import MaskNet, ReceptiveField, WideView
from training.norms import plain, undone
from training.pictures import Pixels
from training.predict import to_input

WIDE_EXTRAS = (2, 6, 4, 3)
PLACE = 7  # of the block in the trunk
RIDGE = 1e-6  # relative to the mean square of what goes in


def wide_network(extras: tuple[int, int, int, int] = WIDE_EXTRAS) -> MaskNet:
    """The network of 1.3.0 and 1.4.0: with Linzaer's branches and more residual blocks."""
    return MaskNet(branches=True, extras=extras)


@torch.no_grad()
def slim_from(network: MaskNet, wide: MaskNet, pictures: list[Pixels], part: str = "") -> None:
    """Make `network` say what `wide`, one with branches, does as nearly as it can; `pictures` are squares of one size.

    `part` is what names of copied tensors begin with.
    """
    theirs = wide.eval().state_dict()
    mine = network.state_dict()
    place = f"trunk.{PLACE}."
    for name in mine:
        fits = name in theirs and theirs[name].shape == mine[name].shape
        if fits and name.startswith(part) and not name.startswith(place):
            mine[name] = theirs[name]
    network.load_state_dict(mine)
    old, new = wide.trunk[PLACE], network.trunk[PLACE]
    assert isinstance(old, ReceptiveField)
    assert isinstance(new, WideView)
    _average(new)
    _fit(new, ((new.depth.eval()(x), x, _joined(old, x)) for x in _inputs(wide, pictures)))


def _average(view: WideView) -> None:
    """Let the dilated convolution begin as a mean of what it sees, which is never negative there."""
    kernel, norm = view.depth[0], view.depth[1]
    assert isinstance(kernel, nn.Conv2d)
    assert isinstance(norm, nn.BatchNorm2d)
    nn.init.constant_(kernel.weight, 1 / kernel.weight[0].numel())
    plain(norm, torch.zeros(kernel.out_channels))


def _inputs(wide: MaskNet, pictures: list[Pixels]) -> Iterator[Tensor]:
    """What reaches the block, for some pictures at a time."""
    met: list[Tensor] = []
    hook = wide.trunk[PLACE].register_forward_pre_hook(lambda _module, inputs: met.append(inputs[0]))
    try:
        for start in range(0, len(pictures), 8):
            wide(to_input(np.stack(pictures[start : start + 8])))
            yield met.pop()
    finally:
        hook.remove()


def _joined(block: ReceptiveField, x: Tensor) -> Tensor:
    """What it gives before its activation."""
    parts = torch.cat((block.near(x), block.mid(x), block.far(x)), 1)
    result: Tensor = block.join(parts) + block.short(x)
    return result


def _fit(view: WideView, triples: Iterator[tuple[Tensor, Tensor, Tensor]]) -> None:
    """Set both pointwise convolutions to the least-squares fit of their sum to the third of each triple."""
    point, short = (sequence[0] for sequence in (view.point, view.short))
    assert isinstance(point, nn.Conv2d)
    assert isinstance(short, nn.Conv2d)
    width, wanted_width = point.in_channels, point.out_channels
    rows = 2 * width + 1
    square = torch.zeros(rows, rows, dtype=torch.float64)
    cross = torch.zeros(rows, wanted_width, dtype=torch.float64)
    for around, x, y in triples:
        seen = torch.cat((_rows(around), _rows(x), torch.ones(_rows(x).shape[0], 1)), 1).double()
        square += seen.T @ seen
        cross += seen.T @ _rows(y).double()
    ridge = RIDGE * square.diagonal().mean() * torch.eye(rows, dtype=torch.float64)
    found = torch.linalg.solve(square + ridge, cross)
    mean = square[-1] / square[-1, -1]
    spread = square / square[-1, -1] - torch.outer(mean, mean)
    nothing = torch.zeros_like(found[-1])
    for sequence, part, bias in ((view.point, slice(0, width), nothing), (view.short, slice(width, -1), found[-1])):
        _set(sequence, found[part], mean[part], spread[part, part], bias)


def _rows(x: Tensor) -> Tensor:
    return x.flatten(2).transpose(1, 2).reshape(-1, x.shape[1])


def _set(layers: nn.Sequential, weights: Tensor, mean: Tensor, spread: Tensor, bias: Tensor) -> None:
    """A pointwise convolution (`weights`: in × out) of numbers of that mean and covariance, and `bias` behind it."""
    kernel, norm = layers[0], layers[1]
    assert isinstance(kernel, nn.Conv2d)
    assert isinstance(norm, nn.BatchNorm2d)
    kernel.weight.copy_(weights.T[..., None, None])
    variance = torch.einsum("io,ij,jo->o", weights, spread, weights).clamp(min=0)
    undone(norm, weights.T @ mean, variance, bias)
