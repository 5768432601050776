"""Layers that the network had before: Linzaer's trunk has them, and so have weights of earlier versions."""

import torch
from torch import Tensor, nn

from training.layers import conv


class ReceptiveField(nn.Module):
    """Three branches of growing dilation, joined: context at the price of a few thousand weights (RFB)."""

    def __init__(self, channels: int = 64) -> None:
        super().__init__()
        m = channels // 8
        self.near = nn.Sequential(
            conv(channels, m, 1, active=False), conv(m, 2 * m), conv(2 * m, 2 * m, dilation=2, active=False)
        )
        self.mid = nn.Sequential(
            conv(channels, m, 1, active=False), conv(m, 2 * m), conv(2 * m, 2 * m, dilation=3, active=False)
        )
        self.far = nn.Sequential(
            conv(channels, m, 1, active=False),
            conv(m, m // 2 * 3),
            conv(m // 2 * 3, 2 * m),
            conv(2 * m, 2 * m, dilation=5, active=False),
        )
        self.join = conv(6 * m, channels, 1, active=False)
        self.short = conv(channels, channels, 1, active=False)
        self.active = nn.ReLU6()

    def forward(self, x: Tensor) -> Tensor:
        branches = torch.cat((self.near(x), self.mid(x), self.far(x)), 1)
        joined: Tensor = self.active(self.join(branches) + self.short(x))
        return joined


class WideView(nn.Module):
    """A separable convolution of dilation 3 beside a pointwise one, as in 1.5.0."""

    def __init__(self, channels: int = 64) -> None:
        super().__init__()
        self.depth = conv(channels, channels, dilation=3, groups=channels)
        self.point = conv(channels, channels, 1, active=False)
        self.short = conv(channels, channels, 1, active=False)
        self.active = nn.ReLU6()

    def forward(self, x: Tensor) -> Tensor:
        joined: Tensor = self.active(self.point(self.depth(x)) + self.short(x))
        return joined
