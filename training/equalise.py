"""Scales channels to equal range before a network becomes an int8 file (cross-layer equalization).

A tensor of the file has one step for all its channels. A channel that goes up to 0.6 where another goes up to 6 has a
tenth of the numbers. So it is scaled up, and the layer that takes it is scaled down by as much. The answers of the
network stay, as long as nothing is cut off at 6. (Nagel et al., "Data-Free Quantization Through Weight Equalization
and Bias Correction", 2019, section 4.1; here with the reach that answers really have, and up to the bound of ReLU6.)
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor, nn

from training.network import Block, Head, MaskNet, Residual

Kind = TypeVar("Kind", bound=nn.Module)

BOUND = 6.0  # of ReLU6
ROOM = 1.2  # for what the pictures do not show
MOST = 32.0  # by how much a channel grows; some hardly ever say anything


@dataclass(frozen=True, slots=True)
class Group:
    """Answers whose channels grow together, the batch norms that make them, and the convolutions that take them."""

    answers: Sequence[nn.Module]
    makers: Sequence[nn.BatchNorm2d]
    takers: Sequence[nn.Conv2d]


@torch.no_grad()
def equalise(network: MaskNet, batches: Sequence[Tensor]) -> None:
    """Change the weights of `network`; `batches`: pictures as it takes them."""
    groups = list(_groups(network))
    reach = _reach([answer for group in groups for answer in group.answers], network, batches)
    for group in groups:
        highest = torch.stack([reach[answer] for answer in group.answers]).amax(0)
        growth = (BOUND / ROOM / highest.clamp(min=1e-6)).clamp(1, MOST)
        for norm in group.makers:
            norm.weight *= growth
            norm.bias *= growth
        for conv in group.takers:
            conv.weight /= growth[:, None, None, None] if conv.groups > 1 else growth[None, :, None, None]


def _groups(network: MaskNet) -> Iterator[Group]:
    for layer in network.modules():
        if isinstance(layer, Block | Residual):
            yield _inside([*layer.depth, *layer.point])
        elif isinstance(layer, nn.Sequential) and len(layer) == 6:  # see `separable`
            yield _inside(list(layer))
    trunk, begin = list(network.trunk), 0
    levels = (network.more2, network.more3, network.more4, network.more5)
    for end, more, lateral in zip((4, 8, 11, 13), levels, network.lateral, strict=True):
        for one, following in zip(trunk[begin : end - 1], trunk[begin + 1 : end], strict=True):
            yield Group([_last(one, nn.ReLU6)], [_last(one, nn.BatchNorm2d)], [_first(following)])
        takers = [_first(layer) for layer in (*more, lateral, *trunk[end : end + 1])]
        said = [trunk[end - 1], *more]  # a residual block adds: what goes in and what comes out grow together
        yield Group([_last(one, nn.ReLU6) for one in said], [_last(one, nn.BatchNorm2d) for one in said], takers)
        begin = end
    for smooth, head in zip(network.smooth, network.heads, strict=True):
        assert isinstance(head, Head)
        tower = head.tower
        yield Group([_last(smooth, nn.ReLU6)], [_last(smooth, nn.BatchNorm2d)], [_first(tower)])
        yield Group([_last(tower, nn.ReLU6)], [_last(tower, nn.BatchNorm2d)], [head.logits, head.box])


def _inside(layers: list[nn.Module]) -> Group:
    """Of a depthwise and a pointwise convolution: what goes from the one to the other."""
    _, norm, answer, taker = layers[:4]
    assert isinstance(norm, nn.BatchNorm2d)
    assert isinstance(taker, nn.Conv2d)
    return Group([answer], [norm], [taker])


def _first(layers: nn.Module) -> nn.Conv2d:
    return next(layer for layer in layers.modules() if isinstance(layer, nn.Conv2d))


def _last(layers: nn.Module, kind: type[Kind]) -> Kind:
    return [layer for layer in layers.modules() if isinstance(layer, kind)][-1]


def _reach(answers: Sequence[nn.Module], network: MaskNet, batches: Sequence[Tensor]) -> dict[nn.Module, Tensor]:
    """The highest number in each channel of each answer."""
    found: dict[nn.Module, Tensor] = {}

    def note(module: nn.Module, _inputs: object, answer: Tensor) -> None:
        highest = answer.amax((0, 2, 3))
        found[module] = torch.maximum(found[module], highest) if module in found else highest

    hooks = [answer.register_forward_hook(note) for answer in answers]
    network.eval()
    for batch in batches:
        network(batch)
    for hook in hooks:
        hook.remove()
    return found
