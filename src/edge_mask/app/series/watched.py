"""One series that is watched: readings come in the sensor's thread, minutes are closed in the worker's."""

import logging
import math
import threading
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

from edge_mask.app.series.folder import SeriesFolder
from edge_mask.app.series.history import Stored, model_of
from edge_mask.app.series.telling import MINUTE_S, Telling, forecast_row, minute_row, name_of
from edge_mask.ledger.series_rows import SeriesRow, StateRow
from edge_mask.messages import Event, Reading, Record
from edge_mask.series.nouns import BLOCK, Closed, Site
from edge_mask.series.watch import Watch
from edge_mask.units import Moment

log = logging.getLogger(__name__)

_WARM_UP: Final = 26 * 7 * 1440
"""Minutes of what is stored that a watch knows again after a start."""
_EARLY: Final = 10_000
"""Readings that wait while it does not yet."""


class Watched:
    """Its watch behind a lock. `doubts` may be called in any thread, the rest in the worker's."""

    def __init__(self, site: Site, folder: SeriesFolder) -> None:
        self.site = site
        self.folder = folder
        self._telling = Telling(site)
        self._lock = threading.Lock()
        self._watch: Watch | None = None
        self._early: list[tuple[float, float]] = []
        self._stamp = folder.stamp()

    def doubts(self, reading: Reading) -> bool:
        """Whether this reading is an outlier, which decides nothing; without a clock only the limits tell."""
        value, (low, high) = reading.value, self.site.limits
        if not math.isfinite(value):
            return True
        if not reading.at.synced:
            return not low <= value <= high
        with self._lock:
            if self._watch is None:
                if len(self._early) < _EARLY:
                    self._early.append((reading.at.wall, value))
                return False
            return self._watch.reading(reading.at.wall, value) is not None

    def begin(self, stored: Stored, now: Moment) -> Iterator[Event]:
        """Know again what is stored, and go on where the run before ended: what it did not say any more is said.

        Raises DatabaseError.
        """
        name, state = name_of(self.site), stored.state(name_of(self.site))
        watch = Watch(self.site, self.folder.in_force(), model_of(self.folder, self.site))
        here = int(now.wall // MINUTE_S)
        known = _minute_of(state)
        end = here if known is None or known >= here else known + 1
        watch.warm_up(stored.minutes(name, end - _WARM_UP, end))
        if state is not None and not _loaded(watch, state):
            log.warning("series %s: its state cannot be used; what is wrong now may be said again", self.folder.path.name)
        for closed in stored.closed(name, end // BLOCK * BLOCK, end):
            self._telling.take(closed)
        caught_up = [self._relive(watch, each) for each in stored.closed(name, end, here)]
        with self._lock:
            self._watch = watch
            for at, value in self._early:
                watch.reading(at, value)
            self._early = []
        for closed in caught_up:  # their records have left with them
            said = self._telling.events(closed, watch.open, now)
            yield from (each for each in said if not isinstance(each, Record))

    def close(self, minute: int, at: Moment) -> tuple[list[Event], list[SeriesRow]]:
        """A minute is over: what is said of it and kept."""
        assert self._watch is not None
        with self._lock:
            closed = self._watch.minute(minute)
            lasting = self._watch.open
            forecast = self._watch.forecast((minute + 1) * MINUTE_S) if self._is_forecast_due(minute) else None
        events = list(self._telling.events(closed, lasting, at))
        rows: list[SeriesRow] = []
        if (row := minute_row(self.site, closed)) is not None:
            rows.append(row)
        if forecast is not None:
            events.append(self._telling.forecast(forecast, at))
            rows.append(forecast_row(self.site, forecast))
        if closed.said or (minute + 1) % BLOCK == 0:
            rows.append(self.state())
        return events, rows

    def state(self) -> StateRow:
        """What a restart must know."""
        assert self._watch is not None
        with self._lock:
            return StateRow(name_of(self.site), {"watch": self._watch.dump()})

    @property
    def is_open(self) -> bool:
        """Whether it has begun."""
        return self._watch is not None

    def refresh(self) -> None:
        """Take what others have learned meanwhile."""
        stamp = self.folder.stamp()
        if stamp == self._stamp or self._watch is None:
            return
        self._stamp = stamp
        criteria, model = self.folder.in_force(), model_of(self.folder, self.site)
        with self._lock:
            self._watch.use(criteria=criteria, model=model)
        log.info("series %s: criteria of version %d are in force", self.folder.path.name, criteria.version)

    def _is_forecast_due(self, minute: int) -> bool:
        return "forecast" in self.site.kinds and (minute + 1) % 60 == 0

    @staticmethod
    def _relive(watch: Watch, closed: Closed) -> Closed:
        """A minute that was closed and kept, but not in the state."""
        watch.reading(closed.minute * MINUTE_S, closed.mean)
        return replace(closed, said=watch.minute(closed.minute).said)


def _minute_of(state: Mapping[str, Any] | None) -> int | None:
    """The last minute that the run before has closed."""
    found = None if state is None else state.get("watch")
    minute = found.get("minute") if isinstance(found, Mapping) else None
    return minute if isinstance(minute, int) else None


def _loaded(watch: Watch, state: Mapping[str, Any]) -> bool:
    try:
        watch.load(state["watch"])
    except (LookupError, TypeError, ValueError):  # of another version, or damaged
        return False
    return True
