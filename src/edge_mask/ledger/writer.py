"""The ledger: the only write connection, and the one transaction that records.

    event row + its messages + what the rules make of them + shadows + settled sends + bounds   →   COMMIT (fsync)

`commit` returns when all of it is on the disk, or raises and none of it is.
"""

import logging
import sqlite3
from pathlib import Path

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from edge_mask.errors import DatabaseError
from edge_mask.ledger.ballast import Ballast
from edge_mask.ledger.bounds import Bounds, Dropped, enforce
from edge_mask.ledger.database import Lock, is_damage, is_full, open_writer, read_crowded, real_path, reason_of
from edge_mask.ledger.forget import forget_history
from edge_mask.ledger.outbox import Pending, one
from edge_mask.ledger.rows import Batch, Settlement
from edge_mask.ledger.salvage import Salvaged, salvage
from edge_mask.ledger.sequences import Sequences
from edge_mask.ledger.shadows import Shadows
from edge_mask.ledger.statements import insert, last_row_of, restamp, settle
from edge_mask.units import Moment

log = logging.getLogger(__name__)

_FREE_PAGES_KEPT = 256
_PAGES_AT_ONCE = 2000


class Ledger:
    """Owns the database file: the lock, the write connection, the sequences, the shadows. One thread uses it."""

    def __init__(self, path: Path, bounds: Bounds, boot: str) -> None:
        self._path = real_path(path)
        self._bounds = bounds
        self._boot = boot
        self._ballast = Ballast(self._path)
        self._lock = Lock(path)
        self._connection: Connection | None = None
        self._why_closed = f"{self._path} is not open"
        self._may_restamp = True
        self._last_row = 0
        self.sequences = Sequences()
        self.shadows = Shadows()
        self.salvaged: Salvaged | None = None
        """What was rescued when the file was found damaged, for the one report about it."""
        self.vanished = ""
        """What was lost when somebody took the file away, for the one report about it."""
        self._identity = (0, 0)
        self._is_history_full = False
        self._was_taken_away = False

    def open(self) -> None:
        """Lock and open the file; a damaged one is set aside and its readable rows are carried over. On a full disk it
        may stay closed, and each commit raises until `reopen` finds room.

        Raises DatabaseError when another daemon has it, or when it cannot be opened at all.
        """
        self._lock.acquire()
        try:
            self._connect()
        except DatabaseError as error:
            if not is_full(error) or not self._begins_crowded():
                self._lock.release()
                raise
        self._ballast.take()

    def reopen(self) -> None:
        """After a failed fsync or a damaged page the old connection is not to be trusted: close, open, verify.

        Raises DatabaseError."""
        self._disconnect()
        try:
            self._connect(verify=True)
        except DatabaseError as error:
            if is_full(error):
                self._ballast.drop()  # the next try may find it enough
            raise

    def follow(self) -> None:
        """When somebody deleted, moved or replaced the file: go on in the one that is there now, or in a new one.

        What is written to the old one nobody would ever read. Raises DatabaseError.
        """
        if self._connection is not None and _identity(self._path) != self._identity:
            self._was_taken_away = True
            self.reopen()

    def commit(self, batch: Batch, now: Moment) -> Dropped:
        """Write the batch in one transaction. Raises DBAPIError, or what the driver raises for a value that
        no column can hold (ValueError, OverflowError, TypeError); then nothing was written."""
        connection = self._open_connection()
        with connection.begin():
            insert(connection, batch, self._boot)
            self.sequences.write(connection)
            self.shadows.write(connection)
            settle(connection, batch.settlements)
            if now.synced and self._may_restamp:
                restamp(connection, now, self._boot)
            dropped = enforce(connection, self._bounds, now, self._boot)
            last_row = last_row_of(connection) if batch.outgoing else self._last_row
        self._last_row = last_row
        self.sequences.written()
        self.shadows.written()
        self._may_restamp = not now.synced
        return dropped

    def can_hold(self, batch: Batch) -> bool:
        """Whether each value of these rows has a column that can hold it; nothing stays written. Raises DBAPIError."""
        connection = self._open_connection()
        transaction = connection.begin()
        try:
            insert(connection, batch, self._boot)
        except (ValueError, OverflowError, TypeError):
            return False
        finally:
            transaction.rollback()
        return True

    def settle(self, settlements: list[Settlement], now: Moment) -> None:
        """Write these receipts alone, which takes little room; the rest waits for the events it belongs to.

        Raises SQLAlchemy's DBAPIError, and then nothing was written.
        """
        connection = self._open_connection()
        with connection.begin():
            settle(connection, settlements)
            enforce(connection, self._bounds, now, self._boot)

    def waiting(self, row: int) -> Pending | None:
        """One row of the outbox; None when it is gone."""
        connection = self._open_connection()
        found = one(connection, row)
        connection.rollback()
        return found

    def make_room(self) -> None:
        """The disk is full: give up the ballast, and fold the write-ahead log into the file as far as that goes."""
        if self._ballast.drop():
            log.warning("database: the disk is full; the ballast beside it is gone, so that sent messages can go too")
        connection = self._open_connection()
        connection.rollback()
        cursor = connection.connection.cursor()  # SQLAlchemy would begin a transaction, in which there is no checkpoint
        try:
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        except sqlite3.Error as error:
            log.debug("database: no checkpoint now: %s", error)
        finally:
            cursor.close()
            connection.rollback()

    def housekeeping(self, now: Moment) -> bool:
        """Now and then: old history goes, freed pages go back to the file system. True: call it again soon."""
        self._ballast.take()
        connection = self._open_connection()
        with connection.begin():
            forgotten = forget_history(connection, self._bounds, now, self._boot)
        if forgotten.space and not self._is_history_full:
            self._is_history_full = True
            log.warning(
                "history: it takes more than the %d MB of history.max_bytes; from now on the oldest goes,"
                " looks and readings first",
                self._bounds.history_bytes // 10**6,
            )
        free = connection.exec_driver_sql("PRAGMA freelist_count").scalar_one()
        connection.rollback()
        surplus = min(free - _FREE_PAGES_KEPT, _PAGES_AT_ONCE)
        if surplus > 0:
            # This pragma frees one page per step; only executescript steps it to its end.
            cursor = connection.connection.cursor()
            cursor.executescript(f"PRAGMA incremental_vacuum({surplus})")
            connection.rollback()
        return forgotten.has_more or surplus == _PAGES_AT_ONCE

    def close(self, *, with_shadows: bool = True) -> None:
        """Write the live sequences exactly, close, unlock; safe to call twice.

        Without the shadows when events that changed them could not be written.
        """
        if self._connection is not None:
            try:
                with self._connection.begin():
                    self.sequences.write(self._connection, closing=True)
                    if with_shadows:
                        self.shadows.write(self._connection)
            except DBAPIError as error:
                log.warning("outbox: the last sequence numbers could not be written: %s", reason_of(error))
        self._disconnect()
        self._lock.release()

    def _connect(self, *, verify: bool = False) -> None:
        before = _identity(self._path)
        self._open_file(verify)
        # Asked before it was made: a new file may get the number that the old one had.
        if self._was_taken_away and before != self._identity:
            self.vanished = (
                f"somebody deleted, moved or replaced {self._path}; "
                "the history and the messages that waited in it are gone from here"
            )
            log.error("database: %s", self.vanished)
        self._was_taken_away = False
        self._identity = _identity(self._path)

    def _open_file(self, verify: bool) -> None:
        try:
            self._connection = open_writer(self._path)
            if verify:
                self._verify(self._connection)
            self._load(self._connection)
        except (DatabaseError, DBAPIError) as error:
            self._disconnect()
            if not is_damage(error):
                self._why_closed = reason_of(error)
                raise DatabaseError(self._why_closed) from error
            self.salvaged = salvage(self._path)
            self._connection = open_writer(self._path)
            self._load(self._connection)

    def _begins_crowded(self) -> bool:
        """The disk is full at the start: open with the room that the ballast took; else without writing, as what has
        been numbered must be known. False when neither works."""
        if self._ballast.drop():
            log.warning("database: the disk is full; the ballast beside it is gone, so that it can be opened")
        try:
            self._connect()
        except DatabaseError as error:
            log.debug("database: cannot be opened without the ballast either: %s", error)
        else:
            return True
        try:
            read_crowded(self._path, self._load)
        except (DatabaseError, DBAPIError) as error:
            log.debug("database: cannot be read on a full disk: %s", reason_of(error))
            return False
        return True

    def _load(self, connection: Connection) -> None:
        self.sequences.load(connection)
        self.shadows.load(connection)
        last_row = last_row_of(connection)
        connection.rollback()
        if last_row < self._last_row:
            self._count_rows_on(connection)
        self._last_row = max(self._last_row, last_row)

    def _count_rows_on(self, connection: Connection) -> None:
        """A new file in the place of the one that was open: the couriers are past its first numbers, and look only
        behind those they have seen."""
        with connection.begin():
            connection.exec_driver_sql("DELETE FROM sqlite_sequence WHERE name = 'outbox'")
            connection.exec_driver_sql("INSERT INTO sqlite_sequence VALUES ('outbox', ?)", (self._last_row,))

    def _verify(self, connection: Connection) -> None:
        answer = connection.exec_driver_sql("PRAGMA quick_check(1)").scalar_one()
        connection.rollback()
        if answer != "ok":
            raise DatabaseError(f"{self._path}: {answer}") from DamagedFile(answer)

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _open_connection(self) -> Connection:
        if self._connection is None:
            raise DatabaseError(self._why_closed)
        return self._connection


def _identity(path: Path) -> tuple[int, int]:
    """Which file that is, whatever it is called; (0, 0) when there is none that can be seen."""
    try:
        found = path.stat()
    except (OSError, ValueError):
        return (0, 0)
    return (found.st_dev, found.st_ino)


class DamagedFile(Exception):
    """quick_check found the file damaged; looks like SQLite's own error to `is_damage`."""

    sqlite_errorcode = 11  # SQLITE_CORRUPT
