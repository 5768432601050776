"""A separable block that does what other layers do, as nearly as it can: learned from what goes in and what comes out.

Nothing else of a network is needed, so it takes seconds. (Stage-wise distillation: Romero et al., "FitNets", 2015.)
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from training.layers import Block
from training.norms import undone

STEPS = 800
RATE = 3e-3
LEAK = 0.05  # of what lies beyond the bounds of ReLU6 while learning, so that nothing is stuck there
RIDGE = 1e-4  # relative to the mean square of what goes in

Pair = tuple[Tensor, Tensor]
"""What goes in and what is to come out (n × channels × height × width, 0 to 6)."""


def imitate(block: Block, pairs: Sequence[Pair], steps: int = STEPS) -> float:
    """Set the block's weights, and say what share of the variance of what is wanted it misses."""
    kernel, _ = _layers(block.depth)
    weights = [one.requires_grad_() for one in (*_passing(kernel), *_best_mix(pairs))]
    spread = torch.cat([wanted for _, wanted in pairs]).var((0, 2, 3), keepdim=True) + 1e-3
    optimiser = torch.optim.Adam(weights, lr=RATE)
    for step in range(steps):
        optimiser.param_groups[0]["lr"] = RATE * (1 - step / steps)
        x, wanted = pairs[step % len(pairs)]
        with torch.enable_grad():
            said = _pointwise(weights, _depthwise(kernel, weights, x).clamp(0, 6))
            said = torch.lerp(said.clamp(0, 6), said, LEAK)
            ((said - wanted).square() / spread).mean().backward()
        optimiser.step()
        optimiser.zero_grad()
    _set(block, [one.detach() for one in weights], [x for x, _ in pairs])
    with torch.no_grad():
        missed = torch.stack([((block.eval()(x) - wanted).square() / spread).mean() for x, wanted in pairs])
    return float(missed.mean())


def _passing(kernel: nn.Conv2d) -> tuple[Tensor, Tensor]:
    """Weights and shifts of a depthwise convolution that lets everything pass."""
    middle = torch.zeros_like(kernel.weight).detach()
    middle[:, :, 1, 1] = 1
    return middle, torch.zeros(kernel.out_channels)


def _best_mix(pairs: Sequence[Pair]) -> tuple[Tensor, Tensor]:
    """Weights and shifts of the pointwise convolution that comes nearest by itself (least squares)."""
    channels = pairs[0][0].shape[1]
    square, cross = torch.zeros(channels + 1, channels + 1), torch.zeros(channels + 1, channels)
    for x, wanted in pairs:
        rows = x.transpose(0, 1).flatten(1)
        rows = torch.cat((rows, torch.ones_like(rows[:1])))
        square += rows @ rows.T / rows.shape[1]
        cross += rows @ wanted.transpose(0, 1).flatten(1).T / rows.shape[1]
    found = torch.linalg.solve(square + RIDGE * square.diagonal().mean() * torch.eye(channels + 1), cross)
    return found[:-1].T[..., None, None].clone(), found[-1].clone()


def _depthwise(kernel: nn.Conv2d, weights: Sequence[Tensor], x: Tensor) -> Tensor:
    size = kernel.dilation[0]
    return F.conv2d(x, weights[0], weights[1], padding=size, dilation=size, groups=kernel.groups)


def _pointwise(weights: Sequence[Tensor], x: Tensor) -> Tensor:
    return F.conv2d(x, weights[2], weights[3])


@torch.no_grad()
def _set(block: Block, weights: Sequence[Tensor], inputs: Sequence[Tensor]) -> None:
    """Give the block these weights, and its batch norms what training needs to go on from there."""
    kernel, norm = _layers(block.depth)
    mix, mix_norm = _layers(block.point)
    kernel.weight.copy_(weights[0])
    mix.weight.copy_(weights[2])
    seen = torch.cat([_depthwise(kernel, weights, x) - weights[1][:, None, None] for x in inputs])
    undone(norm, seen.mean((0, 2, 3)), seen.var((0, 2, 3)), weights[1])
    seen = _pointwise(weights, (seen + weights[1][:, None, None]).clamp(0, 6)) - weights[3][:, None, None]
    undone(mix_norm, seen.mean((0, 2, 3)), seen.var((0, 2, 3)), weights[3])


def _layers(layers: nn.Module) -> tuple[nn.Conv2d, nn.BatchNorm2d]:
    assert isinstance(layers, nn.Sequential)
    kernel, norm = layers[0], layers[1]
    assert isinstance(kernel, nn.Conv2d)
    assert isinstance(norm, nn.BatchNorm2d)
    return kernel, norm
