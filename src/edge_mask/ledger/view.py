"""Connections that only read: from outside the daemon, beside its writer, and for a look that leaves no trace."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from edge_mask.errors import DatabaseError
from edge_mask.ledger.database import READER_PRAGMAS, beside, engine, is_there, reason_of


def open_reader(path: Path) -> Connection:
    """A connection that cannot write; the file must exist. Raises DatabaseError."""
    if not is_there(path):
        raise DatabaseError(f"{path}: there is no such database yet; it appears when the daemon first runs")
    try:
        return _connected(path)
    except DatabaseError as error:
        if not _wanted_to_write(error.__cause__) or _has_journal(path):
            raise
    return _connected(path, immutable="1")  # nobody writes, or there would be a journal: the file is all there is


def open_onlooker(path: Path) -> Connection:
    """A reader for a look that must change nothing: it makes no file beside the database and leaves a journal as it
    is. The file must exist. Raises DatabaseError."""
    return _connected(path, mode="ro") if _has_journal(path) else _connected(path, immutable="1")


def _connected(path: Path, **mode: str) -> Connection:
    try:
        return engine(path, READER_PRAGMAS, **mode).connect()
    except (DBAPIError, sqlite3.Error) as error:
        raise DatabaseError(f"{path}: {reason_of(error)}") from error


def _wanted_to_write(error: BaseException | None) -> bool:
    """Whether reading failed because nothing may be written there: SQLite makes an index beside its journal."""
    original = error.orig if isinstance(error, DBAPIError) else error
    code = getattr(original, "sqlite_errorcode", 0) & 0xFF
    return code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN)


def _has_journal(path: Path) -> bool:
    """Whether a write-ahead log lies beside the file: somebody writes, or was killed. True when that cannot be told."""
    try:
        return is_there(beside(path, "-wal"))
    except DatabaseError:
        return True


class ReadView:
    """A read-only connection that is kept, and opened anew when another file has taken the place of the old one
    (a damaged database is renamed aside while we run). One thread uses it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connection: Connection | None = None
        self._inode = 0
        self._epoch = 0

    @property
    def epoch(self) -> int:
        """Another number after another file has taken the place of the one that was read: row ids of before mean
        nothing in it."""
        self._notice_another_file()
        return self._epoch

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """One look. It always ends: an open read transaction would keep the WAL from being checkpointed."""
        self._notice_another_file()
        if self._connection is None:
            inode = self._inode_now()
            self._connection = open_reader(self._path)
            self._inode = inode
        try:
            yield self._connection
        finally:
            self._connection.rollback()

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _notice_another_file(self) -> None:
        """A file that is held open keeps its inode: no other one can have the same number meanwhile."""
        if self._connection is not None and self._inode_now() != self._inode:
            self.close()
            self._epoch += 1

    def _inode_now(self) -> int:
        try:
            return self._path.stat().st_ino
        except (OSError, ValueError):  # it is gone, or nobody can tell; opening it says so in a sentence
            return 0
