"""What a run is told: its length, its rates, and what its samples are like."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from training.compose import Composer
from training.network import MaskNet
from training.pictures import DataSet
from training.teacher import DETAIL

Batch = tuple[Tensor, list[np.ndarray], Tensor | None]
"""Pictures (n × S × S × 3, bytes), their boxes, and the same pictures for teachers."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How to train. Minutes are of training itself: loading, evaluating and pauses do not count."""

    minutes: float = 100.0
    pictures: int = 0  # how many to see, instead of minutes: the same work on any machine
    size: int = 320
    batch: int = 16
    rate: float = 2e-3
    decay: float = 0.02
    seed: int = 1
    threads: int = 2
    check_every: float = 6.0  # minutes between checkpoints with figures
    mosaic: float = 0.45
    paste: float = 0.35
    close: float = 0.05  # of samples, those that are one tight face close to the camera
    nothing: float = 0.08  # of samples, those without a face: a covered lens is no masked visitor
    hard: int = 1000  # empty pictures drawn at each check; those that fool the network come more often from then on
    zoom: float = 0.6  # of samples, those that go close to some face
    faults: float = 1.0  # how often a camera spoils them, relative to augment.py
    rare: float = 1.0  # how much more often scenes with rare labels come, relative to compose.py
    frozen: int = 0  # first layers of the trunk that are not trained
    bf16: bool = False
    taught: float = 0.0  # the teachers' share of the loss
    detail: int = DETAIL  # how many times as large the teachers' pictures are
    device: str = "cpu"  # where the network is trained: cpu or cuda
    workers: int = 1  # processes that compose samples


def batches(data: DataSet, plan: Plan, seen: int, hard: Sequence[int] = ()) -> DataLoader[Batch]:
    """Endless batches, from the plan's seed and the number of batches already `seen`.

    `hard`: seeds of empty pictures that come more often than others.
    """
    composer = Composer(
        data, plan.size, mosaic=plan.mosaic, paste=plan.paste,
        close=plan.close, nothing=plan.nothing, hard=hard, zoom=plan.zoom,
        spoil_share=plan.faults, rare=plan.rare, detail=plan.detail if plan.taught else 1,
    )  # fmt: skip
    samples = _Samples(composer, plan.batch, (plan.seed, seen), taught=bool(plan.taught))
    return DataLoader(samples, batch_size=None, num_workers=plan.workers, prefetch_factor=4, collate_fn=_as_is)


def groups(network: MaskNet, plan: Plan, *, started: bool) -> list[dict[str, Any]]:
    """Half the rate for a trunk that is already trained; decay only for what is a matrix."""
    found: dict[tuple[float, float], list[nn.Parameter]] = {}
    for name, weight in network.named_parameters():
        if weight.requires_grad:
            share = 0.5 if started and name.startswith("trunk.") else 1.0
            found.setdefault((share, plan.decay if weight.ndim > 1 else 0.0), []).append(weight)
    return [{"params": weights, "weight_decay": decay, "share": share} for (share, decay), weights in found.items()]


class _Samples(IterableDataset[Batch]):
    """Endless batches; drawn in processes of their own, from a seed and the number of batches already seen."""

    def __init__(self, composer: Composer, batch: int, seed: tuple[int, ...], *, taught: bool) -> None:
        self._composer, self._batch, self._seed, self._taught = composer, batch, seed, taught

    def __iter__(self) -> Iterator[Batch]:
        cv2.setNumThreads(1)
        worker = get_worker_info()
        number = 0 if worker is None else worker.id
        rng = np.random.default_rng((*self._seed, number) if number else self._seed)
        while True:
            if self._taught:
                small, boxes, large = zip(*(self._composer.pair(rng) for _ in range(self._batch)), strict=True)
                yield torch.from_numpy(np.stack(small)), list(boxes), torch.from_numpy(np.stack(large))
            else:
                pixels, boxes = zip(*(self._composer.sample(rng) for _ in range(self._batch)), strict=True)
                yield torch.from_numpy(np.stack(pixels)), list(boxes), None


def _as_is(batch: Batch) -> Batch:
    return batch
