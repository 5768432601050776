"""Rounds kernels for an int8 file so that the answers of each layer change least.

The nearest number is seldom the best one. Neighbouring pixels are nearly alike, so the rounding errors of a depthwise
kernel must cancel. The mean squared error of a layer is a quadratic form of the rounding errors, with the covariance
of the inputs. Single weights move up or down by a step as long as that form becomes smaller. The mean error that is
left goes into the bias. (The objective, layer by layer: Nagel et al., "Up or Down? Adaptive Rounding for
Post-Training Quantization", 2020, section 3; there it is relaxed, here descended by coordinates.)
"""

import itertools
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

LARGEST = 127  # of a weight, which has no zero point
POINTS = 2000  # of each picture that are looked at, about
ROUNDS = 1000
RIDGE = 1e-6  # relative to the mean variance


@torch.no_grad()
def round_kernels(network: nn.Module, batches: Sequence[Tensor]) -> None:
    """Round all kernels to what an int8 file has; `batches`: pictures as the network takes them."""
    seen = _inputs(network, batches)
    norm_of = _norms(network)
    for conv, (mean, covariance) in seen.items():
        weight = conv.weight.double().flatten(1)
        each = conv.out_channels // conv.groups
        rounded = nearest(weight, covariance.repeat_interleave(each, 0))
        moved = ((rounded - weight) * mean.repeat_interleave(each, 0)).sum(1).float()
        if conv in norm_of:
            norm = norm_of[conv]
            assert norm.running_mean is not None
            norm.running_mean += moved
        else:
            assert conv.bias is not None
            conv.bias -= moved
        conv.weight.copy_(rounded.view_as(conv.weight))


def nearest(weight: Tensor, covariance: Tensor) -> Tensor:
    """Kernels (out × numbers) rounded to 255 steps about zero, for each its own; covariance: out × numbers × numbers.

    The largest number of each stays, and with it the step.
    """
    step = (weight.abs().amax(1, keepdim=True) / LARGEST).clamp(min=1e-12)
    counts = (weight / step).round()
    change = counts * step - weight
    slope = torch.einsum("on,onm->om", change, covariance)
    curve = covariance.diagonal(dim1=1, dim2=2) * step**2
    at_first = (change * slope).sum(1)
    largest = weight.abs() >= weight.abs().amax(1, keepdim=True)
    for _ in range(ROUNDS):
        up = (curve + 2 * step * slope).masked_fill(largest | (counts >= LARGEST), torch.inf)
        down = (curve - 2 * step * slope).masked_fill(largest | (counts <= -LARGEST), torch.inf)
        gain, where = torch.cat((up, down), 1).min(1)
        rows = torch.nonzero(gain < -1e-9 * at_first)[:, 0]
        if not len(rows):
            break
        columns = where[rows] % weight.shape[1]
        sign = torch.where(where[rows] < weight.shape[1], 1.0, -1.0).to(weight.dtype)
        counts[rows, columns] += sign
        slope[rows] += (sign * step[rows, 0])[:, None] * covariance[rows, columns]
    return counts * step


def _norms(network: nn.Module) -> dict[nn.Module, nn.BatchNorm2d]:
    """The batch norm behind each convolution that has one."""
    return {
        first: second
        for layers in network.modules()
        if isinstance(layers, nn.Sequential)
        for first, second in itertools.pairwise(layers)
        if isinstance(second, nn.BatchNorm2d)
    }


def _inputs(network: nn.Module, batches: Sequence[Tensor]) -> dict[nn.Conv2d, tuple[Tensor, Tensor]]:
    """Of the numbers that each convolution takes for one answer: mean and covariance, group by group."""
    sums: dict[nn.Conv2d, tuple[Tensor, Tensor, list[int]]] = {}

    def note(conv: nn.Module, inputs: tuple[Tensor, ...], _answer: object) -> None:
        assert isinstance(conv, nn.Conv2d)
        taken = F.unfold(inputs[0], conv.weight.shape[2:], conv.dilation, conv.padding, conv.stride)  # type: ignore[arg-type]
        taken = taken[..., :: max(1, taken.shape[2] // POINTS)]
        taken = taken.unflatten(1, (conv.groups, -1)).permute(1, 2, 0, 3).flatten(2).double()
        first, second, count = taken.sum(2), taken @ taken.transpose(1, 2), taken.shape[2]
        if conv in sums:
            sums[conv][0].add_(first)
            sums[conv][1].add_(second)
            sums[conv][2][0] += count
        else:
            sums[conv] = first, second, [count]

    hooks = [m.register_forward_hook(note) for m in network.modules() if isinstance(m, nn.Conv2d)]
    network.eval()
    for batch in batches:
        network(batch)
    for hook in hooks:
        hook.remove()
    found = {}
    for conv, (first, second, counts) in sums.items():
        mean = first / counts[0]
        covariance = second / counts[0] - mean[:, :, None] * mean[:, None, :]
        ridge = RIDGE * covariance.diagonal(dim1=1, dim2=2).mean(1) + 1e-30
        found[conv] = mean, covariance + ridge[:, None, None] * torch.eye(mean.shape[1], dtype=mean.dtype)
    return found
