"""What is known of second looks over all houses of this process: how many there were, and whether they are answered.

closed ──three failures in a row──▶ open ──pause──▶ one trial ──answered──▶ closed
                                      ▲                └──failed: a longer pause
"""

import logging
from collections import Counter, deque
from collections.abc import Callable
from typing import Final

from edge_mask.messages import Fault
from edge_mask.runtime.clock import Clock
from edge_mask.runtime.outage import Backoff, Outage
from edge_mask.units import Seconds

log = logging.getLogger(__name__)

COMPONENT: Final = "second look"
OUTCOMES: Final = (
    "agreed", "changed", "nobody", "busy", "no_answer", "refused", "unreadable",
    "offline", "paused", "over_budget", "dropped", "erased",
)  # fmt: skip
"""What becomes of a narrow visit."""
_HOUR: Final = 3600.0
_IN_A_ROW: Final = 3
_SHORTEST: Final = 5.0


class Budget:
    """At most so many in any hour."""

    def __init__(self) -> None:
        self._taken: deque[Seconds] = deque()

    def take(self, per_hour: int, now: Seconds) -> bool:
        """Whether one more is within the bound; it counts then."""
        while self._taken and now - self._taken[0] >= _HOUR:
            self._taken.popleft()
        if len(self._taken) >= per_hour:
            return False
        self._taken.append(now)
        return True


class Breaker:
    """Leaves an analyser alone that does not answer. One thread uses it."""

    def __init__(self, report: Callable[[Fault], None], clock: Clock, backoff: Backoff | None = None) -> None:
        self.outage = Outage(COMPONENT, log, report, clock)
        self._clock = clock
        self._backoff = backoff or Backoff(base=10.0, cap=900.0, settled_after=0.0)
        self._failures = 0
        self._until = float("-inf")

    def lets_through(self) -> bool:
        """Whether one may be asked now; after a pause that is the trial."""
        return self._clock.now().mono >= self._until

    def failed(self, code: str, reason: str) -> None:
        self._failures += 1
        if self._failures < _IN_A_ROW:
            return
        self._until = self._clock.now().mono + _SHORTEST + self._backoff.next_delay()
        self.outage.begin(code, f"{reason}; visits stay as they were decided")

    def answered(self) -> None:
        self._failures = 0
        self._until = float("-inf")
        self._backoff.succeeded(0.0)
        self.outage.end()


class Standing:
    """Made once for the life of the process, for each that is asked."""

    def __init__(self, report: Callable[[Fault], None], clock: Clock) -> None:
        self.budget = Budget()
        self.breaker = Breaker(report, clock)
        self.counts: Counter[str] = Counter()
        """By outcome."""

    def stopped(self) -> None:
        """Nothing of it is kept."""
