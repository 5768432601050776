"""The training loop: resumable, seeded, with an averaged copy of the weights that is what gets shipped."""

import copy
import json
import math
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset

from training.compose import Composer
from training.loss import losses
from training.network import MaskNet, decode
from training.pictures import DataSet
from training.predict import to_input

Batch = tuple[np.ndarray, list[Tensor]]


@dataclass(frozen=True, slots=True)
class Stage:
    """What samples are like in one part of the schedule, relative to the plan."""

    mosaic: float
    paste: float
    spoil: float
    zoom: float


WILD, CALM = Stage(1.0, 1.0, 1.0, 0.6), Stage(0.4, 0.4, 0.4, 0.4)


class Stopped(Exception):
    """Asked to stop; the state is on disk and the same command continues."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How to train. Minutes are of training itself: loading, evaluating and pauses do not count."""

    minutes: float = 100.0
    size: int = 320
    batch: int = 16
    rate: float = 2e-3
    decay: float = 0.02
    seed: int = 1
    threads: int = 2
    check_every: float = 6.0  # minutes between checkpoints with figures
    mosaic: float = 0.35
    paste: float = 0.35
    calm: float = 1.0  # last part of the schedule, on pictures closer to real ones
    frozen: int = 0  # first layers of the trunk that are not trained
    bf16: bool = False


class _Samples(IterableDataset[Batch]):
    """Endless batches; drawn in a process of its own, from a seed and the number of batches already seen."""

    def __init__(self, composer: Composer, batch: int, seed: tuple[int, ...]) -> None:
        self._composer, self._batch, self._seed = composer, batch, seed

    def __iter__(self) -> Iterator[Batch]:
        cv2.setNumThreads(1)
        rng = np.random.default_rng(self._seed)
        while True:
            pairs = [self._composer.sample(rng) for _ in range(self._batch)]
            yield np.stack([pixels for pixels, _ in pairs]), [torch.from_numpy(boxes) for _, boxes in pairs]


class Trainer:
    """Trains `network` on `data` until the plan's minutes are used up; `folder` holds everything that it leaves."""

    def __init__(self, plan: Plan, data: DataSet, folder: Path, weights: Path | None,
                 check: Callable[[MaskNet], dict[str, Any]], earlier: Path | None = None) -> None:  # fmt: skip
        """`weights`: where the trunk starts from, `earlier`: where everything does; `check`: figures for the log."""
        torch.set_num_threads(plan.threads)
        torch.manual_seed(plan.seed)
        cv2.setNumThreads(1)
        self._plan, self._data, self._folder, self._check = plan, data, folder, check
        self.network = MaskNet()
        if earlier is not None:
            self.network.grow_from(earlier)
        elif weights is not None:
            self.network.start_from(weights)
        self.network = self.network.to(memory_format=torch.channels_last).train()
        self.network.freeze(plan.frozen)
        self.average = copy.deepcopy(self.network).eval()
        started = weights is not None or earlier is not None
        self._optimiser = torch.optim.AdamW(_groups(self.network, plan, started=started), lr=plan.rate)
        self._seconds, self._steps, self._stopping, self._best = 0.0, 0, False, -1.0
        self._resume()

    def run(self) -> MaskNet:
        """Train to the end of the plan and return the averaged network of the best checkpoint."""
        batches, stage = iter(self._batches(self.stage)), self.stage
        since_check, sums, count, shown = 0.0, np.zeros(2), 0, time.monotonic()
        signal.signal(signal.SIGTERM, self._stop)
        signal.signal(signal.SIGINT, self._stop)
        while self.progress < 1:
            if self._stopping:
                self._save()
                raise Stopped(f"stopped after {self._seconds / 60:.1f} minutes; the same command continues")
            started = time.monotonic()
            if self.stage is not stage:
                batches, stage = iter(self._batches(self.stage)), self.stage
            sums += self._step(next(batches))
            count += 1
            took = min(time.monotonic() - started, 10.0)  # a compilation or a suspended machine is not training
            self._seconds, since_check = self._seconds + took, since_check + took
            if time.monotonic() - shown > 10:
                self._show(sums / count)
                sums, count, shown = np.zeros(2), 0, time.monotonic()
            if since_check > self._plan.check_every * 60:
                self._checkpoint()
                since_check = 0.0
        self._checkpoint()
        self.average.load_state_dict(torch.load(self._folder / "best.pt", weights_only=True))
        return self.average

    @property
    def progress(self) -> float:
        """0 to 1."""
        return self._seconds / (self._plan.minutes * 60)

    @property
    def stage(self) -> Stage:
        """What samples are like now."""
        return CALM if self.progress >= 1 - self._plan.calm else WILD

    def _batches(self, stage: Stage) -> DataLoader[Batch]:
        plan = self._plan
        composer = Composer(
            self._data, plan.size, mosaic=plan.mosaic * stage.mosaic, paste=plan.paste * stage.paste,
            zoom=stage.zoom, spoil_share=stage.spoil,
        )  # fmt: skip
        samples = _Samples(composer, plan.batch, (plan.seed, self._steps))
        return DataLoader(samples, batch_size=None, num_workers=1, prefetch_factor=4, collate_fn=_as_is)

    def _step(self, batch: Batch) -> np.ndarray:
        pixels, faces = batch
        rate = self._plan.rate * min(1.0, (self._steps + 1) / 200)
        rate *= 0.01 + 0.99 * (0.5 + 0.5 * math.cos(math.pi * min(self.progress, 1.0)))
        for group in self._optimiser.param_groups:
            group["lr"] = rate * group["share"]
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=self._plan.bf16):
            outputs = self.network(to_input(pixels))
        score_loss, box_loss = losses(*decode(outputs), faces)
        self._optimiser.zero_grad()
        (score_loss + box_loss).backward()
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), 5.0)
        self._optimiser.step()
        self._steps += 1
        self._follow()
        return np.array([float(score_loss.detach()), float(box_loss.detach())])

    @torch.no_grad()
    def _follow(self) -> None:
        keep = min(0.9985, (1 + self._steps) / (10 + self._steps))
        for mine, theirs in zip(self.average.state_dict().values(), self.network.state_dict().values(), strict=True):
            if mine.dtype.is_floating_point:
                mine.lerp_(theirs, 1 - keep)
            else:
                mine.copy_(theirs)

    def _stop(self, *_: object) -> None:
        self._stopping = True

    def _save(self) -> None:
        state = {
            "network": self.network.state_dict(), "average": self.average.state_dict(),
            "optimiser": self._optimiser.state_dict(), "seconds": self._seconds, "steps": self._steps,
            "best": self._best, "plan": asdict(self._plan),
        }  # fmt: skip
        part = self._folder / "state.pt.part"
        torch.save(state, part)
        part.replace(self._folder / "state.pt")
        torch.save(self.average.state_dict(), self._folder / "average.pt")

    def _checkpoint(self) -> None:
        self._save()
        figures = self._check(self.average)
        # The end of a run need not be its best: on few pictures a low rate learns by heart.
        score = float(figures.get("mAP2", 0.0)) + float(figures.get("mAP3", 0.0))
        if score > self._best or not (self._folder / "best.pt").exists():
            self._best = score
            torch.save(self.average.state_dict(), self._folder / "best.pt")
            self._save()
        self._log({"minutes": round(self._seconds / 60, 2), "steps": self._steps, **figures})

    def _resume(self) -> None:
        path = self._folder / "state.pt"
        if not path.exists():
            self._log({"plan": asdict(self._plan)})
            return
        state = torch.load(path, weights_only=True)
        self.network.load_state_dict(state["network"])
        self.average.load_state_dict(state["average"])
        self._optimiser.load_state_dict(state["optimiser"])
        self._seconds, self._steps, self._best = state["seconds"], state["steps"], state.get("best", -1.0)
        self._log({"resumed": True, "minutes": round(self._seconds / 60, 2), "plan": asdict(self._plan)})

    def _show(self, mean: np.ndarray) -> None:
        seen = self._steps * self._plan.batch
        left = self._plan.minutes - self._seconds / 60
        print(
            f"{self.progress:6.1%}  {left:5.1f} min left  {seen} pictures  {seen / max(self._seconds, 1):.1f}/s"
            f"  score {mean[0]:.3f}  box {mean[1]:.3f}", flush=True,
        )  # fmt: skip
        self._log({"minutes": round(self._seconds / 60, 2), "score_loss": mean[0], "box_loss": mean[1]}, echo=False)

    def _log(self, line: dict[str, Any], *, echo: bool = True) -> None:
        text = json.dumps(line, default=float)
        with (self._folder / "log.jsonl").open("a", encoding="utf-8") as log:
            log.write(text + "\n")
        if echo:
            print(text, flush=True)


def _groups(network: MaskNet, plan: Plan, *, started: bool) -> list[dict[str, Any]]:
    """Half the rate for a trunk that is already trained; decay only for what is a matrix."""
    groups = []
    for name, weight in network.named_parameters():
        if not weight.requires_grad:
            continue
        share = 0.5 if started and name.startswith("trunk.") else 1.0
        groups.append({"params": [weight], "weight_decay": plan.decay if weight.ndim > 1 else 0.0, "share": share})
    return groups


def _as_is(batch: Batch) -> Batch:
    return batch
