"""The writer: takes what has arrived, commits it, and only then lets the connection acknowledge it.

inbox ──batch──▶ rows │ refusals ──▶ ONE COMMIT ──▶ acknowledgements, on_committed
                          ▲ database away: the batch stays in hand, the broker keeps the rest
"""

import logging
import threading
from collections.abc import Callable, Sequence

from edge_mask.errors import DatabaseError, TryLater
from edge_mask.messages import Fault
from edge_mask.runtime.clock import Clock
from edge_mask.runtime.outage import Backoff, Outage
from edge_mask.runtime.worker import Finished, Job, keep_waiting
from edge_mask.sink.inbox import Acknowledging, Arrival, Inbox
from edge_mask.sink.rows import Incoming, Names, Refusal, Row, Unfit, row_of
from edge_mask.sink.store import Store, Written
from edge_mask.sink.tally import Tally
from edge_mask.units import Seconds

log = logging.getLogger(__name__)

OnCommitted = Callable[[Sequence[Row]], None]
_IDLE = 0.5
_UPKEEP_EVERY = 60.0
_MOST_REASONS = 4
"""Different ones that are logged in one outage."""
_LATE = 3600.0
"""Seconds after which a message counts as one that waited on its device: no measure of the sink."""


class Writer(Job):
    """The thread that owns the database's connection."""

    name = "sink-writer"
    patience = Seconds(90.0)

    def __init__(
        self,
        inbox: Inbox,
        store: Store,
        names: Names,
        tally: Tally,
        clock: Clock,
        *,
        batch: int,
        wait: Seconds,
        on_committed: Sequence[OnCommitted] = (),
        backoff: Backoff | None = None,
    ) -> None:
        """`on_committed` are called in this thread with the rows of each commit, before they are acknowledged; they
        must return soon."""
        self._inbox = inbox
        self._store = store
        self._names = names
        self._tally = tally
        self._clock = clock
        self._batch = batch
        self._wait = wait
        self._on_committed = on_committed
        self._backoff = backoff or Backoff(cap=15.0)
        self._outage = Outage("database", log, _to_nobody, clock)
        self._refusals = Outage("messages", log, _to_nobody, clock)
        self._reasons: set[str] = set()
        self._upkeep_at = float("-inf")
        self._back_since = 0.0
        self.verdict: DatabaseError | None = None
        """Why it ended by itself: the schema is not ours."""

    def step(self, stop: threading.Event) -> None:
        try:
            if self._now() >= self._upkeep_at:
                self._until_done(self._upkeep, stop)
            if arrivals := self._inbox.take(self._batch, self._wait, _IDLE):
                self._store_all(arrivals, stop)
        except DatabaseError as error:
            self.verdict = error
            raise Finished from error

    def interrupt(self) -> None:
        self._inbox.close()

    def end(self) -> None:
        self._store.close()

    def _upkeep(self) -> None:
        self._store.upkeep()
        self._upkeep_at = self._now() + _UPKEEP_EVERY

    def _store_all(self, arrivals: Sequence[Arrival], stop: threading.Event) -> None:
        rows, refusals = self._sorted_out(arrivals)
        written: list[Written] = []
        if not self._until_done(lambda: written.append(self._store.write(rows, refusals)), stop):
            return
        self._count(written[0])
        for tell in self._on_committed:
            tell(written[0].rows)
        _acknowledge(arrivals)

    def _sorted_out(self, arrivals: Sequence[Arrival]) -> tuple[list[tuple[Row, Incoming]], list[Refusal]]:
        rows: list[tuple[Row, Incoming]] = []
        refusals: list[Refusal] = []
        for arrival in arrivals:
            incoming = arrival.incoming
            place = self._names.of(incoming.topic)
            if place is None:  # the session at the broker still has a filter that the configuration has no more
                self._tally.left_out += 1
                continue
            try:
                rows.append((row_of(incoming, *place), incoming))
            except Unfit as unfit:
                refusals.append(Refusal(incoming, str(unfit)))
        return rows, refusals

    def _until_done(self, work: Callable[[], object], stop: threading.Event) -> bool:
        """Try until the database has taken it; False at a stop. Raises DatabaseError."""
        while True:
            try:
                work()
            except DatabaseError:
                self._tally.has_database = False
                raise
            except TryLater as error:
                self._away(str(error))
            else:
                self._there()
                return True
            if self._clock.wait(stop, self._backoff.next_delay()) or not keep_waiting():
                return False

    def _away(self, reason: str) -> None:
        if self._tally.has_database:
            self._backoff.succeeded(self._now() - self._back_since)
        self._tally.has_database = False
        if self._outage.begin("database_away", f"{reason}; nothing is acknowledged, the broker keeps what comes"):
            self._reasons = {reason}
        elif reason not in self._reasons and len(self._reasons) < _MOST_REASONS:
            self._reasons.add(reason)
            log.warning("database: still away: %s", reason)

    def _there(self) -> None:
        if not self._tally.has_database:
            self._back_since = self._now()
            if not self._outage.is_open:
                log.info("sink: stores into %s", self._store)
        self._tally.has_database = True
        self._outage.end()

    def _count(self, written: Written) -> None:
        tally, now = self._tally, self._clock.now().wall
        for row in written.rows:
            if 0 <= (lag := now - row.ts.timestamp()) < _LATE:
                tally.took(lag)
        tally.commits += 1
        tally.stored += written.new
        tally.repeated += len(written.rows) - written.new
        tally.refused += len(written.refusals)
        for refusal in written.refusals[:1]:
            text = f"{refusal.incoming.topic[:120]} {refusal.reason}"
            self._refusals.begin("message_refused", f"one is refused and lies in the table refused: {text}")

    def _now(self) -> float:
        return self._clock.now().mono


def _acknowledge(arrivals: Sequence[Arrival]) -> None:
    packets: dict[int, tuple[Acknowledging, list[int]]] = {}
    for each in arrivals:
        if each.packet is not None:
            packets.setdefault(id(each.connection), (each.connection, []))[1].append(each.packet)
    for connection, numbers in packets.values():
        connection.acknowledge(numbers)


def _to_nobody(_fault: Fault) -> None:
    """The sink publishes no `errors`."""
