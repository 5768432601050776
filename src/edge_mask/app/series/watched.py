"""One series that is watched: readings come in the sensor's thread, minutes are closed in the worker's."""

import json
import logging
import math
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

from edge_mask.app.series.folder import SeriesFolder
from edge_mask.app.series.lacks import Lacks
from edge_mask.app.series.left import State, split, state_of
from edge_mask.app.series.telling import MINUTE_S, Sum, Telling, forecast_row, minute_row, name_of
from edge_mask.ledger.series_reader import SeriesReader, reading
from edge_mask.ledger.series_rows import SeriesRow, StateRow
from edge_mask.messages import Event, Fault, Reading
from edge_mask.runtime.clock import Clock
from edge_mask.series import model_file
from edge_mask.series.criteria import Criteria
from edge_mask.series.model import Model
from edge_mask.series.nouns import BLOCK, Minutes, Site
from edge_mask.series.watch import Watch
from edge_mask.units import Moment

log = logging.getLogger(__name__)

_WARM_UP: Final = 26 * 7 * 1440
"""Minutes of what is stored that a watch knows again after a start."""
_EARLY: Final = 10_000
"""Readings that wait while it does not yet."""


class Watched:
    """Its watch behind a lock. `doubts` may be called in any thread, the rest in the worker's."""

    def __init__(self, site: Site, folder: SeriesFolder, clock: Clock, report: Callable[[Fault], None]) -> None:
        self.site = site
        self.folder = folder
        self.name = f"series {site.key.sensor} {site.key.quantity}"
        self._telling = Telling(site)
        self.lacks = Lacks(self.name, clock, report)
        self._lock = threading.Lock()
        self._watch: Watch | None = None
        self.model: Model | None = None
        self._possible = Sum()
        """The readings of this minute that the sensor can have measured: only these are summed up and kept."""
        self._early: list[tuple[float, float]] = []
        self._stamp = folder.stamp()

    @property
    def is_open(self) -> bool:
        """Whether it has begun."""
        return self._watch is not None

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
            return self._take(self._watch, reading.at.wall, value)

    def _take(self, watch: Watch, at: float, value: float) -> bool:
        low, high = self.site.limits
        if low <= value <= high:
            self._possible.put(value)
        return watch.reading(at, value) is not None

    def begin(self, stored: SeriesReader, now: Moment) -> list[Event]:
        """Know again what is stored, and go on where the run before ended: what it could not say any more is said.

        Raises DatabaseError.
        """
        state = self._known(stored.states().get(name_of(self.site)))
        self.lacks.load(None if state is None else state.get("told"))
        watch = Watch(self.site, *self._learned())
        here = int(now.wall // MINUTE_S)
        closed = None if state is None else state["watch"]["minute"]
        end = here if closed is None else min(here, closed + 1)
        watch.warm_up(self._minutes(stored, end - _WARM_UP, end))
        if state is not None and not _loaded(watch, state["watch"]):
            log.warning("%s: its state is not used: what is wrong now may be said once more", self.name)
        said = list(self._relive(watch, stored, end, here, now))
        with self._lock:
            self._watch = watch
            for at, value in self._early:
                self._take(watch, at, value)
            self._early = []
        return said

    def close(self, minute: int, at: Moment) -> tuple[list[Event], list[SeriesRow]]:
        """A minute is over: what is said of it, and what is kept."""
        assert self._watch is not None
        with self._lock:
            closed = self._possible.instead_of(self._watch.minute(minute))
            self._possible = Sum()
            lasting = self._watch.open
            forecast = self._watch.forecast((minute + 1) * MINUTE_S) if self._is_forecast_due(minute) else None
        events = list(self._telling.events(closed, lasting, at))
        rows: list[SeriesRow] = []
        if (row := minute_row(self.site, closed)) is not None:
            rows.append(row)
        if forecast is not None:
            events.append(self._telling.forecast(forecast, at))
            rows.append(forecast_row(self.site, forecast))
        if closed.said or (minute + 1) % BLOCK == 0 or self.lacks.has_news:
            rows.append(self.state())
        return events, rows

    def state(self) -> StateRow:
        """What a restart must know."""
        assert self._watch is not None
        with self._lock:
            state = {"watch": self._watch.dump(), "told": self.lacks.told}
        if state["watch"]["minute"] is not None:  # else a restart takes it for none
            self.lacks.has_news = False
        return StateRow(name_of(self.site), json.loads(json.dumps(state, default=float)))

    def refresh(self, database: Path, now: Moment) -> None:
        """Take what others have learned meanwhile. Raises DatabaseError, and then it is as before."""
        stamp = self.folder.stamp()
        if stamp == self._stamp or self._watch is None:
            return
        criteria, model = self._learned()
        history = None
        if model is not None and not self._watch.has_model:  # how far its forecasts would have been off
            here = int(now.wall // MINUTE_S)
            with reading(database) as stored:
                history = self._minutes(stored, here - _WARM_UP, here)
        with self._lock:
            self._watch.use(criteria, model, history)
        self._stamp = stamp
        log.info("%s: criteria of version %d are in force", self.name, criteria.version)

    def _learned(self) -> tuple[Criteria, Model | None]:
        """The criteria and the model to watch by; what is damaged of them is told once."""
        found = model_file.load(self.folder.path, self.site)
        force = self.folder.in_force()
        self.lacks.look("model_damaged", found.problem)
        self.lacks.look("criteria_damaged", force.problem)
        self.model = found.model
        return force.criteria.not_of(self.site.never_learned_out), found.model

    def _minutes(self, stored: SeriesReader, first: int, end: int) -> Minutes:
        kept = stored.minutes(name_of(self.site), first, end)
        return Minutes(kept.first, kept.values)

    def _known(self, text: str | None) -> State | None:
        """What the run before knew, without what is not looked for any more: the worker tells its end."""
        state = state_of(text)
        try:
            return None if state is None else split(state, self.site)[0]
        except (LookupError, TypeError):  # of another version of the program
            return None

    def _relive(self, watch: Watch, stored: SeriesReader, first: int, here: int, now: Moment) -> Iterator[Event]:
        """Minutes that are stored, though a kill came before the state that knows of them: all but their records, which
        were stored with them. In the time without a daemon nothing was watched."""
        kept = self._minutes(stored, first, here)
        for minute, value in enumerate(kept.values.tolist(), kept.first):
            if not math.isnan(value):
                watch.reading(minute * MINUTE_S, value)
                yield from self._telling.alerts(watch.minute(minute), now)
        tens = stored.summaries(name_of(self.site), first, here + 1)
        for block, row in enumerate(tens.rows, tens.first // BLOCK):
            if row["count"]:
                self._telling.take_block(block, *(row[name].item() for name in ("count", "min", "mean", "max", "last")))
                if block < here // BLOCK:
                    yield self._telling.summary(now)

    def _is_forecast_due(self, minute: int) -> bool:
        return "forecast" in self.site.kinds and (minute + 1) % 60 == 0


def _loaded(watch: Watch, state: dict[str, Any]) -> bool:
    try:
        watch.load(state)
    except (LookupError, TypeError, ValueError, AttributeError):  # of another version of the program
        return False
    return True
