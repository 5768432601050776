"""Training with the rounding of int8: weights and answers of each layer are rounded as the file will round them.

Rounding has no slope, so on the way back it passes for nothing (straight-through). Ranges are those of the batch, which
come near to the true extremes that the file is calibrated with. (Quantisation-aware training: Jacob et al.,
"Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference", 2018.)
"""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call

from training.layers import Add, Head, Residual

LOWEST, HIGHEST = -128, 127  # of an answer
LARGEST = 127  # of a weight, which has no zero point


class Rounded:
    """Asks a network as if it were an int8 file; the weights that it stores are untouched."""

    def __init__(self, network: nn.Module) -> None:
        self._network, self._on = network, False
        self._kernels = [f"{name}.weight" for name, m in network.named_modules() if isinstance(m, nn.Conv2d)]
        for module in _answering(network):
            module.register_forward_hook(self._round)

    def __call__(self, x: Tensor) -> list[Tensor]:
        """What the network says of pictures as it takes them."""
        weights = dict(self._network.named_parameters())
        rounded = {name: rounded_kernel(weights[name]) for name in self._kernels}
        self._on = True
        try:
            said: list[Tensor] = functional_call(self._network, rounded, (x,))
        finally:
            self._on = False
        return said

    def _round(self, _module: nn.Module, _inputs: Any, answer: Tensor) -> Tensor:
        return rounded_answer(answer) if self._on else answer


def _answering(network: nn.Module) -> Iterator[nn.Module]:
    """The modules whose answers are tensors of the file: what lies between them is fused."""
    for module in network.modules():
        if isinstance(module, nn.ReLU6 | Add):
            yield module
        elif isinstance(module, Residual):
            yield module.point
        elif isinstance(module, Head):
            yield from (module.logits, module.box)


def rounded_answer(x: Tensor) -> Tensor:
    """Rounded to 256 equal steps of which one is zero, from the lowest to the highest number in it (of the batch)."""
    low, high = torch.aminmax(x.detach())
    low, high = low.clamp(max=0).float(), high.clamp(min=0).float()
    scale = ((high - low) / (HIGHEST - LOWEST)).clamp(min=1e-8)
    zero = (LOWEST - low / scale).round().int()
    return torch.fake_quantize_per_tensor_affine(x.float(), scale, zero, LOWEST, HIGHEST).to(x.dtype)


def rounded_kernel(weight: Tensor) -> Tensor:
    """Rounded to 255 equal steps about zero, for each output channel its own.

    A batch norm behind it multiplies whole channels, so it makes no difference that the file has it folded in.
    """
    scale = (weight.detach().abs().amax((1, 2, 3)) / LARGEST).clamp(min=1e-12)
    zero = torch.zeros_like(scale, dtype=torch.int32)
    return torch.fake_quantize_per_channel_affine(weight, scale, zero, 0, -LARGEST, LARGEST)
