"""Opening the one database: pragmas, the lock that keeps a second daemon out, migrations."""

import fcntl
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from edge_mask.errors import DatabaseError
from edge_mask.ledger.migrations import migrate

_WRITER_PRAGMAS = (
    "PRAGMA auto_vacuum = INCREMENTAL",  # before the first table: freed pages go back to the file system
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",  # the commit is on the card when it returns (see docs/outbox.md for what NORMAL loses)
    "PRAGMA foreign_keys = ON",
    "PRAGMA busy_timeout = 5000",
    "PRAGMA wal_autocheckpoint = 1000",
    "PRAGMA journal_size_limit = 8388608",
    "PRAGMA cache_size = -512",  # KiB: memory does not grow with the file
)
_READER_PRAGMAS = ("PRAGMA query_only = ON", "PRAGMA busy_timeout = 5000", "PRAGMA cache_size = -256")


def real_path(database: Path) -> Path:
    """The file behind symbolic links: its lock, and what is set aside, belong beside it. Never raises."""
    return Path(os.path.realpath(database))


class Lock:
    """An exclusive lock beside the database: one daemon for each file. Freed by the kernel when the process ends."""

    def __init__(self, database: Path) -> None:
        file = real_path(database)
        self._path = file.with_name(file.name + ".lock")
        self._database = database
        self._fd = -1

    def acquire(self) -> None:
        """Raises DatabaseError with the other daemon's process id when it is taken."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise DatabaseError(f"{self._database}: cannot create its folder or lock file: {error.strerror}") from error
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.read(self._fd, 32).decode(errors="replace").strip() or "unknown"
            self.release()
            raise DatabaseError(
                f"{self._database} is in use by another edge-mask daemon (process {holder}); "
                "stop it, or give this one its own outbox.path"
            ) from error
        os.ftruncate(self._fd, 0)
        os.pwrite(self._fd, f"{os.getpid()}\n".encode(), 0)

    def release(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def _engine(path: Path, pragmas: tuple[str, ...]) -> Engine:
    engine = create_engine(
        URL.create("sqlite+pysqlite", database=str(path)), poolclass=NullPool, connect_args={"check_same_thread": False}
    )

    def on_connect(dbapi: Any, _record: object) -> None:
        dbapi.isolation_level = None  # SQLAlchemy says BEGIN itself, below
        for pragma in pragmas:
            dbapi.execute(pragma).close()

    def on_begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN" if pragmas is _READER_PRAGMAS else "BEGIN IMMEDIATE")

    event.listen(engine, "connect", on_connect)
    event.listen(engine, "begin", on_begin)
    return engine


def open_writer(path: Path) -> Connection:
    """The only write connection, at the newest schema version.

    Raises DatabaseError when it cannot be opened, sqlite3.DatabaseError inside it when the file is damaged.
    """
    try:
        connection = _engine(path, _WRITER_PRAGMAS).connect()
        migrate(connection)
    except (DBAPIError, sqlite3.Error) as error:
        raise DatabaseError(f"{path}: {reason_of(error)}") from error
    return connection


def open_reader(path: Path) -> Connection:
    """A connection that cannot write; the file must exist. Raises DatabaseError."""
    if not path.exists():
        raise DatabaseError(f"{path}: there is no such database yet; it appears when the daemon first runs")
    try:
        return _engine(path, _READER_PRAGMAS).connect()
    except (DBAPIError, sqlite3.Error) as error:
        raise DatabaseError(f"{path}: {reason_of(error)}") from error


class ReadView:
    """A read-only connection that is kept, and opened anew when another file has taken the place of the old one
    (a damaged database is renamed aside while we run). One thread uses it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connection: Connection | None = None
        self._inode = 0

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """One look. It always ends: an open read transaction would keep the WAL from being checkpointed."""
        inode = self._path.stat().st_ino if self._path.exists() else 0
        if inode != self._inode:
            self.close()
        if self._connection is None:
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


def reason_of(error: BaseException) -> str:
    """SQLite's own words, without SQLAlchemy's wrapping."""
    return str(error.orig) if isinstance(error, DBAPIError) else str(error)


def is_damage(error: BaseException | None) -> bool:
    """True when the file itself is broken (not a database, malformed), as against locked, full or away."""
    while error is not None:
        original = error.orig if isinstance(error, DBAPIError) else error
        if getattr(original, "sqlite_errorcode", None) in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
            return True
        error = error.__cause__
    return False
