"""The detector: a small pretrained trunk, a feature pyramid from stride 4 to 32, anchor-free heads.

    picture ▶ stem ▶ C2 (s4, 32) ▶ C3 (s8, 64, wide view) ▶ C4 (s16, 128) ▶ C5 (s32, 256)
                      │              │                 │                │
                     P2 ◀────────── P3 ◀───────────── P4 ◀──────────── P5     nearest ×2, added
                      │              │                 │                │
                   logits, box    logits, box       logits, box     logits, box

Activations are ReLU6, so that their ranges are known and int8 costs little.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

STRIDES = (4, 8, 16, 32)
FINE = 32  # channels of the pyramid at stride 4, where a channel costs most
WIDE = 64  # channels of the pyramid elsewhere
TRUNK = 16  # channels of the first convolution
EXTRAS = (2, 1, 1, 1)  # residual blocks behind C2, C3, C4, C5


def conv(i: int, o: int, kernel: int = 3, stride: int = 1, *, dilation: int = 1, groups: int = 1,
         active: bool = True) -> nn.Sequential:  # fmt: skip
    """Convolution, batch norm and, if `active`, ReLU6."""
    padding = kernel // 2 * dilation
    layers: list[nn.Module] = [
        nn.Conv2d(i, o, kernel, stride, padding, dilation=dilation, groups=groups, bias=False),
        nn.BatchNorm2d(o),
    ]
    if active:
        layers.append(nn.ReLU6(inplace=True))
    return nn.Sequential(*layers)


def separable(i: int, o: int, stride: int = 1) -> nn.Sequential:
    """A depthwise 3×3 and a pointwise convolution."""
    return nn.Sequential(*conv(i, i, 3, stride, groups=i), *conv(i, o, 1))


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
    """Context as of the three branches for less than half of the work: a separable convolution with dilation 3."""

    def __init__(self, channels: int = 64) -> None:
        super().__init__()
        self.depth = conv(channels, channels, dilation=3, groups=channels)
        self.point = conv(channels, channels, 1, active=False)
        self.short = conv(channels, channels, 1, active=False)
        self.active = nn.ReLU6()

    def forward(self, x: Tensor) -> Tensor:
        joined: Tensor = self.active(self.point(self.depth(x)) + self.short(x))
        return joined


class Extra(nn.Module):
    """A residual separable block that starts as the identity, so that it can be added to a trained trunk."""

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
    """Logits and boxes of one level."""

    def __init__(self, channels: int, labels: int, *, shared: bool) -> None:
        super().__init__()
        self.tower = separable(channels, channels)
        self.box_tower = nn.Identity() if shared else separable(channels, channels)
        self.shared = shared
        self.logits = nn.Conv2d(channels, labels, 1)
        self.box = nn.Conv2d(channels, 4, 1)
        nn.init.normal_(self.logits.weight, std=0.01)
        nn.init.constant_(self.logits.bias, -4.0)  # type: ignore[arg-type]  # bias is always there
        nn.init.normal_(self.box.weight, std=0.01)
        nn.init.zeros_(self.box.bias)  # type: ignore[arg-type]  # bias is always there

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        seen = self.tower(x)
        return self.logits(seen), self.box(seen if self.shared else self.box_tower(x))


class MaskNet(nn.Module):
    """Picture (n × 3 × S × S, (pixel − 127) / 128) to logits and boxes per stride: [logits4, box4, logits8, …].

    With `finest` 8 it answers from stride 8 on only; with `branches` the trunk is as Linzaer made it.
    """

    def __init__(self, labels: int = 3, *, fine: int = FINE, extras: tuple[int, int, int, int] = EXTRAS,
                 finest: int = STRIDES[0], branches: bool = False) -> None:  # fmt: skip
        super().__init__()
        self.strides = STRIDES[STRIDES.index(finest) :]
        self.branches = branches
        b = TRUNK
        self.trunk = nn.ModuleList([
            conv(3, b, 3, 2), separable(b, 2 * b), separable(2 * b, 2 * b, 2), separable(2 * b, 2 * b),
            separable(2 * b, 4 * b, 2), separable(4 * b, 4 * b), separable(4 * b, 4 * b),
            ReceptiveField(4 * b) if branches else WideView(4 * b),
            separable(4 * b, 8 * b, 2), separable(8 * b, 8 * b), separable(8 * b, 8 * b),
            separable(8 * b, 16 * b, 2), separable(16 * b, 16 * b),
        ])  # fmt: skip
        self.more2, self.more3, self.more4, self.more5 = (
            nn.Sequential(*(Extra(width) for _ in range(count)))
            for width, count in zip((2 * b, 4 * b, 8 * b, 16 * b), extras, strict=True)
        )
        sizes = ((2 * b, fine), (4 * b, WIDE), (8 * b, WIDE), (16 * b, WIDE))
        self.lateral = nn.ModuleList([conv(i, o, 1) for i, o in sizes])
        self.down = conv(WIDE, fine, 1)
        self.smooth = nn.ModuleList([Extra(fine), *(separable(WIDE, WIDE) for _ in range(3))])
        # One tower for logits and boxes where the level is largest: half of its price.
        self.heads = nn.ModuleList([Head(o, labels, shared=k == 0) for k, (_, o) in enumerate(sizes)])

    def forward(self, x: Tensor) -> list[Tensor]:
        c2, c3, c4, c5 = self._levels(x)
        p5 = self.lateral[3](c5)
        p4 = self.lateral[2](c4) + F.interpolate(p5, scale_factor=2.0, mode="nearest")
        p3 = self.lateral[1](c3) + F.interpolate(p4, scale_factor=2.0, mode="nearest")
        p2 = self.lateral[0](c2) + F.interpolate(self.down(p3), scale_factor=2.0, mode="nearest")
        outputs: list[Tensor] = []
        for stride, p, smooth, head in zip(STRIDES, (p2, p3, p4, p5), self.smooth, self.heads, strict=True):
            if stride in self.strides:
                outputs += head(smooth(p))
        return outputs

    def _levels(self, x: Tensor) -> list[Tensor]:
        found, begin = [], 0
        for end, more in zip((4, 8, 11, 13), (self.more2, self.more3, self.more4, self.more5), strict=True):
            for layer in self.trunk[begin:end]:
                x = layer(x)
            x, begin = more(x), end
            found.append(x)
        return found

    def freeze(self, layers: int) -> None:
        """Keep the first trunk layers as they are: where pictures are large, learning costs most and gains least."""
        for layer in self.trunk[:layers]:
            layer.requires_grad_(False).eval()


def decode(outputs: list[Tensor], strides: tuple[int, ...] = ()) -> tuple[Tensor, Tensor, Tensor]:
    """Logits (n × points × labels), corners (n × points × 4, pixels) and points (points × 3: x, y, stride).

    Without `strides` these are the coarsest of a network's, as many as there are outputs for.
    """
    strides = strides or STRIDES[-(len(outputs) // 2) :]
    logits, corners, points = [], [], []
    for i, stride in enumerate(strides):
        label, box = outputs[2 * i].float(), outputs[2 * i + 1].float()
        rows, columns = label.shape[-2:]
        ticks = (torch.arange(count, device=label.device) + 0.5 for count in (rows, columns))
        y, x = torch.meshgrid(*ticks, indexing="ij")
        centre = torch.stack((x, y), -1).reshape(-1, 2) * stride
        box = box.flatten(2).transpose(1, 2)
        middle = centre + box[..., :2] * stride
        half = torch.exp(box[..., 2:].clamp(-4, 4)) * stride
        logits.append(label.flatten(2).transpose(1, 2))
        corners.append(torch.cat((middle - half, middle + half), -1))
        points.append(torch.cat((centre, torch.full_like(centre[:, :1], stride)), -1))
    return torch.cat(logits, 1), torch.cat(corners, 1), torch.cat(points)
