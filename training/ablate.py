"""What single choices are worth, without training again: `python -m training.ablate --data DATA --run RUN`.

Averaged against last weights, input sizes, levels left out, and ways of suppression, all on the held-out scenes.
"""

import argparse
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from training.geometry import letterbox
from training.metrics import Found, evaluate
from training.network import MaskNet, decode
from training.pictures import Picture, read_scenes
from training.predict import SUPPRESSION, settle, to_input

SIZES = (256, 288, 320, 352, 384, 416, 480)


class Raw:
    """What the network says of one scene before suppression."""

    def __init__(self, network: MaskNet, scene: Picture, size: int) -> None:
        square, scale = letterbox(scene.pixels, size)
        with torch.no_grad():
            logits, corners, points = decode(network(to_input(square[None])))
        self.scores = logits[0].sigmoid().numpy()
        self.corners = corners[0].numpy() / np.float32(scale)
        self.strides = points[:, 2].numpy()

    def settle(self, *, without: int = 0, **changes: Any) -> Found:
        """Suppressed detections, optionally without one level, with other rules than the device's."""
        scores = np.where((self.strides != without)[:, None], self.scores, 0.0)
        return settle(self.corners, scores, 1.0, replace(SUPPRESSION, **changes))


def main() -> int:
    """Print one Markdown row for each variant."""
    parser = argparse.ArgumentParser("python -m training.ablate", description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    scenes = list(read_scenes(options.data / "val" / "detection.json"))
    averaged = load(torch.load(options.run / "best.pt", map_location="cpu", weights_only=True))
    print("| variant | mAP2 | mAP3 | mask | no_mask | incorrect | face |\n|---|---|---|---|---|---|---|")
    base = [Raw(averaged, scene, 320) for scene in scenes]
    row("shipped: averaged weights, 320, the device's suppression", scenes, base, Raw.settle)
    if (state := options.run / "state.pt").exists():
        last = load(torch.load(state, map_location="cpu", weights_only=True)["network"])
        row("last weights instead of averaged", scenes, [Raw(last, scene, 320) for scene in scenes], Raw.settle)
    bare: dict[str, Any] = {"vote": None, "support": 0.0, "decay": None, "share": None}
    variants: list[dict[str, Any]] = [
        bare, {**bare, "class_agnostic": True}, *({"iou": limit} for limit in (0.4, 0.45, 0.55, 0.6)),
        {"vote": None}, {"support": 0.0}, {"decay": None}, {"share": None},
        *({"vote": limit} for limit in (0.5, 0.6, 0.7)), *({"support": value} for value in (0.25, 1.0)),
        *({"decay": value} for value in (0.1, 1.0)), {"share": 0.5}, {"share": 0.7}, {"floor": 0.1},
    ]  # fmt: skip
    for change in variants:
        name = ", ".join(f"{key} {value}" for key, value in change.items())
        row(name, scenes, base, partial(Raw.settle, **change))
    for stride in (4, 8):
        row(f"without the stride-{stride} answers", scenes, base, partial(Raw.settle, without=stride))
    for size in SIZES:
        row(f"input {size}", scenes, [Raw(averaged, scene, size) for scene in scenes], Raw.settle)
    return 0


def load(state: dict[str, torch.Tensor]) -> MaskNet:
    """A network with these weights, ready to answer."""
    network = MaskNet()
    network.load_state_dict(state)
    return network.eval()


def row(name: str, scenes: Sequence[Picture], raw: Sequence[Raw], settle: Callable[[Raw], Found]) -> None:
    """Evaluate one variant and print it."""
    figures = evaluate([settle(one) for one in raw], [scene.boxes for scene in scenes])
    keys = ("mAP2", "mAP3", "mask", "no_mask", "incorrect", "face")
    print(f"| {name} | " + " | ".join(f"{figures[key]:.3f}" for key in keys) + " |", flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
