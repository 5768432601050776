"""The ledger: the only write connection, and the one transaction that records.

    event row + its messages + what the rules make of them + shadows + settled sends + bounds   →   COMMIT (fsync)

`commit` returns when all of it is on the disk, or raises and none of it is.
"""

import logging
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, InterfaceError, ProgrammingError

from edge_mask.errors import DatabaseError
from edge_mask.ledger.bounds import Bounds, Dropped, enforce, forget_history
from edge_mask.ledger.connections import (
    DamagedFile,
    in_our_words,
    is_damage,
    is_full,
    open_writer,
    read_crowded,
    reason_of,
)
from edge_mask.ledger.database import Ballast, Lock, real_path, refuse_other_files
from edge_mask.ledger.inspection import Damage, Mended, mend
from edge_mask.ledger.outbox import Pending, one
from edge_mask.ledger.rows import Batch, Settlement, insert, last_row_of, renumber, restamp, settle
from edge_mask.ledger.salvage import Salvaged, delete_waiting, finish, salvage
from edge_mask.ledger.sequences import Sequences
from edge_mask.ledger.shadows import Shadows
from edge_mask.units import Moment

log = logging.getLogger(__name__)

_FREE_PAGES_KEPT = 256
_PAGES_AT_ONCE = 2000


class Unwritable(DatabaseError):
    """A value that no column can hold, or that the driver cannot hand over: it never will be written."""


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
        refuse_other_files(self._path)
        self._lock.acquire()
        try:
            finish(self._path)
            self._connect()
        except DatabaseError as error:
            if not is_full(error) or not self._begins_crowded():
                self._lock.release()
                raise
        self._ballast.take()

    def reopen(self) -> None:
        """After a failed fsync or a damaged page the old connection is not to be trusted: close, open, verify.

        Raises DatabaseError."""
        self._replace("")

    def condemn(self, reason: str) -> None:
        """An inspection found the file damaged: set it aside, and go on with what can be read of it.

        Raises DatabaseError."""
        self._replace(reason)

    def _replace(self, damage: str) -> None:
        self._disconnect()
        try:
            self._connect(verify=True, damage=damage)
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

    @property
    def is_open(self) -> bool:
        return self._connection is not None

    def commit(self, batch: Batch, now: Moment) -> Dropped:
        """Write the batch in one transaction. Raises Unwritable for a value that no column can hold, else
        DatabaseError; then nothing was written."""
        connection = self._open_connection()
        with in_our_words(), _unwritable(), connection.begin():
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
        """Whether each value of these rows has a column that can hold it; nothing stays written.

        Raises DatabaseError."""
        connection = self._open_connection()
        with in_our_words():
            transaction = connection.begin()
            try:
                with _unwritable():
                    insert(connection, batch, self._boot)
            except Unwritable:
                return False
            finally:
                transaction.rollback()
        return True

    def settle(self, settlements: list[Settlement], now: Moment) -> None:
        """Write these receipts alone, which takes little room; the rest waits for the events it belongs to.

        Raises DatabaseError, and then nothing was written.
        """
        connection = self._open_connection()
        with in_our_words(), connection.begin():
            settle(connection, settlements)
            enforce(connection, self._bounds, now, self._boot)

    def waiting(self, row: int) -> Pending | None:
        """One row of the outbox; None when it is gone. Raises DatabaseError."""
        connection = self._open_connection()
        with in_our_words():
            found = one(connection, row)
            connection.rollback()
        return found

    def purge(self, *, refused_only: bool, before: float | None = None) -> int:
        """Delete waiting messages (or only those set aside), seen before `before` if given; how many went.

        Raises DatabaseError."""
        connection = self._open_connection()
        with in_our_words(), connection.begin():
            return delete_waiting(connection, refused_only=refused_only, before=before)

    def mend(self, damage: Sequence[Damage], now: Moment) -> Mended:
        """Set aside the rows that an inspection found damaged and still are, and count anew. Raises DatabaseError."""
        connection = self._open_connection()
        with in_our_words(), connection.begin():
            return mend(connection, damage, now, self._boot)

    def make_room(self) -> None:
        """The disk is full: give up the ballast, and fold the write-ahead log into the file as far as that goes.

        Raises DatabaseError."""
        if self._ballast.drop():
            log.warning("database: the disk is full; the ballast beside it is gone, so that sent messages can go too")
        connection = self._open_connection()
        with in_our_words():
            self._checkpoint(connection)

    def _checkpoint(self, connection: Connection) -> None:
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
        """Now and then: old history goes, freed pages go back to the file system. True: call it again soon.

        Raises DatabaseError."""
        self._ballast.take()
        with in_our_words():
            return self._tidy(self._open_connection(), now)

    def _tidy(self, connection: Connection, now: Moment) -> bool:
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
                with in_our_words(), self._connection.begin():
                    self.sequences.write(self._connection, closing=True)
                    if with_shadows:
                        self.shadows.write(self._connection)
            except DatabaseError as error:
                log.warning("outbox: the last sequence numbers could not be written: %s", error)
        self._disconnect()
        self._lock.release()

    def _connect(self, *, verify: bool = False, damage: str = "") -> None:
        before = _identity(self._path)
        self._open_file(verify, damage)
        # Asked before it was made: a new file may get the number that the old one had.
        if self._was_taken_away and before != self._identity:
            self.vanished = (
                f"somebody deleted, moved or replaced {self._path}; "
                "the history and the messages that waited in it are gone from here"
            )
            log.error("database: %s", self.vanished)
        self._was_taken_away = False
        self._identity = _identity(self._path)

    def _open_file(self, verify: bool, damage: str) -> None:
        if damage:
            self._salvage()
            return
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
            self._salvage()

    def _salvage(self) -> None:
        with in_our_words():
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
        except DatabaseError as error:
            log.debug("database: cannot be read on a full disk: %s", error)
            return False
        return True

    def _load(self, connection: Connection) -> None:
        """Also on a full disk, from a connection that cannot write."""
        if self._connection is connection:
            with connection.begin():
                renumber(connection)
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


@contextmanager
def _unwritable() -> Iterator[None]:
    """What is raised for a value, as against the file, becomes Unwritable."""
    try:
        yield
    except (ValueError, OverflowError, TypeError) as error:
        raise Unwritable(f"{type(error).__name__}: {error}") from error
    except (DataError, InterfaceError, ProgrammingError) as error:
        raise Unwritable(f"{type(error.orig).__name__}: {reason_of(error)}") from error
    except IntegrityError as error:
        if getattr(error.orig, "sqlite_errorcode", 0) != sqlite3.SQLITE_CONSTRAINT_NOTNULL:
            raise
        raise Unwritable(f"{type(error.orig).__name__}: {reason_of(error)}") from error
