"""How values are spread: counts by upper bound, as a histogram of Prometheus wants them, and their sum."""

import threading
from bisect import bisect_left
from collections.abc import Sequence


class Spread:
    """One histogram; `add` and `cumulative` may be called from any thread."""

    def __init__(self, bounds: Sequence[float]) -> None:
        """`bounds`: rising upper bounds, each included in its bucket; what is above the last has a bucket too."""
        self._bounds = tuple(bounds)
        self._counts = [0] * (len(bounds) + 1)
        self._sum = 0.0
        self._lock = threading.Lock()

    def add(self, value: float) -> None:
        """One more value."""
        with self._lock:
            self._counts[bisect_left(self._bounds, value)] += 1
            self._sum += value

    def cumulative(self) -> tuple[list[tuple[str, float]], float]:
        """How many values lie at or below each bound, `+Inf` last; and the sum of all."""
        with self._lock:
            counts, total = tuple(self._counts), self._sum
        below, found = 0, []
        for bound, count in zip((*map(str, self._bounds), "+Inf"), counts, strict=True):
            below += count
            found.append((bound, float(below)))
        return found, total
