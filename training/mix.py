"""A network, or the mean of two, as a checkpoint: `python -m training.mix FIRST --data DATA --out RUN/best.pt`.

Weights of runs of which one grew from the other lie near enough to each other for a mean of them to be better than
either now and then (Wortsman et al., "Model soups", 2022). `python -m training --out RUN --package-now` packages it.
"""

import argparse
import sys
from pathlib import Path

import torch

from training.annotations import BadData
from training.compose import Composer
from training.network import MaskNet
from training.options import share
from training.pictures import load_training
from training.weights import mixed, move_boxes, read_network


def main(arguments: list[str] | None = None) -> int:
    """Write the mixed weights; 2 with a sentence for what cannot be read."""
    parser = argparse.ArgumentParser("python -m training.mix", description=__doc__)
    parser.add_argument("first", type=Path, help="average.pt or model.float.tflite, of this very network")
    parser.add_argument("--second", type=Path, help="the same")
    parser.add_argument("--share", type=share, default=0.5, help="of the second (0 to 1)")
    parser.add_argument("--move", type=float, default=0.0, help="pixels of the input to move the first's boxes right")
    parser.add_argument("--data", type=Path, required=True, help="pictures that tell the spread inside a .tflite")
    parser.add_argument("--out", type=Path, required=True, help="where the weights go")
    options = parser.parse_args(arguments)
    try:
        network = read_weights(options.first, options.data)
        move_boxes(network, options.move)
        if options.second is not None:
            other = read_weights(options.second, options.data)
            network.load_state_dict(mixed(network.state_dict(), other.state_dict(), options.share))
    except BadData as wrong:
        print(f"error: {wrong}", file=sys.stderr)
        return 2
    write_weights(network, options.out)
    return 0


def write_weights(network: MaskNet, out: Path) -> None:
    """A checkpoint, in a folder that need not be there."""
    out.parent.mkdir(parents=True, exist_ok=True)
    torch.save(network.state_dict(), out)


def read_weights(weights: Path, data: Path) -> MaskNet:
    """A file of weights; a sentence where there is none."""
    if not weights.exists():
        raise BadData(f"{weights}: no such file; expected an average.pt or a model.float.tflite")
    return read_network(weights, lambda: Composer(load_training(data), 320).plain(160, 1))


if __name__ == "__main__":
    raise SystemExit(main())
