"""The file that the daemon holds open: its lock, its only write connection, and what happens to it in trouble.

open ─┬─ sound ────────────────────────────────────▶ in use
      ├─ damaged ── salvage ──▶ a new file ────────▶ in use     `salvaged` says what was lost
      └─ disk full ── no ballast, or only read ────▶ closed until `reopen` finds room
in use ── somebody deleted or replaced it ── follow ▶ in use     `vanished` says so
"""

import logging
import os
import sqlite3
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from edge_mask.errors import DatabaseError
from edge_mask.ledger.connections import (
    DamagedFile,
    as_database_error,
    is_damage,
    is_full,
    open_writer,
    read_crowded,
    reason_of,
)
from edge_mask.ledger.database import NOBODY, Ballast, Lock, identity_of, real_path, refuse_other_files
from edge_mask.ledger.recount import renumber
from edge_mask.ledger.salvage import Salvaged, finish, salvage

log = logging.getLogger(__name__)

_FREE_PAGES_KEPT = 256
_PAGES_AT_ONCE = 2000


class OpenFile:
    """One thread uses it. All methods raise DatabaseError."""

    def __init__(self, path: Path, load: Callable[[Connection], None]) -> None:
        """`load` reads what its owner needs, from each connection that is opened."""
        self._path = real_path(path)
        self._load = load
        self._lock = Lock(path)
        self._ballast = Ballast(self._path)
        self._connection: Connection | None = None
        self._why_closed = f"{self._path} is not open"
        self._identity = (0, 0)
        self._was_taken_away = False
        self.salvaged: Salvaged | None = None
        """What was rescued from a damaged file; whoever reports it sets it back."""
        self.vanished = ""
        """What was lost when somebody took the file away; whoever reports it sets it back."""

    @property
    def is_open(self) -> bool:
        return self._connection is not None

    @property
    def connection(self) -> Connection:
        """Raises DatabaseError while the file is closed."""
        if self._connection is None:
            raise DatabaseError(self._why_closed)
        return self._connection

    def open(self) -> None:
        """Lock and open the file. On a full disk it may stay closed, until `reopen` finds room.

        Raises InUse when another daemon has it.
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
        self.take_ballast()

    def reopen(self) -> None:
        """After a failed fsync or a damaged page the old connection is not to be trusted: close, open, verify."""
        self._replace("")

    def condemn(self, reason: str, file: tuple[int, int] | None = None) -> None:
        """An inspection found damage: set the file aside, and go on in a new one with everything that can be read.

        `file` is the one that was inspected (see `identity_of`). Another may have taken its place meanwhile: that one
        stays.
        """
        if file is None or file == self._identity:
            self._replace(reason)

    def follow(self) -> None:
        """If somebody deleted, moved or replaced the file, go on in the one that is there now, or in a new one.

        Nobody would ever read what is written to the old one.
        """
        if self._connection is not None and identity_of(self._path) != self._identity:
            self._was_taken_away = True
            self.reopen()

    def close(self) -> None:
        """Close and unlock; safe to call twice."""
        self._disconnect()
        self._lock.release()

    # -- room --------------------------------------------------------------------------------------------

    def take_ballast(self) -> None:
        self._ballast.take()

    def make_room(self) -> None:
        """The disk is full: give up the ballast, and move the write-ahead log into the file as far as possible."""
        if self._ballast.drop():
            log.warning("database: the disk is full; the ballast beside it is gone, so that sent messages can go too")
        connection = self.connection
        with as_database_error():
            connection.rollback()
            cursor = connection.connection.cursor()  # SQLAlchemy would begin a transaction, and that blocks checkpoints
            try:
                cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            except sqlite3.Error as error:
                log.debug("database: no checkpoint now: %s", error)
            finally:
                cursor.close()
                connection.rollback()

    def shrink(self) -> bool:
        """Give free pages back to the file system, a part at a time; True when there may be more."""
        connection = self.connection
        with as_database_error():
            free = connection.exec_driver_sql("PRAGMA freelist_count").scalar_one()
            connection.rollback()
            surplus = min(free - _FREE_PAGES_KEPT, _PAGES_AT_ONCE)
            if surplus > 0:
                # This pragma frees one page per step; only executescript steps it to its end.
                cursor = connection.connection.cursor()
                cursor.executescript(f"PRAGMA incremental_vacuum({surplus})")
                connection.rollback()
        return bool(surplus == _PAGES_AT_ONCE)

    # -- opening -----------------------------------------------------------------------------------------

    def _replace(self, damage: str) -> None:
        self._disconnect()
        try:
            self._connect(verify=True, damage=damage)
        except DatabaseError as error:
            if is_full(error):
                self._ballast.drop()  # the next try may find enough room
            raise

    def _connect(self, *, verify: bool = False, damage: str = "") -> None:
        before = self._seen_before_opening() if self._was_taken_away else self._identity
        if damage:
            self._salvage()
        else:
            self._open_or_salvage(verify=verify)
        if self._was_taken_away and before != self._identity:
            self.vanished = (
                f"somebody deleted, moved or replaced {self._path}; "
                "the history and the messages that waited in it are gone from here"
            )
            log.error("database: %s", self.vanished)
        self._was_taken_away = False
        self._identity = identity_of(self._path)

    def _seen_before_opening(self) -> tuple[int, int]:
        """Which file stands in the place of the one that was taken away; NOBODY when an empty one was made there.

        Made here and not by SQLite, as a new file may get the inode number of the old one, and the old one may come
        back at any moment.
        """
        try:
            os.close(os.open(self._path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o644))
        except FileExistsError:
            return identity_of(self._path)
        except OSError as error:
            self._why_closed = f"{self._path}: {error.strerror}"
            raise DatabaseError(self._why_closed) from error
        return NOBODY

    def _open_or_salvage(self, *, verify: bool) -> None:
        try:
            self._open_writer(verify=verify)
        except (DatabaseError, DBAPIError) as error:
            self._disconnect()
            if not is_damage(error):
                self._why_closed = reason_of(error)
                raise DatabaseError(self._why_closed) from error
            self._salvage()

    def _salvage(self) -> None:
        with as_database_error():
            self.salvaged = salvage(self._path)
            self._open_writer()

    def _open_writer(self, *, verify: bool = False) -> None:
        connection = self._connection = open_writer(self._path)
        if verify:
            self._verify(connection)
        with connection.begin():
            renumber(connection)
        self._load(connection)

    def _verify(self, connection: Connection) -> None:
        answer = connection.exec_driver_sql("PRAGMA quick_check(1)").scalar_one()
        connection.rollback()
        if answer != "ok":
            raise DatabaseError(f"{self._path}: {answer}") from DamagedFile(answer)

    def _begins_crowded(self) -> bool:
        """The disk is full at the start: open in the room of the ballast, or else only load; False if neither works.

        What has been numbered must be known, also while nothing can be written.
        """
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

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
