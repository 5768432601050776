"""A thread that writes pictures: a slow card must not delay a gate or a lamp."""

import threading
from collections.abc import Callable

from edge_mask.runtime.handoff import Closed, Mailbox
from edge_mask.units import Seconds

Task = Callable[[], None]

_WAITING = 16
_TICK = Seconds(10.0)


class PictureWriter:
    """Runs tasks in order, and `chore` before each task and every ten seconds. Neither may raise."""

    def __init__(self, chore: Task) -> None:
        self._chore = chore
        self._tasks: Mailbox[Task] = Mailbox(_WAITING)
        self._thread = threading.Thread(target=self._run, name="pictures", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def offer(self, task: Task) -> bool:
        """Queue the task; False when the queue is full. Never blocks."""
        try:
            return self._tasks.put(task, timeout=0.0)
        except Closed:
            return False

    def close(self, within: Seconds) -> bool:
        """Finish the queue and end; False when that takes longer (the thread then ends with the process)."""
        self._tasks.close()
        if self._thread.ident is not None:
            self._thread.join(within)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while True:
            self._chore()
            tasks = self._tasks.take_many(1, _TICK)
            for task in tasks:
                task()
            if not tasks and self._tasks.is_closed:
                return
