"""The one command: train (or continue), then export, package and report."""

import argparse
import os
import random
import sys
from collections.abc import Sequence
from pathlib import Path

import torch

from training.annotations import BadData
from training.network import MaskNet
from training.package import Origin, build_package
from training.pictures import DataSet, HeldOut, Pixels, load_held_out, load_training
from training.plan import Plan
from training.predict import figures
from training.report import write_report
from training.smoke import generate
from training.teacher import SHARE
from training.trainer import Stopped, Trainer
from training.weights import load_run, read_network, shown_by

SMOKE_MINUTES, SMOKE_HARD = 0.15, 64
RATE = Plan().rate


def main(arguments: list[str] | None = None) -> int:
    """Run with these arguments; 0 when everything was written, 1 when stopped, 2 with a sentence for unusable data."""
    options = parse(arguments)
    try:
        return run(options)
    except BadData as wrong:
        print(f"error: {wrong}", file=sys.stderr)
        return 2
    except Stopped as stopped:
        print(stopped, flush=True)
        return 1


def run(options: argparse.Namespace) -> int:
    """Train, package, report."""
    folder: Path = options.out
    folder.mkdir(parents=True, exist_ok=True)
    os.nice(options.nice)
    if options.smoke:
        options.data = generate(folder / "generated", seed=options.seed)
        options.minutes, options.pictures, options.hard = SMOKE_MINUTES, 0, min(options.hard, SMOKE_HARD)
        options.export = options.export[:1]
    if options.data is None:
        raise BadData("--data is missing: the folder with train/ and val/ (docs/training.md), or use --smoke")
    held_out = load_held_out(options.data)
    data = load_training(options.data, more=options.more)
    print(f"{len(data.scenes)} scenes, {len(data.tight)} tight faces, {len(held_out.scenes)} held out", flush=True)
    network = stored(folder) if options.package_now else train(options, data, held_out)
    if options.train_only:
        print(f"done: checkpoints in {folder}; the same command with --package-now makes the packages", flush=True)
        return 0
    build(options, network, data, held_out)
    write_report(folder, network, held_out, options.size)
    print(f"done: packages and report in {folder}", flush=True)
    return 0


def train(options: argparse.Namespace, data: DataSet, held_out: HeldOut) -> MaskNet:
    """Train to the end of the plan, from where the folder's last state stands."""
    plan = Plan(
        minutes=options.minutes, pictures=options.pictures, size=options.size, batch=options.batch, rate=options.rate,
        seed=options.seed,
        threads=options.threads, check_every=options.check_every, bf16=options.bf16,
        frozen=options.freeze, taught=options.taught if options.teacher else 0.0,
        detail=options.detail,
        device=options.device, workers=options.workers, rare=options.rare, close=options.close,
        nothing=options.nothing, hard=options.hard,
    )  # fmt: skip
    weights = options.start or options.data / "init" / "RFB-640-masked_face-v2.pth"
    if options.start is not None and not weights.exists():
        raise BadData(f"{weights}: no such file; leave --start out to train the trunk from nothing")
    for option, files in (("grow", [options.grow] if options.grow else []), ("teacher", options.teacher)):
        for file in files:
            if not file.exists():
                raise BadData(f"{file}: no such file; --{option} takes an average.pt or a model.float.tflite")
    teachers = [read_network(file, shown_by(data, plan.size, plan.seed)) for file in options.teacher]
    trainer = Trainer(plan, data, options.out, weights if weights.exists() else None,
                      lambda network: figures(network, held_out, plan.size), options.grow,
                      teachers=teachers)  # fmt: skip
    return trainer.run()


def stored(folder: Path) -> MaskNet:
    """The averaged network of the best checkpoint; of the last, where a run kept no other."""
    path = folder / "best.pt"
    if not path.exists():
        path = folder / "average.pt"
    if not path.exists():
        raise BadData(f"{path}: no checkpoint yet; leave --package-now out to train")
    network = MaskNet()
    load_run(network, torch.load(path, map_location="cpu", weights_only=True), path)
    return network.eval()


def build(options: argparse.Namespace, network: MaskNet, data: DataSet, held_out: HeldOut) -> None:
    """One package for each exported size; the first has the plain name."""
    shuffled = random.Random(options.seed).sample(data.scenes, len(data.scenes))
    pictures: Sequence[Pixels] = [scene.pixels for scene in shuffled]
    for index, size in enumerate(options.export):
        name = "mask-detector" if index == 0 else f"mask-detector-{size}"
        origin = Origin(name, options.version, options.seed, _command(options))
        card = build_package(network, options.out / name, size, origin, held_out, pictures, golden=not options.smoke)
        for precision, figure in card["figures"]["val"].items():
            print(f"{name} {precision}: mAP2 {figure['mAP2']}, mAP3 {figure['mAP3']}", flush=True)


def _command(options: argparse.Namespace) -> str:
    """What repeats this run, for the card."""
    length = f"--pictures {options.pictures}" if options.pictures else f"--minutes {options.minutes:g}"
    words = f"python -m training --data PATH --out DIR {length} --seed {options.seed}"
    if options.rate != RATE:
        words += f" --rate {options.rate:g}"
    if options.grow:
        words += f" --grow EARLIER/{options.grow.name}"
    if options.teacher:
        words += " --teacher " + " ".join(f"EARLIER/{file.name}" for file in options.teacher)
        words += f" --taught {options.taught:g}" if options.taught != SHARE else ""
    for option in ("batch", "rare", "close", "nothing", "hard", "detail"):
        if getattr(options, option) != getattr(Plan(), option):
            words += f" --{option} {getattr(options, option):g}"
    if options.more:
        words += " --more " + " ".join(file.name for file in options.more)
    if options.freeze:
        words += f" --freeze {options.freeze}"
    if options.device != "cpu":
        words += f" --device {options.device} --workers {options.workers}"
    return words + (" --bf16" if options.bf16 else "")


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """The options of a run; exits with a sentence for those that make no sense, alone or together."""
    found = parser()
    options = found.parse_args(arguments)
    for name, usual in (("taught", SHARE), ("detail", Plan().detail)):
        if getattr(options, name) is None:
            setattr(options, name, usual)
        elif not options.teacher:
            found.error(f"argument --{name}: is about teachers; name them with --teacher, or leave it out")
    return options


def parser() -> argparse.ArgumentParser:
    """The options; `parse` fills in what depends on others."""
    found = argparse.ArgumentParser("python -m training", description="Train the mask detector and package it.")
    found.add_argument("--data", type=Path, help="folder with train/ and val/, see docs/training.md")
    found.add_argument("--out", type=Path, required=True, help="folder of this run; the same command continues it")
    found.add_argument("--start", type=Path, help="Linzaer RFB checkpoint for the trunk (default: DATA/init/...)")
    found.add_argument("--grow", type=Path, help="start from an earlier run: its average.pt, or a model.float.tflite")
    found.add_argument(
        "--teacher", type=Path, nargs="+", default=[], help="learn also from what trained networks say: as for --grow"
    )
    found.add_argument(
        "--detail", type=int, choices=(1, 2), help=f"how many times as large teachers see the samples ({Plan().detail})"
    )
    found.add_argument("--taught", type=share, help=f"of the loss, the part that teachers have (0 to 1; {SHARE:g})")
    found.add_argument("--freeze", type=int, default=0, help="first layers of the trunk that are left as they are")
    found.add_argument("--minutes", type=float, default=100.0, help="training time; loading and checks not counted")
    found.add_argument("--pictures", type=int, default=0, help="pictures to see, instead of --minutes")
    found.add_argument("--size", type=int, default=320, help="side of the training pictures")
    found.add_argument(
        "--rare",
        type=float,
        default=Plan().rare,
        help="how much more often scenes with bare or badly covered faces come",
    )
    found.add_argument(
        "--close", type=share, default=Plan().close, help="of samples, faces close to the camera (0 to 1)"
    )
    found.add_argument(
        "--nothing", type=share, default=Plan().nothing, help="of samples, pictures without a face (0 to 1)"
    )
    found.add_argument(
        "--hard",
        type=count_or_none,
        default=Plan().hard,
        help="so many empty pictures are drawn at each check to find some that fool the network (0: never)",
    )
    found.add_argument("--batch", type=count, default=16, help="pictures per step")
    found.add_argument("--rate", type=float, default=RATE, help="highest learning rate")
    found.add_argument("--seed", type=int, default=1)
    found.add_argument("--threads", type=int, default=2)
    found.add_argument("--nice", type=int, default=10, help="how far to step back for other programs")
    found.add_argument("--check-every", type=float, default=6.0, help="minutes between checkpoints")
    found.add_argument("--bf16", action="store_true", help="half-width arithmetic (faster where the CPU has it)")
    found.add_argument("--export", type=int, nargs="+", default=[320, 416], help="input sizes to package")
    found.add_argument("--version", default="1.0.0", help="version in the card")
    found.add_argument("--device", choices=("cpu", "cuda"), default="cpu", help="where the network is trained")
    found.add_argument("--workers", type=count, default=1, help="processes that compose samples (on a GPU: all cores)")
    found.add_argument(
        "--more", type=Path, nargs="+", default=[], help="further annotation files; their pictures lie under DATA/train"
    )
    found.add_argument("--train-only", action="store_true", help="make no packages: --package-now does so elsewhere")
    found.add_argument("--package-now", action="store_true", help="do not train: package the last checkpoint")
    found.add_argument(
        "--smoke", action="store_true", help="about a minute on generated pictures; quality means nothing"
    )
    return found


def count(text: str, least: int = 1) -> int:
    """A whole number from `least` on."""
    if not text.isdecimal() or int(text) < least:
        raise argparse.ArgumentTypeError(f"{text!r}: expected a whole number from {least} on")
    return int(text)


def count_or_none(text: str) -> int:
    """A whole number from 0 on."""
    return count(text, 0)


def share(text: str) -> float:
    """A number from 0 to 1."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"{text!r}: expected a number from 0 to 1")
    return value
