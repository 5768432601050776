"""Where wishes for a model come in, from any thread; it lives over all houses."""

from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from queue import SimpleQueue
from typing import Final

from edge_mask.errors import Refused
from edge_mask.fleet.model.book import ENDS
from edge_mask.fleet.model.memory import Report
from edge_mask.fleet.model.reconcile import Reconciler
from edge_mask.fleet.model.tap import Tap
from edge_mask.runtime.door import nothing
from edge_mask.wire.fleet_models import Desired

_MOST_WAITING: Final = 32
Event = Callable[[float], object]
"""Something that happened, told in the worker's thread; its argument is the time."""


@dataclass(slots=True)
class Desk:
    """What lives over all houses. `wish` may be called from any thread."""

    reconciler: Reconciler
    tap: Tap = field(default_factory=Tap)
    events: "SimpleQueue[Event]" = field(default_factory=SimpleQueue)
    ring: Callable[[], object] = nothing
    """Wakes the worker of the house that stands now."""
    wishes: dict[str, Desired] = field(default_factory=dict)
    """By where they came from; the highest revision counts."""
    waiting: list[tuple[Desired, "Future[Report]"]] = field(default_factory=list)

    def post(self, event: Event) -> None:
        """From any thread."""
        self.events.put(event)
        self.ring()

    def wish(self, desired: Desired | None, origin: str) -> "Future[Report]":
        """What is wished there from now on; None when nothing is any more. The future ends when it has come true or
        never will: with a report, or Refused when another wish took its place."""
        ended: Future[Report] = Future()
        ended.set_running_or_notify_cancel()
        self.post(lambda _now: self._wished(desired, origin, ended))
        return ended

    def stopped(self) -> None:
        """The process ends as it should."""
        self.reconciler.stopped()

    def tell(self) -> None:
        """Those who wait for a wish that has ended."""
        report, left = self.reconciler.report, []
        for wanted, ended in self.waiting:
            if report is not None and report.revision == wanted.revision and report.state in ENDS:
                ended.set_result(report)
            elif wanted != self._counts():
                ended.set_exception(Refused(f"revision {wanted.revision} is not the newest wish any more"))
            else:
                left.append((wanted, ended))
        self.waiting = left

    def _wished(self, desired: Desired | None, origin: str, ended: "Future[Report]") -> None:
        if desired is None:
            self.take_away(origin)
            return
        self.wishes[origin] = desired
        self.waiting = [*self.waiting, (desired, ended)][-_MOST_WAITING:]
        self.reconciler.wish(self._counts())

    def take_away(self, origin: str) -> None:
        """In the worker's thread: nothing is wished there any more."""
        self.wishes.pop(origin, None)
        self.reconciler.wish(self._counts())

    def _counts(self) -> Desired | None:
        return max(self.wishes.values(), key=lambda each: each.revision, default=None)
