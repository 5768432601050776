"""Empty pictures that fool the network: found from time to time, then shown more often than others.

Most empty pictures teach nothing any more after a while (hard negatives: Sung and Poggio, "Example-based learning
for view-based human face detection", 1998).
"""

import numpy as np
import torch

from training.augment import Random
from training.empty import drawn
from training.network import MaskNet, decode
from training.predict import to_input

FOOLED = 0.2
"""From this score on, that is well below where a face counts."""
AT_ONCE = 32
LOWEST_SEED, HIGHEST_SEED = 2**32, 2**62


@torch.no_grad()
def hard_ones(network: MaskNet, size: int, count: int, rng: Random) -> list[int]:
    """Draw `count` empty pictures of that size; seeds of those (for `empty.drawn`) in which the network sees a face."""
    device, found = next(network.parameters()).device, []
    seeds = [int(seed) for seed in rng.integers(LOWEST_SEED, HIGHEST_SEED, count)]
    for start in range(0, count, AT_ONCE):
        some = seeds[start : start + AT_ONCE]
        pixels = np.stack([drawn(size, np.random.default_rng(seed)) for seed in some])
        logits, _, _ = decode(network(to_input(pixels, device)))
        highest = logits.sigmoid().amax((1, 2)).tolist()
        found += [seed for seed, score in zip(some, highest, strict=True) if score >= FOOLED]
    return found
