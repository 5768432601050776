"""The worker that reads public figures, each once a day at its hour; what cannot be read is tried again later.

           due ──▶ fetch, in a thread of its own ──▶ points ──▶ kept
            ▲          └─ away, too large, not what it was: the last good ones stay, with their age
            └── later, each time a little more so

A resolver may hold its thread for as long as it likes: then the worker goes without it.
"""

import logging
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import datetime, timedelta, tzinfo
from typing import Final

from edge_mask.errors import EdgeMaskError
from edge_mask.messages import Fault
from edge_mask.runtime.clock import Clock
from edge_mask.runtime.outage import Backoff, Outage
from edge_mask.runtime.worker import Finished, Job
from edge_mask.settings.panels import Panel
from edge_mask.units import Seconds
from edge_mask.web.panels.kept import Figures, Kept
from edge_mask.web.panels.points import points_of

log = logging.getLogger(__name__)

Fetch = Callable[[Panel], bytes]
"""The document of a panel. Raises TryLater with a sentence."""

_LOOKS_EVERY: Final = Seconds(600.0)
"""The wall clock may be set meanwhile."""
_FIRST_AGAIN: Final = 60.0
_LAST_AGAIN: Final = 3600.0


def next_due(panel: Panel, after: float, zone: tzinfo) -> float:
    """The first moment after that Unix time at which it is to be read: once a day, also where clocks are changed."""
    day = datetime.fromtimestamp(after, zone).date()
    while (due := datetime.combine(day, panel.hour, zone).timestamp()) <= after:
        day += timedelta(days=1)
    return due


@dataclass(slots=True)
class _Turn:
    """One panel in turn."""

    panel: Panel
    outage: Outage
    backoff: Backoff = field(default_factory=lambda: Backoff(base=_FIRST_AGAIN, cap=_LAST_AGAIN, settled_after=0.0))
    again_at: float = float("-inf")
    """Monotonic; after a try that failed."""
    why: str = ""


class Keeper(Job):
    """`now` may be called from any thread."""

    name = "panels"

    def __init__(
        self,
        panels: Sequence[Panel],
        kept: Kept,
        fetch: Fetch,
        zone: tzinfo,
        report: Callable[[Fault], None],
        clock: Clock,
    ) -> None:
        self.panels = panels
        self._kept = kept
        self._fetch = fetch
        self._zone = zone
        self._clock = clock
        self._turns = [_Turn(panel, Outage(f"panel {panel.name}", log, report, clock)) for panel in panels]
        self._wake = threading.Event()
        self._under_way: tuple[_Turn, Future[bytes]] | None = None

    def shown(self) -> list[tuple[Panel, Figures | None, str]]:
        """Each panel with what it showed last, and why that is not newer, if it should be."""
        return [(turn.panel, self._kept.of(turn.panel), turn.why) for turn in self._turns]

    def step(self, stop: threading.Event) -> None:
        if not self._turns:
            raise Finished
        self._take_in()
        if self._under_way is None and not stop.is_set():
            self._begin_one()
        self._clock.wait(self._wake, self._pause())
        self._wake.clear()

    def interrupt(self) -> None:
        self._wake.set()

    # -- one after the other -----------------------------------------------------------------------------

    def _begin_one(self) -> None:
        due = [turn for turn in self._turns if self._due_in(turn) <= 0.0]
        if not due:
            return
        turn, answer = due[0], Future[bytes]()
        self._under_way = (turn, answer)
        threading.Thread(target=self._fetched, args=(turn.panel, answer), name="panel", daemon=True).start()

    def _fetched(self, panel: Panel, answer: "Future[bytes]") -> None:
        try:
            answer.set_result(self._fetch(panel))
        except Exception as error:  # noqa: BLE001 (whatever it is, it is told where the answer is taken)
            answer.set_exception(error)
        self._wake.set()

    def _take_in(self) -> None:
        if self._under_way is None or not self._under_way[1].done():
            return
        (turn, answer), self._under_way = self._under_way, None
        try:
            points = points_of(turn.panel, answer.result())
        except EdgeMaskError as error:
            turn.why = str(error)
            turn.again_at = self._clock.now().mono + _FIRST_AGAIN + turn.backoff.next_delay()
            turn.outage.begin("panel_away", turn.why)
            return
        self._kept.put(turn.panel, Figures(self._clock.now().wall, points), self.panels)
        turn.why, turn.again_at = "", float("-inf")
        turn.backoff.succeeded(0.0)
        turn.outage.end()

    def _pause(self) -> Seconds:
        if self._under_way is not None:
            return _LOOKS_EVERY  # its end wakes
        return Seconds(min(_LOOKS_EVERY, max(0.0, min(self._due_in(turn) for turn in self._turns))))

    def _due_in(self, turn: _Turn) -> float:
        """Seconds; none for one that was never read, or in a time that is yet to come."""
        now, found = self._clock.now(), self._kept.of(turn.panel)
        due = 0.0 if found is None or found.at > now.wall else next_due(turn.panel, found.at, self._zone) - now.wall
        return max(due, turn.again_at - now.mono)
