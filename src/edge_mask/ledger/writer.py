"""The ledger: the one transaction that records, and the others that write.

    event row + its messages + effects of rules + shadows + receipts + bounds   →   COMMIT (fsync)

`commit` returns when all of it is on the disk, or raises and none of it is.
"""

import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from sqlalchemy import Connection

from edge_mask.errors import DatabaseError
from edge_mask.ledger.again import Kept, kept, on_their_way
from edge_mask.ledger.bounds import Bounds, Dropped, enforce, forget_history
from edge_mask.ledger.connections import as_database_error
from edge_mask.ledger.counters import write_counts
from edge_mask.ledger.erasure import Erased, Erasure, erase, overwriting
from edge_mask.ledger.held import HeldVisits, is_erased, is_kept, release, without_erased
from edge_mask.ledger.inspection import Damage, Mended, mend
from edge_mask.ledger.open_file import OpenFile
from edge_mask.ledger.outbox import Pending, one
from edge_mask.ledger.rows import Batch, Settlement, delete_waiting, insert, last_row_of, restamp, settle
from edge_mask.ledger.seen import Sighting, mark_seen
from edge_mask.ledger.sequences import Sequences
from edge_mask.ledger.series_keeper import SeriesKeeper
from edge_mask.ledger.series_rows import insert_series
from edge_mask.ledger.shadows import Shadows
from edge_mask.ledger.soundness import is_whole
from edge_mask.ledger.unwritable import Unwritable, unwritable
from edge_mask.messages import Settled
from edge_mask.units import Moment

log = logging.getLogger(__name__)


class Ledger:
    """Everything that writes to the database: the file, the sequences, the shadows. One thread uses it.

    All methods raise DatabaseError.
    """

    def __init__(self, path: Path, bounds: Bounds, boot: str) -> None:
        self._bounds = bounds
        self._boot = boot
        self._may_restamp = True
        self._last_row = 0
        self._is_history_full = False
        self._others = 0
        """SQLite's count of what other connections have written."""
        self._was_touched = False
        self.sequences = Sequences()
        self.shadows = Shadows()
        self.held = HeldVisits()
        self.series = SeriesKeeper(bounds.series)
        self.file = OpenFile(path, self._load)

    def open(self) -> None:
        """Lock and open the file; see `OpenFile.open`."""
        self.file.open()

    def close(self, *, with_shadows: bool = True) -> None:
        """Write the live sequences exactly, close, unlock; safe to call twice.

        Without the shadows when events that changed them could not be written.
        """
        if self.file.is_open:
            connection = self.file.connection
            try:
                with as_database_error(), connection.begin():
                    self._see_others(connection)
                    self.sequences.write(connection, closing=True)
                    if with_shadows:
                        self.shadows.write(connection)
            except DatabaseError as error:
                log.warning("outbox: the last sequence numbers could not be written: %s", error)
        self.file.close()

    def commit(self, batch: Batch, now: Moment) -> Dropped:
        """Write the batch in one transaction. Raises Unwritable for a value that no column can hold.

        When it raises, nothing was written.
        """
        connection = self.file.connection
        with as_database_error(), unwritable(), connection.begin():
            self._see_others(connection)
            batch = without_erased(connection, batch)
            insert(connection, batch, self._boot)
            insert_series(connection, batch.series, self.series.numbers)
            release(connection, batch.released)
            self.sequences.write(connection)
            self.shadows.write(connection)
            settle(connection, batch.settlements)
            write_counts(connection, batch.counts, batch.marks)
            if now.synced and (self._may_restamp or any(not row.values["synced"] for row in batch.events)):
                restamp(connection, now, self._boot)
            dropped = enforce(connection, self._bounds, now, self._boot)
            last_row = last_row_of(connection) if batch.outgoing else self._last_row
        self._last_row = last_row
        self.sequences.written()
        self.shadows.written()
        self.held.written(batch)
        self.series.numbers.written()
        self._may_restamp = not now.synced
        return dropped

    def can_hold(self, batch: Batch) -> bool:
        """Whether each value of these rows has a column that can hold it; nothing stays written."""
        connection = self.file.connection
        with as_database_error():
            transaction = connection.begin()
            try:
                with unwritable():
                    insert(connection, batch, self._boot)
                    insert_series(connection, batch.series, self.series.numbers)
            except Unwritable:
                return False
            finally:
                transaction.rollback()
        return True

    def settle(self, settlements: list[Settlement], now: Moment) -> None:
        """Write receipts alone, which needs little room. When it raises, nothing was written."""
        connection = self.file.connection
        with as_database_error(), connection.begin():
            settle(connection, settlements)
            enforce(connection, self._bounds, now, self._boot)

    def counters(self, prefix: str) -> dict[str, int]:
        """The counters whose names begin so; without damaged ones."""
        connection = self.file.connection
        with as_database_error():
            query = "SELECT name, value FROM counters WHERE substr(name, 1, ?) = ?"
            found = connection.exec_driver_sql(query, (len(prefix), prefix)).all()
            connection.rollback()
        return {str(name): value for name, value in found if is_whole(value)}

    def waiting(self, row: int) -> Pending | None:
        """One row of the outbox; None when it is gone."""
        connection = self.file.connection
        with as_database_error():
            found = one(connection, row)
            connection.rollback()
        return found

    def sent_before(self, destination: str, topic: str, first: int, last: int) -> tuple[list[Kept], dict[int, bool]]:
        """What the history has of these numbers, and those that are in the outbox; see `again`. Raises TryLater."""
        connection = self.file.connection
        with as_database_error():
            try:
                return kept(connection, topic, first, last), on_their_way(connection, destination, topic)
            finally:
                connection.rollback()

    def as_kept(self, settled: Settled) -> Settled:
        """Without its visit when somebody erased that while it was held."""
        connection = self.file.connection
        with as_database_error():
            erased = is_erased(connection, settled.id)
            connection.rollback()
        return replace(settled, visit=None) if erased else settled

    def has_visit(self, visit: str) -> bool:
        """Whether it was recorded, and not erased since."""
        connection = self.file.connection
        with as_database_error():
            found = is_kept(connection, visit)
            connection.rollback()
        return found

    def purge(self, *, refused_only: bool, before: float | None = None) -> int:
        """Delete waiting messages; see `delete_waiting`."""
        connection = self.file.connection
        with as_database_error(), connection.begin():
            return delete_waiting(connection, refused_only=refused_only, before=before)

    def erase(self, erasure: Erasure, now: Moment) -> Erased:
        """Delete what is kept of people, so that nothing of it can be read in the file any more. Raises Refused."""
        connection = self.file.connection
        with as_database_error(), overwriting(connection), connection.begin():
            self._see_others(connection)
            erased = erase(connection, erasure, self.shadows, int(now.wall))
        self.shadows.written()
        return erased

    def look_for_others(self) -> None:
        """Another program may have erased while there was nothing to write."""
        connection = self.file.connection
        with as_database_error():
            self._see_others(connection)
            connection.rollback()

    def take_touched(self) -> bool:
        """Whether another program has written since the last call."""
        was_touched, self._was_touched = self._was_touched, False
        return was_touched

    def mark_seen(self, sighting: Sighting, now: Moment) -> int:
        """See `seen.mark_seen`."""
        connection = self.file.connection
        with as_database_error(), connection.begin():
            return mark_seen(connection, sighting, now.wall)

    def mend(self, damage: Sequence[Damage], now: Moment) -> Mended:
        """Set aside the rows that an inspection found damaged, if they still are, and count anew."""
        connection = self.file.connection
        with as_database_error(), connection.begin():
            return mend(connection, damage, now, self._boot)

    def housekeeping(self, now: Moment) -> bool:
        """Delete old history, and give free pages back to the file system; True when there is more to do soon."""
        self.file.take_ballast()
        connection = self.file.connection
        with as_database_error(), connection.begin():
            forgotten = forget_history(connection, self._bounds, now, self._boot)
        if forgotten.space and not self._is_history_full:
            self._is_history_full = True
            log.warning(
                "history: it takes more than the %d MB of history.max_bytes; from now on the oldest goes,"
                " looks and readings first",
                self._bounds.history_bytes // 10**6,
            )
        with as_database_error(), connection.begin():
            has_more = self.series.tidy_up(connection, now, self._boot)
        self.series.numbers.written()
        return self.file.shrink() or forgotten.has_more or has_more

    def _load(self, connection: Connection) -> None:
        """On a full disk this connection may only read. The file is the first one then, and nothing is written here."""
        self.sequences.load(connection)
        self.shadows.load(connection)
        self.held.load(connection)
        self.series.numbers.load(connection)
        self._others = int(connection.exec_driver_sql("PRAGMA data_version").scalar_one())
        last_row = last_row_of(connection)
        connection.rollback()
        if last_row < self._last_row:
            self._count_rows_on(connection)
        self._last_row = max(self._last_row, last_row)

    def _see_others(self, connection: Connection) -> None:
        """What was erased by hand must not come back from this program's memory."""
        others = int(connection.exec_driver_sql("PRAGMA data_version").scalar_one())
        if others != self._others:
            self._others, self._was_touched = others, True
            self.shadows.follow(connection)

    def _count_rows_on(self, connection: Connection) -> None:
        """A new file has taken the place of the old one: its row numbers must go on behind those of the old one.

        The couriers read only rows behind those they have seen.
        """
        with connection.begin():
            connection.exec_driver_sql("DELETE FROM sqlite_sequence WHERE name = 'outbox'")
            connection.exec_driver_sql("INSERT INTO sqlite_sequence VALUES ('outbox', ?)", (self._last_row,))
