"""A network of today's form from one of an earlier form: equal layers are copied, the others learn what those say.

Earlier networks have Linzaer's three dilated branches in their trunk (or, in 1.5.0, a sum of two convolutions), more
residual blocks, up to 1.6.0 one before the head of stride 4, and a second tower for boxes. Here a dilated separable
block learns on pictures what the branches say, a plain one what that residual block says, and boxes come from the tower
of the logits, by a least-squares fit. Other blocks for which there is no room are left out.
"""

from functools import partial

import numpy as np
import torch
from torch import Tensor, nn

from training.imitate import Pair, imitate
from training.layers import Block, Head, Residual
from training.network import ADDING, BRANCHES, SUMS, VIEW, MaskNet
from training.pictures import Pixels
from training.predict import to_input

WIDE_EXTRAS = (2, 6, 4, 3)
RIDGE = 1e-2  # relative to the mean square of what goes in; small weights, or int8 loses what cancels in float
AT_ONCE = 8


def wide_network(extras: tuple[int, int, int, int] = WIDE_EXTRAS) -> MaskNet:
    """The network of 1.3.0 and 1.4.0: with Linzaer's branches, sums, and more blocks."""
    return MaskNet(form=BRANCHES, extras=extras)


EARLIER = (partial(MaskNet, form=ADDING), partial(MaskNet, form=SUMS), wide_network)
"""The shipped networks: of 1.6.0, of 1.5.0, and of 1.3.0 and 1.4.0."""


def slim_from(network: MaskNet, wide: MaskNet, pictures: list[Pixels], *, trunk_only: bool = False) -> None:
    """Make `network` say what `wide`, one of an earlier form, does; `pictures` are squares of one size.

    With `trunk_only` the rest is left alone.
    """
    _copy_equal(network, wide, trunk_only=trunk_only)
    network.eval()
    wide.eval()
    view, theirs = network.trunk[VIEW], wide.trunk[VIEW]
    assert isinstance(view, Block)
    if isinstance(theirs, Block):
        view.load_state_dict(theirs.state_dict())
    else:
        imitate(view, _pairs(network, view, wide, theirs, pictures))
    if not trunk_only:
        if isinstance(wide.smooth[0], Residual):
            _nothing_added(network, wide, pictures)
        for mine_head, their_head in zip(network.heads, wide.heads, strict=True):
            assert isinstance(mine_head, Head)
            assert isinstance(their_head, Head)
            if their_head.box_tower is not None:
                boxes_from_one_tower(network, mine_head, wide, their_head, pictures)


def passing(network: MaskNet, module: nn.Module, pictures: list[Pixels]) -> list[Pair]:
    """What goes into a module and what comes out of it, some pictures at a time."""
    met: list[Pair] = []
    hook = module.register_forward_hook(lambda _, inputs, output: met.append((inputs[0].clone(), output)))
    try:
        with torch.no_grad():
            for start in range(0, len(pictures), AT_ONCE):
                network(to_input(np.stack(pictures[start : start + AT_ONCE])))
    finally:
        hook.remove()
    return met


def _pairs(network: MaskNet, mine: nn.Module, wide: MaskNet, theirs: nn.Module, pictures: list[Pixels]) -> list[Pair]:
    """What goes into a module of one network and what comes out of a module of the other."""
    inputs = [x for x, _ in passing(network, mine, pictures)]
    wanted = [y for _, y in passing(wide, theirs, pictures)]
    return list(zip(inputs, wanted, strict=True))


def _nothing_added(network: MaskNet, wide: MaskNet, pictures: list[Pixels]) -> None:
    """Before the head of stride 4 a plain block learns what a residual one says."""
    mine = network.smooth[0]
    assert isinstance(mine, nn.Sequential)
    block = Block(network.down[0].out_channels)
    imitate(block, _pairs(network, mine, wide, wide.smooth[0], pictures))
    for layer, learned in zip(mine, (*block.depth, *block.point), strict=True):
        layer.load_state_dict(learned.state_dict())


@torch.no_grad()
def _copy_equal(network: MaskNet, wide: MaskNet, *, trunk_only: bool) -> None:
    theirs, mine = wide.state_dict(), network.state_dict()
    for name in mine:
        here = name.startswith("trunk.") or not trunk_only
        if here and not name.startswith(f"trunk.{VIEW}.") and name in theirs and theirs[name].shape == mine[name].shape:
            mine[name] = theirs[name]
    network.load_state_dict(mine)


@torch.no_grad()
def boxes_from_one_tower(network: MaskNet, mine: Head, wide: MaskNet, theirs: Head, pictures: list[Pixels]) -> None:
    """Boxes from the tower of the logits: a least-squares fit, weighted by how much of a face there is at a point."""
    seen = [_rows(y) for _, y in passing(network, mine.tower, pictures)]
    wanted = [_rows(y) for _, y in passing(wide, theirs.box, pictures)]
    sure = [_rows(y).sigmoid().amax(1, keepdim=True) for _, y in passing(wide, theirs.logits, pictures)]
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
