"""A house: the workers of one configuration, started from the sink to the source and stopped the other way round."""

import logging
from collections.abc import Callable, Sequence

from edge_mask.runtime.worker import Worker
from edge_mask.units import Seconds

log = logging.getLogger(__name__)


class House:
    """Workers in the order of the flow, sink first. The main thread calls `check` every second or two."""

    def __init__(
        self,
        workers: Sequence[Worker],
        *,
        check: Callable[[Seconds], None] = lambda _now: None,
        is_idle: Callable[[Seconds], bool] = lambda _now: False,
        complain: Callable[[str, str, str], None] = lambda _component, _code, _text: None,
        why_stay: Callable[[], str] = lambda: "",
    ) -> None:
        """`why_stay`: what would be lost if another house took its place now; empty when nothing would."""
        self.workers = list(workers)
        self.check = check
        self.is_idle = is_idle
        self.complain = complain
        self.why_stay = why_stay
        self._started: list[Worker] = []

    def start(self) -> None:
        """Start every worker, the sink first: a receiver must run before its sender."""
        for worker in self.workers:
            worker.start()
            self._started.append(worker)

    def stop(self, within: float, clock: Callable[[], float]) -> list[Worker]:
        """Stop the source first and the sink last; returns the workers that did not stop in time.

        A stuck worker uses up only its own share of the time; the others can still drain.
        """
        deadline = clock() + within
        stuck: list[Worker] = []
        remaining = list(reversed(self._started))
        while remaining:
            worker = remaining.pop(0)
            for each in (worker, *(w for w in remaining if w.job.group and w.job.group == worker.job.group)):
                each.request_stop()
            # Each remaining group gets at least an equal share of the time left.
            share = max(0.1, (deadline - clock()) / (len(remaining) + 1) if stuck else (deadline - clock()) / 2)
            if not worker.join(share):
                log.error("worker %s does not stop", worker.job.name)
                stuck.append(worker)
        self._started.clear()
        return stuck

    def failed(self) -> list[Worker]:
        """Workers that ended with an error."""
        return [worker for worker in self.workers if worker.failure is not None]

    def stuck(self, now: Seconds) -> list[Worker]:
        """Workers whose current step takes longer than its `patience`."""
        return [worker for worker in self.workers if worker.is_stuck(now)]
