"""The detector: a small pretrained trunk, a feature pyramid from stride 4 to 32, anchor-free heads.

    picture ▶ stem ▶ C2 (s4, 32) ▶ C3 (s8, 64, wide view) ▶ C4 (s16, 128) ▶ C5 (s32, 256)
                      │              │                 │                │
                     P2 ◀────────── P3 ◀───────────── P4 ◀──────────── P5     ×2, added
                      │              │                 │                │
                   logits, box    logits, box       logits, box     logits, box

Activations are ReLU6, so that their ranges are known and int8 costs little. Everything between the first convolution
and the last ones is separable.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from training.earlier import ReceptiveField, WideView
from training.layers import Add, Block, Head, Residual, conv, separable

STRIDES = (4, 8, 16, 32)
FINE = 32  # channels of the pyramid at stride 4, where a channel costs most
WIDE = 64  # channels of the pyramid elsewhere
TRUNK = 16  # channels of the first convolution
EXTRAS = (2, 1, 1, 1)  # blocks behind C2, C3, C4, C5
VIEW = 7  # layer of the trunk that sees far


@dataclass(frozen=True, slots=True)
class Form:
    """In what networks of different versions differ. Only today's is trained; the others are read."""

    view: Callable[[int], nn.Module]
    towers: int  # of the heads from stride 8 on
    enlarge: str  # how a level becomes as large as the next finer one
    finest: Callable[[int], nn.Module]  # what lies between the pyramid at stride 4 and its head


NOW = Form(partial(Block, dilation=3), 1, "bilinear", lambda width: separable(width, width))
ADDING = Form(partial(Block, dilation=3), 1, "bilinear", Residual)  # 1.6.0
SUMS = Form(WideView, 2, "nearest", Residual)  # 1.5.0
BRANCHES = Form(ReceptiveField, 2, "nearest", Residual)  # up to 1.4.0


class MaskNet(nn.Module):
    """Picture (n × 3 × S × S, (pixel − 127) / 128) to logits and boxes per stride: [logits4, box4, logits8, …].

    With `finest` 8 it answers from stride 8 on only; `form` is that of another version.
    """

    def __init__(self, labels: int = 3, *, fine: int = FINE, extras: tuple[int, int, int, int] = EXTRAS,
                 finest: int = STRIDES[0], form: Form = NOW) -> None:  # fmt: skip
        super().__init__()
        self.strides = STRIDES[STRIDES.index(finest) :]
        self.form, self.extras = form, extras
        b = TRUNK
        self.trunk = nn.ModuleList([
            conv(3, b, 3, 2), separable(b, 2 * b), separable(2 * b, 2 * b, 2), separable(2 * b, 2 * b),
            separable(2 * b, 4 * b, 2), separable(4 * b, 4 * b), separable(4 * b, 4 * b),
            form.view(4 * b),
            separable(4 * b, 8 * b, 2), separable(8 * b, 8 * b), separable(8 * b, 8 * b),
            separable(8 * b, 16 * b, 2), separable(16 * b, 16 * b),
        ])  # fmt: skip
        self.more2, self.more3, self.more4, self.more5 = (
            nn.Sequential(*(Residual(width) for _ in range(count)))
            for width, count in zip((2 * b, 4 * b, 8 * b, 16 * b), extras, strict=True)
        )
        sizes = ((2 * b, fine), (4 * b, WIDE), (8 * b, WIDE), (16 * b, WIDE))
        self.lateral = nn.ModuleList([conv(i, o, 1) for i, o in sizes])
        self.down = conv(WIDE, fine, 1)
        self.sums = nn.ModuleList([Add() for _ in range(3)])
        self.smooth = nn.ModuleList([form.finest(fine), *(separable(WIDE, WIDE) for _ in range(3))])
        self.heads = nn.ModuleList([Head(o, labels, towers=form.towers if k else 1) for k, (_, o) in enumerate(sizes)])

    def forward(self, x: Tensor) -> list[Tensor]:
        c2, c3, c4, c5 = self._levels(x)
        p5 = self.lateral[3](c5)
        p4 = self.sums[2](self.lateral[2](c4), self._enlarged(p5))
        p3 = self.sums[1](self.lateral[1](c3), self._enlarged(p4))
        p2 = self.sums[0](self.lateral[0](c2), self._enlarged(self.down(p3)))
        outputs: list[Tensor] = []
        for stride, p, smooth, head in zip(STRIDES, (p2, p3, p4, p5), self.smooth, self.heads, strict=True):
            if stride in self.strides:
                outputs += head(smooth(p))
        return outputs

    def _enlarged(self, x: Tensor) -> Tensor:
        return F.interpolate(x, scale_factor=2.0, mode=self.form.enlarge)

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
