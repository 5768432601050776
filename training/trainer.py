"""The training loop: resumable, seeded, with an averaged copy of the weights that is what gets shipped."""

import copy
import json
import math
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch

from training.annotations import BadData
from training.loss import losses
from training.network import MaskNet, decode
from training.pictures import DataSet
from training.plan import Batch, Plan, batches, groups
from training.predict import hard_negatives, to_input
from training.teacher import Teachers, distillation_loss
from training.weights import grow_from, load_run, shown_by, start_from

STOPS = (signal.SIGTERM, signal.SIGINT)
LONGEST = 0.9985  # what the averaged copy keeps of itself at each step, late in a run: the mean of about 670 steps
MOST_LEFT_OUT = 20  # steps in a row: then it is no accident of a kernel


class Stopped(Exception):
    """Asked to stop; the state is on disk and the same command continues."""


class Trainer:
    """Trains a network on `data` to the end of the plan; `folder` holds everything that it leaves."""

    def __init__(self, plan: Plan, data: DataSet, folder: Path, weights: Path | None,
                 check: Callable[[MaskNet], dict[str, Any]], earlier: Path | None = None,
                 teachers: Sequence[MaskNet] = ()) -> None:  # fmt: skip
        """`weights`: where the trunk starts from, `earlier`: where everything does; `check`: figures for the log.

        `teachers` have their say where the plan gives them a share.
        """
        if plan.device != "cpu" and not torch.cuda.is_available():
            raise BadData(
                f"--device {plan.device}: this PyTorch sees no such device; use cpu, or a PyTorch built for it"
            )
        torch.set_num_threads(plan.threads)
        torch.manual_seed(plan.seed)
        cv2.setNumThreads(1)
        self._plan, self._data, self._folder, self._check = plan, data, folder, check
        self.network = MaskNet()
        self._teachers = Teachers(teachers, plan.device, plan.detail) if teachers else None
        if earlier is not None:
            grow_from(self.network, earlier, shown_by(data, plan.size, plan.seed))
        elif weights is not None:
            start_from(self.network, weights)
        self.network = self.network.to(plan.device, memory_format=torch.channels_last).train()
        self.network.freeze(plan.frozen)
        self.average = copy.deepcopy(self.network).eval()
        started = weights is not None or earlier is not None
        self._optimiser = torch.optim.AdamW(groups(self.network, plan, started=started), lr=plan.rate, fused=True)
        self._seconds, self._steps, self._stopping, self._best = 0.0, 0, False, -1.0
        self._left_out = 0  # steps in a row
        self._hard: list[int] = []  # seeds of empty pictures
        self._resume()

    def run(self) -> MaskNet:
        """Train to the end of the plan and return the averaged network of the best checkpoint.

        Meanwhile SIGTERM and SIGINT leave the state on disk and raise Stopped.
        """
        earlier = [signal.signal(number, self._stop) for number in STOPS]
        try:
            self._train()
        finally:
            for number, handler in zip(STOPS, earlier, strict=True):
                signal.signal(number, handler)
        self._checkpoint()
        self.average.load_state_dict(torch.load(self._folder / "best.pt", map_location="cpu", weights_only=True))
        return self.average.cpu()

    def _train(self) -> None:
        drawn = self._samples()
        since_check, sums, count, shown = 0.0, np.zeros(2), 0, time.monotonic()
        while self.progress < 1:
            if self._stopping:
                self._save()
                raise Stopped(f"stopped after {self._seconds / 60:.1f} minutes; the same command continues")
            started = time.monotonic()
            sums += self._step(next(drawn))
            count += 1
            took = min(time.monotonic() - started, 10.0)  # a compilation or a suspended machine is not training
            self._seconds, since_check = self._seconds + took, since_check + took
            if time.monotonic() - shown > 10:
                self._show(sums / count)
                sums, count, shown = np.zeros(2), 0, time.monotonic()
            if since_check > self._plan.check_every * 60:
                self._checkpoint()
                drawn, since_check = self._samples(), 0.0

    def _samples(self) -> Iterator[Batch]:
        """Batches from now on, with the empty pictures that fool the network by now among them."""
        if self._plan.nothing and self._plan.hard:
            rng = np.random.default_rng((self._plan.seed, self._steps))
            self._hard += hard_negatives(self.average, self._plan.size, self._plan.hard, rng)
            self._log({"minutes": round(self._seconds / 60, 2), "hard": len(self._hard)})
        return iter(batches(self._data, self._plan, self._steps, self._hard))

    @property
    def progress(self) -> float:
        """0 to 1."""
        if self._plan.pictures:
            return self._steps * self._plan.batch / self._plan.pictures
        return self._seconds / (self._plan.minutes * 60)

    def _step(self, batch: Batch) -> np.ndarray:
        pixels, faces, large = batch
        rate = self._plan.rate * min(1.0, (self._steps + 1) / 200)
        rate *= 0.01 + 0.99 * (0.5 + 0.5 * math.cos(math.pi * min(self.progress, 1.0)))
        for group in self._optimiser.param_groups:
            group["lr"] = rate * group["share"]
        with torch.autocast(self._plan.device, dtype=torch.bfloat16, enabled=self._plan.bf16):
            outputs = self.network(to_input(pixels, self._plan.device))
            lesson = None if self._teachers is None or large is None else self._teachers(large, faces)
        logits, corners, points = decode(outputs)
        score_loss, box_loss = losses(logits, corners, points, faces)
        loss = score_loss + box_loss
        if lesson is not None:
            loss = loss.lerp(distillation_loss(logits, corners, lesson), self._plan.taught)
        self._steps += 1
        if not torch.isfinite(loss):
            raise BadData(self._lost("the loss"))
        self._optimiser.zero_grad()
        loss.backward()
        self._learn()
        return np.array([float(score_loss.detach()), float(box_loss.detach())])

    def _learn(self) -> None:
        """Take one optimiser step, unless a gradient is not finite.

        One such number, from a faulty kernel (see `network.FullWidth`), would spoil every weight.
        """
        norm = torch.nn.utils.clip_grad_norm_(self.network.parameters(), 5.0)
        if torch.isfinite(norm):
            self._optimiser.step()
            update_average(self.average, self.network, self._steps)
            self._left_out = 0
            return
        self._left_out += 1
        self._log({"step": self._steps, "left_out": "gradients that are no numbers"})
        if self._left_out == MOST_LEFT_OUT:
            raise BadData(self._lost(f"the gradient in {MOST_LEFT_OUT} steps in a row"))

    def _lost(self, what: str) -> str:
        return (
            f"step {self._steps}: {what} is no finite number; the same command continues from the last checkpoint"
            f" in {self._folder}, best with a lower --rate or without --bf16"
        )

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
        if "empty" in figures:  # nor is one that sees faces where there are none
            score -= figures["empty"]["seen"] / figures["empty"]["of"]
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
        state = torch.load(path, map_location=self._plan.device, weights_only=True)
        load_run(self.network, state["network"], path)
        load_run(self.average, state["average"], path)
        self._optimiser.load_state_dict(state["optimiser"])
        self._seconds, self._steps, self._best = state["seconds"], state["steps"], state.get("best", -1.0)
        self._log({"resumed": True, "minutes": round(self._seconds / 60, 2), "plan": asdict(self._plan)})

    def _show(self, mean: np.ndarray) -> None:
        seen = self._steps * self._plan.batch
        left = self._seconds / 60 * (1 / max(self.progress, 1e-6) - 1)
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


@torch.no_grad()
def update_average(average: MaskNet, network: MaskNet, steps: int) -> None:
    """Move `average` a little towards `network`; early in a run further, as there is little to keep yet."""
    keep = min(LONGEST, (1 + steps) / (10 + steps))
    pairs = list(zip(average.state_dict().values(), network.state_dict().values(), strict=True))
    floating = [pair for pair in pairs if pair[0].dtype.is_floating_point]
    torch._foreach_lerp_([mine for mine, _ in floating], [theirs for _, theirs in floating], 1 - keep)
    for mine, theirs in pairs:
        if not mine.dtype.is_floating_point:
            mine.copy_(theirs)
