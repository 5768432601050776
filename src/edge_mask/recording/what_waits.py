"""Whether a house may be stopped for another one: what waits for a database that cannot be written would be lost."""

from collections.abc import Callable
from concurrent.futures import wait
from typing import Final

from edge_mask.recording.requests import Barrier

_PATIENCE: Final = 3.0
"""Seconds for a commit. One that takes longer is a slow disk and no full one, and the stop waits for it, too."""
_LOOKS_EVERY: Final = 0.05


class WhatWaits:
    """For the main thread: writes what there is to write, and says what stands against the end of the house."""

    def __init__(self, why_waiting: Callable[[], str], ask: Callable[[Barrier], bool]) -> None:
        """`why_waiting`: why the database cannot be written; empty while it can be."""
        self._why_waiting = why_waiting
        self._ask = ask

    def __call__(self) -> str:
        """A sentence; empty when everything is on the disk."""
        barrier = Barrier()
        if not self._why_waiting() and self._ask(barrier):
            for _ in range(round(_PATIENCE / _LOOKS_EVERY)):
                if self._why_waiting() or wait([barrier.answer], _LOOKS_EVERY).done:
                    break
        if not (why := self._why_waiting()):
            return ""
        return f"{why}, and what waits to be recorded would be lost; make room first (a restart gives it up)"
