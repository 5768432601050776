"""A thread that writes pictures: a slow card must not delay a gate or a lamp."""

import threading
from collections.abc import Callable

from edge_mask.runtime.handoff import Closed, Mailbox
from edge_mask.units import Seconds

Task = Callable[[], None]

_WAITING = 16
_MOST_BYTES = 64_000_000
"""Pixels that may wait: ten pictures of full HD. A device with 1 GB of memory has no room for more."""


class PictureWriter:
    """Runs tasks in order; `chore` before each of them, and when the seconds that it returns are over.

    Neither may raise.
    """

    def __init__(self, chore: Callable[[], Seconds]) -> None:
        self._chore = chore
        self._tasks: Mailbox[tuple[Task, int]] = Mailbox(_WAITING)
        self._weight = 0
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="pictures", daemon=True)

    def __len__(self) -> int:
        """How many tasks wait."""
        return len(self._tasks)

    def start(self) -> None:
        self._thread.start()

    def offer(self, task: Task, weight: int = 0) -> bool:
        """Queue the task; False when the queue is full. Never blocks. `weight`: bytes that it keeps in memory."""
        with self._lock:
            if self._weight and self._weight + weight > _MOST_BYTES:
                return False
            try:
                is_queued = self._tasks.put((task, weight), timeout=0.0)
            except Closed:
                return False
            self._weight += weight if is_queued else 0
            return is_queued

    def close(self, within: Seconds) -> bool:
        """Finish the queue and end; False when that takes longer (the thread then ends with the process)."""
        self._tasks.close()
        if self._thread.ident is not None:
            self._thread.join(within)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while True:
            tasks = self._tasks.take_many(1, self._chore())
            for task, weight in tasks:
                task()
                with self._lock:
                    self._weight -= weight
            if not tasks and self._tasks.is_closed:
                return
