"""The sink's process: the connection to the broker, the writer, and whoever works beside them.

broker ▶ connection ─inbox─▶ writer ▶ database
             ▲ acknowledgements ┘        stop: the writer ends its commit, the connection acknowledges it
"""

import logging
import os
import queue
import signal
import time
from collections.abc import Callable, Sequence
from typing import Final

from edge_mask.errors import Broken, DatabaseError, TryLater
from edge_mask.observe.notify import SystemdNotifier
from edge_mask.runtime.clock import SystemClock
from edge_mask.runtime.worker import Job, Worker
from edge_mask.settings.model import Settings
from edge_mask.settings.sink import Sink
from edge_mask.sink.connection import BrokerConnection, receive_maximum
from edge_mask.sink.database import engine_for, named
from edge_mask.sink.inbox import Inbox
from edge_mask.sink.rows import Names
from edge_mask.sink.store import Store
from edge_mask.sink.tally import Tally
from edge_mask.sink.writer import OnCommitted, Writer
from edge_mask.units import Seconds

log = logging.getLogger(__name__)

_QUIET: Final = 1.0
"""Seconds without a message after which `--once` has everything."""
_PATIENCE_OF_ONCE: Final = 15.0
"""Seconds that `--once` waits for a broker or database that is away."""
_STOPS_WITHIN: Final = 3.0
_SAYS_GOODBYE_WITHIN: Final = 1.0
_TICK: Final = 0.5
_CONNECTIONS: Final = 4
"""So many lost ones, one after the other, lose nothing that waits for the database."""


class Service:
    """Everything that runs in this process; made, run once, and gone."""

    def __init__(self, settings: Settings) -> None:
        """Raises ConfigurationError, Refused, OSError."""
        sink = settings.sink
        assert sink is not None
        self._clock = SystemClock()
        self.tally = Tally()
        self._inbox = Inbox(_CONNECTIONS * receive_maximum(sink))
        self._signals: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._store = Store(engine_for(sink), named(sink.database), partition=sink.partition, keep=sink.keep)
        self.connection = BrokerConnection(settings.mqtt, sink, self._inbox, self.tally, self._clock)
        jobs, hooks = self._beside(settings)
        self._writer = Writer(
            self._inbox, self._store, Names(sink.filters), self.tally, self._clock,
            batch=sink.batch, wait=sink.wait, on_committed=hooks,
        )  # fmt: skip
        self._workers = [Worker(job, self._clock, self._failed) for job in (self._writer, *jobs)]
        self._notifier = SystemdNotifier.from_environment(os.environ)

    def _beside(self, settings: Settings) -> tuple[Sequence[Job], Sequence[OnCommitted]]:
        """Who works beside the writer, and what is called after each commit."""
        assert settings.sink is not None
        jobs: list[Job] = []
        hooks: list[OnCommitted] = []
        if settings.sink.page.port is not None:
            from edge_mask.sink.page import Page

            jobs.append(Page(settings.sink.page.host, settings.sink.page.port, self.tally, self._is_stuck))
        if settings.sink.refill or settings.sink.pictures is not None:
            self._ask_devices(settings.sink, jobs, hooks)
        return jobs, hooks

    def _ask_devices(self, sink: Sink, jobs: list[Job], hooks: list[OnCommitted]) -> None:
        from edge_mask.sink.devices import Devices  # what is not wanted is not imported

        devices = Devices(self.connection, sink.filters)
        if sink.refill:
            from edge_mask.sink.refill import Refill

            refill = Refill(
                engine_for(sink), self.connection, devices, self.tally, self._clock,
                name=sink.client_id, grace=sink.refill_after,
            )  # fmt: skip
            jobs.append(refill)
            hooks.append(refill.taken)
        if sink.pictures is not None:
            from edge_mask.sink.pictures import Pictures

            pictures = Pictures(
                engine_for(sink), self.connection, devices, sink.pictures, self.tally, self._clock, name=sink.client_id
            )
            jobs.append(pictures)
            hooks.append(pictures.taken)

    def run(self, *, once: bool) -> None:
        """Until SIGTERM or SIGINT; with `once` until the broker has no more. Raises DatabaseError, TryLater, Broken."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self._signals.put("stop"))
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        logging.getLogger("psycopg").setLevel(logging.ERROR)  # it warns of what raises too
        if once:
            self._open_at_once()
        for worker in self._workers:
            worker.start()
        self.connection.open()
        self._notifier.ready()
        try:
            self._wait(self._is_drained if once else lambda: False)
        finally:
            self._notifier.stopping()
            self._stop()
        log.info(
            "sink: stopped; %d stored, %d repeated, %d refused",
            self.tally.stored,
            self.tally.repeated,
            self.tally.refused,
        )

    def _open_at_once(self) -> None:
        try:
            self._store.connect()
        except TryLater as error:
            raise DatabaseError(str(error)) from error
        finally:
            self._store.close()

    def _wait(self, is_over: Callable[[], bool]) -> None:
        while not is_over():
            try:
                if self._signals.get(timeout=_TICK) == "stop":
                    return
            except queue.Empty:
                pass
            if self._writer.verdict is not None:
                raise self._writer.verdict
            if any(worker.failure is not None for worker in self._workers):
                raise Broken("a part of the sink has failed; the log says how")
            if not self._is_stuck():
                self._notifier.watchdog()

    def _is_drained(self) -> bool:
        """For `--once`: subscribed, and nothing has come for a while. Raises TryLater, DatabaseError."""
        if not self.tally.subscribed or not self.tally.is_connected:
            self._give_up_on("the broker", TryLater)
            return False
        if not self.tally.has_database:
            self._give_up_on("the database", DatabaseError)
            return False
        self._waits_since = None
        quiet_since = max(self._inbox.last_arrival, self._subscribed_at())
        return self._inbox.is_done and time.monotonic() - quiet_since >= _QUIET

    _waits_since: float | None = None
    _drains_since: float | None = None

    def _subscribed_at(self) -> float:
        self._drains_since = self._drains_since or time.monotonic()
        return self._drains_since

    def _give_up_on(self, what: str, error: type[Exception]) -> None:
        self._waits_since = self._waits_since or time.monotonic()
        if time.monotonic() - self._waits_since > _PATIENCE_OF_ONCE:
            raise error(f"{what} has been away for {_PATIENCE_OF_ONCE:g} s; what it sent is not lost")

    def _stop(self) -> None:
        for worker in reversed(self._workers):
            worker.request_stop()
        deadline = time.monotonic() + _STOPS_WITHIN
        for worker in self._workers:
            if not worker.join(deadline - time.monotonic()):
                log.warning(
                    "sink: %s does not stop; what it has in hand is not acknowledged, and comes again", worker.job.name
                )
        self.connection.close(Seconds(_SAYS_GOODBYE_WITHIN))

    def _is_stuck(self) -> bool:
        now = self._clock.now().mono
        return any(worker.is_stuck(now) for worker in self._workers)

    def _failed(self, _worker: Worker) -> None:
        self._signals.put("failed")
