"""The worker of all series: it closes each minute of the wall clock.

The monotonic clock says whether a minute was lived through: when the wall clock jumps, the minutes between were not,
and nobody was silent in them. While the clock is not set, no minute is closed.
"""

import logging
import threading
from collections.abc import Callable, Iterable
from typing import Final

from edge_mask.app.series.folder import SeriesFolder
from edge_mask.app.series.left import end_of_the_left
from edge_mask.app.series.sites import Sites
from edge_mask.app.series.telling import MINUTE_S
from edge_mask.app.series.upkeep import Upkeep
from edge_mask.app.series.watched import Watched
from edge_mask.errors import DatabaseError
from edge_mask.ledger.series_reader import reading
from edge_mask.ledger.series_rows import SeriesRow, SeriesRows
from edge_mask.messages import Event, Reading
from edge_mask.recording.mail import Post
from edge_mask.runtime.clock import Clock
from edge_mask.runtime.outage import Outage
from edge_mask.runtime.worker import Job, keep_waiting
from edge_mask.series.nouns import SeriesKey
from edge_mask.settings.model import Settings
from edge_mask.units import Moment, Seconds

log = logging.getLogger(__name__)

_LEAST: Final = 30.0
"""Seconds of a minute that was lived through."""


class SeriesWorker(Job):
    """Knows every series; `doubts` is asked in the sensors' threads."""

    name = "series"
    patience = Seconds(120.0)

    def __init__(self, settings: Settings, clock: Clock, emit: Callable[[Post], None]) -> None:
        self._clock = clock
        self._emit = emit
        self._database = settings.outbox.path
        self._sites = Sites(settings)
        self._lock = threading.Lock()
        self._watched: dict[SeriesKey, Watched | None] = {}
        """None for what makes no series."""
        self._unread = Outage("series", log, emit, clock)
        self._upkeep = Upkeep(settings, clock, emit)
        self._minute: int | None = None
        """The one that is not over; None while the clock is not set."""
        self._since = clock.now()

    def doubts(self, reading: Reading) -> bool:
        """Whether a reading is an outlier and must not decide anything."""
        watched = self._of(SeriesKey(reading.sensor, reading.quantity))
        return watched is not None and watched.doubts(reading)

    def begin(self) -> None:
        for key in self._sites.known():
            self._of(key)
        try:
            with reading(self._database) as stored:
                for name in stored.names():  # ids, which nobody has said yet in this run
                    self._of(SeriesKey(name.sensor, name.quantity))
                left = end_of_the_left(stored, self._sites.of, self._clock.now())
            if left is not None:
                self._emit(left)
        except DatabaseError as error:
            self._lack(error)
        self._open_newcomers()

    def step(self, stop: threading.Event) -> None:
        """Wait for the end of the minute; whose first reading came in it is watched from then on."""
        self._clock.wait(stop, Seconds(MINUTE_S - self._clock.now().wall % MINUTE_S))
        self._open_newcomers()
        for over in self._over(self._clock.now()):
            self._close(over)

    def end(self) -> None:
        """Nothing is lost of what a watch knows."""
        rows = tuple(each.state() for each in self._all())
        if rows:
            self._emit(SeriesRows(rows))
        self._upkeep.end()

    def _over(self, now: Moment) -> Iterable[int]:
        """The minutes that have ended since it was last asked, as far as they were lived through."""
        minute = int(now.wall // MINUTE_S) if now.synced else None
        if minute == self._minute:
            return ()
        over, before = self._minute, self._since
        self._minute, self._since = minute, now
        lasted = now.mono - before.mono
        if over is None or minute is None or lasted < _LEAST:
            return ()
        has_jumped = abs(now.wall - before.wall - lasted) >= _LEAST
        return (over,) if has_jumped else range(over, minute)

    def _close(self, minute: int) -> None:
        now = self._clock.now()
        events: list[Event] = []
        rows: list[SeriesRow] = []
        for watched in self._all():
            self._refresh(watched, now)
            said, kept = watched.close(minute, now)
            events += said
            rows += kept
            keep_waiting()
        if events or rows:
            self._emit(SeriesRows(tuple(rows), tuple(events)))
        self._upkeep.look(self._all(), now)

    def _refresh(self, watched: Watched, now: Moment) -> None:
        try:
            watched.refresh(self._database, now)
        except DatabaseError as error:
            self._lack(error)
        else:
            self._unread.end()

    def _of(self, key: SeriesKey) -> Watched | None:
        with self._lock:
            if key not in self._watched:
                site = self._sites.of(key)
                if site is None:
                    self._watched[key] = None
                else:
                    folder = SeriesFolder(self._database, site)
                    self._watched[key] = Watched(site, folder, self._clock, self._emit)
            return self._watched[key]

    def _all(self) -> list[Watched]:
        with self._lock:
            return [each for each in self._watched.values() if each is not None and each.is_open]

    def _open_newcomers(self) -> None:
        with self._lock:
            fresh = [each for each in self._watched.values() if each is not None and not each.is_open]
        try:
            for watched in fresh:
                keep_waiting()
                with reading(self._database) as stored:
                    events = tuple(watched.begin(stored, self._clock.now()))
                if events or watched.lacks.has_news:
                    self._emit(SeriesRows((watched.state(),), events))
        except DatabaseError as error:
            self._lack(error)
        else:
            self._unread.end()

    def _lack(self, error: DatabaseError) -> None:
        self._unread.begin("series_unread", f"what is stored cannot be read, so that no series can be begun: {error}")
