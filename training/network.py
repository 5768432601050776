"""The detector: a small pretrained trunk, a feature pyramid from stride 4 to 32, anchor-free heads.

    picture ▶ stem ▶ C2 (s4, 32) ▶ C3 (s8, 64, wide view) ▶ C4 (s16, 128) ▶ C5 (s32, 256)
                      │              │                 │                │
                     P2 ◀────────── P3 ◀───────────── P4 ◀──────────── P5     ×2, added
                      │              │                 │                │
                   logits, box    logits, box       logits, box     logits, box

Activations are ReLU6, so that their ranges are known and int8 costs little. Everything between the first convolution
and the last ones is separable.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

STRIDES = (4, 8, 16, 32)
FINE = 32  # channels of the pyramid at stride 4, where a channel costs most
WIDE = 64  # channels of the pyramid elsewhere
TRUNK = 16  # channels of the first convolution
EXTRAS = (2, 1, 1, 1)  # blocks behind C2, C3, C4, C5
VIEW = 7  # layer of the trunk that sees far


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
    """Logits and boxes of one level, from one tower."""

    def __init__(self, channels: int, labels: int) -> None:
        super().__init__()
        self.tower = separable(channels, channels)
        self.logits = nn.Conv2d(channels, labels, 1)
        self.box = nn.Conv2d(channels, 4, 1)
        nn.init.normal_(self.logits.weight, std=0.01)
        nn.init.constant_(self.logits.bias, -4.0)  # type: ignore[arg-type]  # bias is always there
        nn.init.normal_(self.box.weight, std=0.01)
        nn.init.zeros_(self.box.bias)  # type: ignore[arg-type]  # bias is always there

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        seen = self.tower(x)
        return self.logits(seen), self.box(seen)


class MaskNet(nn.Module):
    """Picture (n × 3 × S × S, (pixel − 127) / 128) to logits and boxes per stride: [logits4, box4, logits8, …]."""

    def __init__(self, labels: int = 3) -> None:
        super().__init__()
        b = TRUNK
        self.trunk = nn.ModuleList([
            conv(3, b, 3, 2), separable(b, 2 * b), separable(2 * b, 2 * b, 2), separable(2 * b, 2 * b),
            separable(2 * b, 4 * b, 2), separable(4 * b, 4 * b), separable(4 * b, 4 * b),
            Block(4 * b, dilation=3),
            separable(4 * b, 8 * b, 2), separable(8 * b, 8 * b), separable(8 * b, 8 * b),
            separable(8 * b, 16 * b, 2), separable(16 * b, 16 * b),
        ])  # fmt: skip
        self.more2, self.more3, self.more4, self.more5 = (
            nn.Sequential(*(Residual(width) for _ in range(count)))
            for width, count in zip((2 * b, 4 * b, 8 * b, 16 * b), EXTRAS, strict=True)
        )
        sizes = ((2 * b, FINE), (4 * b, WIDE), (8 * b, WIDE), (16 * b, WIDE))
        self.lateral = nn.ModuleList([conv(i, o, 1) for i, o in sizes])
        self.down = conv(WIDE, FINE, 1)
        self.sums = nn.ModuleList([Add() for _ in range(3)])
        self.smooth = nn.ModuleList([separable(o, o) for _, o in sizes])
        self.heads = nn.ModuleList([Head(o, labels) for _, o in sizes])

    def forward(self, x: Tensor) -> list[Tensor]:
        c2, c3, c4, c5 = self._levels(x)
        p5 = self.lateral[3](c5)
        p4 = self.sums[2](self.lateral[2](c4), _enlarged(p5))
        p3 = self.sums[1](self.lateral[1](c3), _enlarged(p4))
        p2 = self.sums[0](self.lateral[0](c2), _enlarged(self.down(p3)))
        outputs: list[Tensor] = []
        for p, smooth, head in zip((p2, p3, p4, p5), self.smooth, self.heads, strict=True):
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


def _enlarged(x: Tensor) -> Tensor:
    return F.interpolate(x, scale_factor=2.0, mode="bilinear")


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
