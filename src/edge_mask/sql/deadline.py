"""A bound on the time that rules may take. No statement can read a clock through it."""

import time


class Deadline:
    """So many seconds on the clock, and after that as many of this thread's processor time.

    The clock is cheap to ask. The processor's time is what counts: a machine that stood still fails no rule.
    """

    __slots__ = ("_cpu", "_seconds", "_until")

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._until = time.monotonic() + seconds
        self._cpu: float | None = None

    def is_over(self) -> bool:
        """Whether the time is up."""
        if time.monotonic() < self._until:
            return False
        if self._cpu is None:
            self._cpu = time.thread_time()
        return time.thread_time() - self._cpu > self._seconds
