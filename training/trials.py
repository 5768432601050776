"""What single choices in training are worth: `python -m training.trials --data DATA --out RUNS`.

Each trial is a short run from the same start over the same number of samples, with one choice taken back. A trial that
is done is not repeated, so the same command continues: after a stop within a trial (SIGTERM, Ctrl-C) also that one.
"""

import argparse
import functools
import json
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from training.annotations import BadData
from training.checks import figures
from training.network import BRANCHES, MaskNet
from training.pictures import HeldOut, load_held_out, load_training
from training.plan import Plan
from training.trainer import Stopped, Trainer

SIZES = (288, 320, 352, 384, 416)
"""Input sizes to judge at: a mean over them hangs less on single faces."""

KEYS = ("mAP2", "mAP3", "face")


@dataclass(frozen=True, slots=True)
class Trial:
    """One choice taken back."""

    name: str
    changes: dict[str, Any] = field(default_factory=dict)  # of the plan
    make: Callable[[], MaskNet] = MaskNet
    trunk: bool = True  # starts from trained weights


def unbounded() -> MaskNet:
    """The network with ReLU where it has ReLU6."""
    network = MaskNet()
    for module in network.modules():
        for name, child in module.named_children():
            if isinstance(child, nn.ReLU6):
                setattr(module, name, nn.ReLU(inplace=child.inplace))
    return network


TRIALS = (
    Trial("nothing taken back"),
    Trial("the same, another seed", {"seed": 2}),
    Trial("no mosaics", {"mosaic": 0.0}),
    Trial("no faces pasted in", {"paste": 0.0}),
    Trial("no camera faults (dusk, noise, blur, JPEG, grey)", {"faults": 0.0}),
    Trial("no zoom to a face", {"zoom": 0.0}),
    Trial("scenes with rare labels no more often than others", {"rare": 0.0}),
    Trial("without stride 4", make=functools.partial(MaskNet, finest=8)),
    Trial("without the additional blocks of the trunk", make=functools.partial(MaskNet, extras=(0, 0, 0, 0))),
    Trial("branches, blocks that add, two towers (up to 1.4.0)", make=functools.partial(MaskNet, form=BRANCHES)),
    Trial("ReLU instead of ReLU6", make=unbounded),
    Trial("trained at 416", {"size": 416}),
    Trial("16 instead of 32 channels at stride 4", make=functools.partial(MaskNet, fine=16)),
    Trial("first three layers trained, too", {"frozen": 0}),
    Trial("trunk from nothing", {"frozen": 0}, trunk=False),
)


def main(arguments: list[str] | None = None) -> int:
    """Run what is not done yet, one after the other, and print the table."""
    options = parser().parse_args(arguments)
    os.nice(options.nice)
    try:
        return run(options, TRIALS[: options.first])
    except BadData as wrong:
        print(f"error: {wrong}", file=sys.stderr)
        return 2
    except Stopped as stopped:
        print(stopped, flush=True)
        return 1


def run(options: argparse.Namespace, trials: Sequence[Trial]) -> int:
    """Run these trials; each leaves `figures.json` in a folder of its own."""
    weights: Path | None = options.data / "init" / "RFB-640-masked_face-v2.pth"
    held_out, data = load_held_out(options.data), load_training(options.data)
    if weights is not None and not weights.exists():
        print(f"# no {weights}: in every trial the trunk starts from nothing", flush=True)
        weights = None
    for number, trial in enumerate(trials):
        folder = options.out / f"{number:02}"
        plan = replace(Plan(
            pictures=options.pictures, threads=options.threads, bf16=options.bf16, check_every=1e9,
            rate=options.rate, frozen=3 if weights else 0,
        ), **trial.changes)  # fmt: skip
        claim(folder, trial, plan)
        file = folder / "figures.json"
        if not file.exists():
            print(f"# {trial.name}", flush=True)
            start = weights if trial.trunk else None
            trainer = Trainer(plan, data, folder, start, lambda _: {}, make=trial.make)
            file.write_text(json.dumps(judge(trainer.run(), held_out)), encoding="utf-8")
        print(row(trial.name, json.loads(file.read_text(encoding="utf-8"))), flush=True)
    return 0


def claim(folder: Path, trial: Trial, plan: Plan) -> None:
    """Make the folder this trial's. Raises BadData when it is another one's, or that of another plan."""
    file, mine = folder / "trial.json", {"trial": trial.name, "plan": asdict(plan)}
    if not file.exists():
        folder.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(mine), encoding="utf-8")
    elif (found := json.loads(file.read_text(encoding="utf-8"))) != mine:
        raise BadData(
            f"{file}: this folder is of {found.get('trial')!r} with another plan than {trial.name!r} has now;"
            " rows of one table come from the same work: give another --out, or the options of then"
        )


@torch.no_grad()
def judge(network: MaskNet, held_out: HeldOut) -> dict[str, Any]:
    """Figures at 320 (`at_320`), and their means over `SIZES` (`mean`)."""
    scenes = HeldOut(held_out.scenes)
    found = [figures(network, held_out if size == 320 else scenes, size) for size in SIZES]
    mean = {key: round(float(np.mean([one[key] for one in found])), 4) for key in KEYS}
    return {"at_320": found[SIZES.index(320)], "mean": mean}


def row(name: str, found: dict[str, Any]) -> str:
    """One line of the table: mAP2 and mAP3 at 320, the means of three figures, recall of small faces, the gate."""
    at, mean = found["at_320"], found["mean"]
    small, gate = at["recall"].get("8-16", 0.0), at.get("gate", {}).get("accuracy", 0.0)
    cells = (at["mAP2"], at["mAP3"], *(mean[key] for key in KEYS), small, gate)
    return f"| {name} | " + " | ".join(f"{cell:.3f}" for cell in cells) + " |"


def parser() -> argparse.ArgumentParser:
    """The options."""
    found = argparse.ArgumentParser("python -m training.trials", description=__doc__)
    found.add_argument("--data", type=Path, required=True)
    found.add_argument("--out", type=Path, required=True, help="a folder for all trials; the same command continues")
    found.add_argument("--pictures", type=int, default=12_000, help="samples of each trial")
    found.add_argument("--first", type=int, default=len(TRIALS), help="only so many trials")
    found.add_argument("--rate", type=float, default=Plan().rate)
    found.add_argument("--threads", type=int, default=2)
    found.add_argument("--nice", type=int, default=10)
    found.add_argument("--bf16", action="store_true")
    return found


if __name__ == "__main__":
    raise SystemExit(main())
