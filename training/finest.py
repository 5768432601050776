"""Stride 4 as 1.6.0 had it, with a sum less: `python -m training.finest OLD --data DATA --out RUN/best.pt`.

Up to 1.6.0 a residual block stood between the pyramid at stride 4 and its head; now it is a plain one. What only that
level has (the lateral convolution, the one that leads down to it, block and head) learns to say what the old network
says there; all other levels stay as they are. No labels are asked. (Hinton, Vinyals and Dean, "Distilling the knowledge
in a neural network", 2015; here one level of it.)
"""

import argparse
import math
import sys
import time
from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor

from training.annotations import BadData
from training.compose import Composer
from training.heads import differences
from training.mix import read_weights, write_weights
from training.network import ADDING, MaskNet
from training.options import count, count_or_none
from training.pictures import load_training
from training.plan import WILD, Plan, batches
from training.predict import to_input
from training.slim import slim_from

RATE = 2e-3
WARMING = 30  # batches until the rate is reached
BOXES = 10.0  # what a cell of difference counts beside the cross entropy of logits


def learn_finest(
    network: MaskNet, old: MaskNet, samples: Iterable[Tensor], steps: int, rate: float = RATE
) -> list[float]:
    """Learn for so many batches (n × S × S × 3, bytes); batch norms keep what they know of the spread.

    Returns by how much boxes differ where faces are (mean, in cells), tenth by tenth.
    """
    network.eval()
    old.eval()
    parts = (network.lateral[0], network.down, network.smooth[0], network.heads[0])
    learning = [weight for part in parts for weight in part.parameters()]
    for weight in network.parameters():
        weight.requires_grad_(False)
    for weight in learning:
        weight.requires_grad_(True)
    optimiser = torch.optim.Adam(learning)
    missed: list[float] = []
    for step, pixels in zip(range(steps), samples, strict=False):
        slope = min(1.0, (step + 1) / WARMING) * (0.5 + 0.5 * math.cos(math.pi * step / steps))
        optimiser.param_groups[0]["lr"] = rate * slope
        x = to_input(pixels)
        with torch.no_grad():
            wanted = old(x)[:2]
        logits, box = network(x)[:2]
        boxes, scores = differences((logits, box), (wanted[0], wanted[1]))
        (BOXES * boxes + scores).backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        optimiser.zero_grad()
        missed.append(float(boxes.detach()))
    for weight in network.parameters():
        weight.requires_grad_(True)
    length = max(1, -(-len(missed) // 10))
    return [float(np.mean(missed[start : start + length])) for start in range(0, len(missed), length)]


def main(arguments: list[str] | None = None) -> int:
    """Write the weights; 2 with a sentence for what cannot be read."""
    parser = argparse.ArgumentParser("python -m training.finest", description=__doc__)
    parser.add_argument("weights", type=Path, help="average.pt, best.pt or model.float.tflite of a network like 1.6.0")
    parser.add_argument("--data", type=Path, required=True, help="the pictures to learn on")
    parser.add_argument("--out", type=Path, required=True, help="where the weights go")
    parser.add_argument("--pictures", type=count, default=25_600, help="how many samples to learn on")
    parser.add_argument("--batch", type=count, default=32)
    parser.add_argument("--seed", type=count_or_none, default=7)
    options = parser.parse_args(arguments)
    torch.manual_seed(options.seed)
    cv2.setNumThreads(1)  # a process that is forked while others of OpenCV's threads run would wait for them for ever
    plan = Plan(seed=options.seed, batch=options.batch, rare=0.5)
    try:
        old = read_weights(options.weights, options.data)
        if old.form is not ADDING:
            raise BadData(f"{options.weights}: not a network like 1.6.0; a run goes on from it with --grow")
        data = load_training(options.data)
    except BadData as wrong:
        print(f"error: {wrong}", file=sys.stderr)
        return 2
    network = MaskNet(extras=old.extras)
    slim_from(network, old, Composer(data, plan.size).plain(160, 1))
    steps, started = -(-options.pictures // options.batch), time.monotonic()
    samples = (pixels for pixels, _, _ in batches(data, plan, WILD, 0))
    for missed in learn_finest(network, old, samples, steps):
        print(f"boxes of stride 4 differ by {missed:.4f} cells", flush=True)
    print(f"{steps * options.batch} samples in {time.monotonic() - started:.0f} s")
    write_weights(network, options.out)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
