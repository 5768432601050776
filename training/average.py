"""The averaged copy of a network in training: steadier than its last step, and what is shipped."""

import torch
from torch import nn

LONGEST = 0.9985
"""What the copy keeps of itself at each step, late in a run: it is the mean of about 670 steps."""


@torch.no_grad()
def follow(average: nn.Module, network: nn.Module, steps: int) -> None:
    """Move `average` a little towards `network`; early in a run further, as there is little to keep yet."""
    keep = min(LONGEST, (1 + steps) / (10 + steps))
    pairs = list(zip(average.state_dict().values(), network.state_dict().values(), strict=True))
    floating = [pair for pair in pairs if pair[0].dtype.is_floating_point]
    torch._foreach_lerp_([mine for mine, _ in floating], [theirs for _, theirs in floating], 1 - keep)
    for mine, theirs in pairs:
        if not mine.dtype.is_floating_point:
            mine.copy_(theirs)
