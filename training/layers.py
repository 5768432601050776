"""What the network is made of: convolutions, separable ones, and what answers at one level."""

import torch
from torch import Tensor, nn


class FullWidth(nn.Conv2d):
    """A convolution that computes in float32 under autocast, too.

    oneDNN 3.12 (PyTorch 2.13) writes noise as the bfloat16 gradient of a dilated depthwise kernel whose pictures are
    laid out channels last, from 40 × 40 points on: seen on a core with AMX, nothing in it is right.
    """

    def forward(self, x: Tensor) -> Tensor:
        if not torch.is_autocast_enabled(x.device.type):
            return super().forward(x)
        with torch.autocast(x.device.type, enabled=False):
            return super().forward(x.float())


def conv(i: int, o: int, kernel: int = 3, stride: int = 1, *, dilation: int = 1, groups: int = 1,
         active: bool = True) -> nn.Sequential:  # fmt: skip
    """Convolution, batch norm and, if `active`, ReLU6."""
    padding = kernel // 2 * dilation
    kind = FullWidth if dilation > 1 and groups > 1 else nn.Conv2d
    layers: list[nn.Module] = [
        kind(i, o, kernel, stride, padding, dilation=dilation, groups=groups, bias=False),
        nn.BatchNorm2d(o),
    ]
    if active:
        layers.append(nn.ReLU6(inplace=True))
    return nn.Sequential(*layers)


def separable(i: int, o: int, stride: int = 1) -> nn.Sequential:
    """A depthwise 3×3 and a pointwise convolution."""
    return nn.Sequential(*conv(i, i, 3, stride, groups=i), *conv(i, o, 1))


class Add(nn.Module):
    """The sum of two; a module of its own, so that what it says can be looked at and changed."""

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        return x + y


class Block(nn.Module):
    """A depthwise 3×3 and a pointwise convolution that keep the number of channels."""

    def __init__(self, channels: int, *, dilation: int = 1) -> None:
        super().__init__()
        self.depth = conv(channels, channels, 3, dilation=dilation, groups=channels)
        self.point = conv(channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        seen: Tensor = self.point(self.depth(x))
        return seen


class Residual(nn.Module):
    """A separable block whose input is added to what it says; untrained it is the identity."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.depth = conv(channels, channels, 3, groups=channels)
        self.point = conv(channels, channels, 1, active=False)
        norm = self.point[1]
        assert isinstance(norm, nn.BatchNorm2d)
        nn.init.zeros_(norm.weight)
        self.active = nn.ReLU6()

    def forward(self, x: Tensor) -> Tensor:
        changed: Tensor = self.active(x + self.point(self.depth(x)))
        return changed


class Head(nn.Module):
    """Logits and boxes of one level, from one tower or from one each."""

    def __init__(self, channels: int, labels: int, *, towers: int = 1) -> None:
        super().__init__()
        self.tower = separable(channels, channels)
        self.box_tower = separable(channels, channels) if towers == 2 else None
        self.logits = nn.Conv2d(channels, labels, 1)
        self.box = nn.Conv2d(channels, 4, 1)
        nn.init.normal_(self.logits.weight, std=0.01)
        nn.init.constant_(self.logits.bias, -4.0)  # type: ignore[arg-type]  # bias is always there
        nn.init.normal_(self.box.weight, std=0.01)
        nn.init.zeros_(self.box.bias)  # type: ignore[arg-type]  # bias is always there

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        seen = self.tower(x)
        return self.logits(seen), self.box(seen if self.box_tower is None else self.box_tower(x))
