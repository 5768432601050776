"""What lives over all houses: the tables whose orders may end a house, and how those orders ended."""

from collections.abc import Callable
from dataclasses import dataclass, field
from queue import SimpleQueue

from edge_mask.control.cloud.jobs import Jobs
from edge_mask.control.cloud.shadow import WishShadow
from edge_mask.runtime.door import nothing

Event = Callable[[float], object]
"""Something that happened, told to the tables in the worker's thread; its argument is the time."""


@dataclass(slots=True)
class Tables:
    """What lives over all houses: the tables whose orders may end a house, and how their orders ended."""

    wish: WishShadow | None
    jobs: Jobs | None
    ends: "SimpleQueue[Event]" = field(default_factory=SimpleQueue)
    ring: Callable[[], object] = nothing
    """Wakes the worker of the house that runs now."""

    def stopped(self) -> None:
        """The process ends as it should."""
        if self.wish is not None:
            self.wish.stopped()
        if self.jobs is not None:
            self.jobs.stopped()

    def end(self, event: Event) -> None:
        """From any thread."""
        self.ends.put(event)
        self.ring()
