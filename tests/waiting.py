"""Waiting for what nobody tells: a file, a thread, a line of a program."""

import time
from collections.abc import Callable
from typing import TypeVar

from edge_mask.runtime.clock import ManualClock
from edge_mask.runtime.worker import Worker

PATIENCE = 60.0
T = TypeVar("T")


def until(is_so: Callable[[], T]) -> T:
    """Ask again until the answer is true, and return it. Fails after `PATIENCE` seconds."""
    give_up_at = time.monotonic() + PATIENCE
    while not (answer := is_so()):
        assert time.monotonic() < give_up_at, "it never came to pass"
        time.sleep(0.01)
    return answer


def waits_on_purpose(worker: Worker, clock: ManualClock) -> None:
    """Three times the patience of its job pass by the worker's clock, and at no time it counts as stuck."""
    for _ in range(6):
        clock.advance(worker.job.patience / 2)
        assert not worker.is_stuck(clock.now().mono)
        until(lambda: worker.held_up_for(clock.now().mono) == 0.0)
