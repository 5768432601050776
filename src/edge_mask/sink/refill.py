"""Finds what is missing in the sequences of devices, and asks them for it.

writer ──rows──▶ taken: tracks in memory ──each 5 s──▶ tables sequences, gaps
                      │ older than the grace                ▲ joined with what another sink knows
                      ▼                                     │
                   asking ──commands/history──▶ device ──the messages again──▶ writer
                      └── stored (retained): what is here, for the device and for people
"""

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from queue import SimpleQueue
from typing import Final

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from edge_mask.deliver.transport import BrokerTransport
from edge_mask.messages import Fault, Message, Priority
from edge_mask.plural import counted
from edge_mask.runtime.clock import Clock
from edge_mask.runtime.outage import Backoff, Outage
from edge_mask.runtime.worker import Job
from edge_mask.sink import gaps
from edge_mask.sink.asking import Asking, Learned, Wanted
from edge_mask.sink.database import sentence_of
from edge_mask.sink.devices import Devices, object_of
from edge_mask.sink.rows import Row
from edge_mask.sink.sequences import Key, Track, is_counted
from edge_mask.sink.spans import size
from edge_mask.sink.stored import Announcements
from edge_mask.sink.tally import Tally
from edge_mask.units import Seconds

log = logging.getLogger(__name__)

_SAVED_EVERY: Final = 30.0
_HURRIED_EVERY: Final = 3.0
"""The same when a gap has come or gone."""
_TICK: Final = 1.0
_MOST: Final = 100_000
"""Topics of devices that are watched."""


class Refill(Job):
    """`taken` is called by the writer, `heard_answer` by the connection; the rest is one thread's."""

    name = "sink-refill"
    patience = Seconds(3600.0)
    """A large database is looked through at the first start; the writer does not wait for it."""

    def __init__(
        self,
        engine: Engine,
        connection: BrokerTransport,
        devices: Devices,
        tally: Tally,
        clock: Clock,
        *,
        name: str,
        grace: Seconds,
    ) -> None:
        """`name` is this store's own; `grace`: so long what is missing may take to come by itself."""
        self._engine = engine
        self._broker = connection
        self._devices = devices
        self._tally = tally
        self._clock = clock
        self._grace = grace
        self._lock = threading.Lock()
        self._tracks: dict[Key, Track] = {}
        self._dirty: dict[Key, bool] = {}
        """What is to be saved, and whether more than its end has changed."""
        self._since: dict[Key, float] = {}
        """When a gap was found."""
        self._news: SimpleQueue[Callable[[float], None]] = SimpleQueue()
        self._asking = Asking(name)
        self._stored = Announcements(connection.send)
        self._database: Connection | None = None
        self._is_loaded = False
        self._try_at = self._save_at = self._hurry_at = float("-inf")
        self._backoff = Backoff(cap=30.0)
        self._outage = Outage("gaps", log, _to_nobody, clock)
        self._wake = threading.Event()
        for base in devices.bases:
            connection.subscribe(f"{base}/commands/history/response", self.heard_answer)

    # -- from other threads ------------------------------------------------------------------------------

    def taken(self, rows: Sequence[Row]) -> None:
        """These are stored."""
        now = self._now()
        with self._lock:
            for row in rows:
                key = (row.thing, row.topic)
                if row.seq is None or not is_counted(key, row.seq):
                    continue
                track = self._tracks.get(key)
                if track is None:
                    if len(self._tracks) >= _MOST:
                        continue
                    self._tracks[key] = Track.begin(row.seq, row.id)
                elif track.take(row.seq, row.id):
                    self._dirty[key] = True
                    if track.gaps:
                        self._since.setdefault(key, now)
                self._dirty.setdefault(key, False)

    def heard_answer(self, message: Message) -> None:
        """A device has answered somebody."""
        answer = object_of(message.payload)

        def take(now: float) -> None:
            if (learned := self._asking.answered(answer, now)) is not None:
                self._learn(learned, now)

        self._later(take)

    def _later(self, do: Callable[[float], None]) -> None:
        self._news.put(do)
        self._wake.set()

    # -- the worker --------------------------------------------------------------------------------------

    def step(self, stop: threading.Event) -> None:
        self._wake.wait(_TICK)
        self._wake.clear()
        now = self._now()
        while not self._news.empty():
            self._news.get_nowait()(now)
        if now >= self._try_at and not stop.is_set():
            self._with_the_database(now)
        if self._broker.is_connected and self._is_loaded and not stop.is_set():
            self._ask(now)
            self._tell(now)

    def interrupt(self) -> None:
        self._wake.set()

    def end(self) -> None:
        """Save once more, if that goes at once."""
        if self._is_loaded and self._database is not None:
            self._with_the_database(self._now(), at_once=True)
        self._close()

    def _now(self) -> float:
        return self._clock.now().mono

    # -- the database ------------------------------------------------------------------------------------

    def _with_the_database(self, now: float, *, at_once: bool = False) -> None:
        try:
            if not self._is_loaded:
                self._load(now)
            elif self._dirty and (at_once or now >= self._save_at or (now >= self._hurry_at and self._is_urgent)):
                self._save()
                self._save_at, self._hurry_at = now + _SAVED_EVERY, now + _HURRIED_EVERY
        except (SQLAlchemyError, OSError) as error:
            self._close()
            self._try_at = now + max(1.0, self._backoff.next_delay())
            if self._tally.has_database:  # otherwise the writer has said it
                self._outage.begin("not_saved", f"what is missing cannot be kept now: {sentence_of(error)}")
        else:
            self._outage.end()
            self._backoff.succeeded(60.0)

    @property
    def _is_urgent(self) -> bool:
        with self._lock:
            return any(self._dirty.values())

    def _open(self) -> Connection | None:
        """None until the writer has made the tables."""
        if self._database is None:
            self._database = self._engine.connect()
        return self._database

    def _load(self, now: float) -> None:
        if not self._tally.has_database:
            return
        database = self._open()
        assert database is not None
        found, saved = gaps.load(database)
        if saved is None:
            found = gaps.discover(database)
        for key, track in found.items():
            self._join(key, track, now)
        if saved is not None:
            for key, seq, id_ in gaps.recent(database, saved):
                self._join(key, Track.begin(seq, id_), now, is_message=True)
        self._is_loaded = True
        open_ = sum(size(track.gaps) for track in self._tracks.values())
        log.info("sink: %s watched for gaps, %s missing", counted(len(self._tracks), "sequence is", "sequences are"),
                 counted(open_, "message is", "messages are"))  # fmt: skip

    def _join(self, key: Key, track: Track, now: float, *, is_message: bool = False) -> None:
        with self._lock:
            mine = self._tracks.get(key)
            if mine is None:
                mine = self._tracks[key] = track
            elif is_message:
                mine.take(track.upto, track.newest)
            else:
                mine.join(track)
            self._dirty[key] = True
            if mine.gaps:
                self._since.setdefault(key, now)

    def _save(self) -> None:
        database = self._open()
        assert database is not None
        with self._lock:
            dirty, self._dirty = self._dirty, {}
            copies = {key: _copy(self._tracks[key]) for key in dirty}
        try:
            saved = gaps.save(database, copies, datetime.now(UTC))
        except BaseException:
            with self._lock:
                self._dirty = dirty | self._dirty
            raise
        with self._lock:
            for key, track in saved.items():
                self._tracks[key].join(track)
        self._stored.changed(saved.keys(), self._now())

    def _close(self) -> None:
        if self._database is not None:
            self._database.invalidate()
            self._database.close()
            self._database = None

    # -- the devices -------------------------------------------------------------------------------------

    def _ask(self, now: float) -> None:
        self._asking.overdue(now)
        for question in self._asking.due(self._wanted(now), self._devices.find, now):
            log.debug("sink: asks for %s %d to %d", question.key[1], *question.span)
            self._tally.asked += 1
            self._broker.send(
                Message(topic=question.topic, payload=question.payload, priority=Priority.LIVE, qos=1, id=question.id)
            )

    def _wanted(self, now: float) -> Mapping[str, list[Wanted]]:
        """By thing, what is missing for longer than the grace, and ends that were not looked at."""
        found: dict[str, list[Wanted]] = {}
        missing = 0
        with self._lock:
            for key, track in self._tracks.items():
                old = track.gaps and self._since.setdefault(key, now) + self._grace <= now
                missing += size(track.gaps)
                if not track.gaps:
                    self._since.pop(key, None)
                if old or not self._asking.has_looked(key):
                    found.setdefault(key[0], []).append(Wanted(key, list(track.gaps) if old else [], track.upto))
        self._tally.missing = missing
        return found

    def _learn(self, learned: Learned, now: float) -> None:
        with self._lock:
            track = self._tracks[learned.key]
            before = size(track.gaps)
            track.give_up(learned.lost)
            gone = before - size(track.gaps)
            if track.expect(learned.last):
                self._since.setdefault(learned.key, now)
            self._dirty[learned.key] = True
        self._tally.lost += gone
        if gone:
            messages = counted(gone, "message", "messages")
            log.info("sink: %s of %s will never come: %s", messages, learned.key[1], learned.why)

    def _tell(self, now: float) -> None:
        with self._lock:
            self._stored.send(self._tracks, self._devices.find, now)


def _copy(track: Track) -> Track:
    return replace(track, gaps=list(track.gaps), lost=list(track.lost))


def _to_nobody(_fault: Fault) -> None:
    """The sink publishes no `errors`."""
