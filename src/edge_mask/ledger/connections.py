"""Connections to the database: the one that writes, those that only read, and what their errors mean."""

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from edge_mask.errors import DatabaseError
from edge_mask.ledger.database import beside, held_by_sqlite, is_there, real_path, refuse_other_files, refuse_strangers
from edge_mask.ledger.schema import lacking, migrate, refuse_newer

WRITER_PRAGMAS = (
    "PRAGMA journal_mode = WAL",
    "PRAGMA secure_delete = FAST",  # deleted rows of people are overwritten where that costs no writing of its own
    "PRAGMA synchronous = FULL",  # the commit is on the card when it returns (see docs/outbox.md for what NORMAL loses)
    "PRAGMA foreign_keys = ON",
    "PRAGMA busy_timeout = 5000",
    "PRAGMA wal_autocheckpoint = 1000",
    "PRAGMA journal_size_limit = 8388608",
    "PRAGMA cache_size = -512",  # KiB: memory does not grow with the file
)
READER_PRAGMAS = (
    "PRAGMA query_only = ON",
    "PRAGMA busy_timeout = 5000",
    "PRAGMA cache_size = -256",
    "PRAGMA schema_version",  # looks into the file: what is wrong with it shows when it is opened
)


_INCREMENTAL = 2

_CROWDED_PRAGMAS = (
    "PRAGMA locking_mode = EXCLUSIVE",  # then SQLite keeps the index of its journal in memory, not beside the file
    "PRAGMA query_only = ON",
    "PRAGMA busy_timeout = 5000",
)


# -- what errors mean -----------------------------------------------------------------------------------


class DamagedFile(Exception):
    """A check found damage; `is_damage` takes it for SQLite's own error."""

    sqlite_errorcode = sqlite3.SQLITE_CORRUPT


@contextmanager
def as_database_error(path: Path | None = None, advice: str = "") -> Iterator[None]:
    """Turn errors of SQLite and SQLAlchemy into a DatabaseError: no other room knows these libraries."""
    try:
        yield
    except (DBAPIError, sqlite3.Error) as error:
        where = "" if path is None else f"{path}: "
        raise DatabaseError(f"{where}{reason_of(error)}{advice}") from error


def reason_of(error: BaseException) -> str:
    """SQLite's own words, without SQLAlchemy's wrapping."""
    return str(error.orig) if isinstance(error, DBAPIError) else str(error)


def is_damage(error: BaseException | None) -> bool:
    """True when the file itself is broken (malformed, not a database), not when it is locked, full or missing."""
    return _has_code(error, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def is_full(error: BaseException | None) -> bool:
    """True when the disk has no room for the file, or for the index that SQLite makes beside it."""
    return _has_code(error, sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_SHMSIZE)


def _has_code(error: BaseException | None, *codes: int) -> bool:
    while error is not None:
        original = error.orig if isinstance(error, DBAPIError) else error
        code = getattr(original, "sqlite_errorcode", 0)
        if code in codes or code & 0xFF in codes:  # SQLITE_CORRUPT_INDEX is a SQLITE_CORRUPT
            return True
        error = error.__cause__
    return False


# -- the writer -----------------------------------------------------------------------------------------


def as_text(raw: bytes) -> str:
    """Decode any bytes: one text that is not UTF-8 must not hide the rows behind it."""
    return raw.decode("utf-8", "surrogateescape")


def engine(path: Path, pragmas: tuple[str, ...], **mode: str) -> Engine:
    """Make connections to the file. `mode` holds parameters of SQLite's URI, such as `immutable="1"`."""
    address = URL.create("sqlite+pysqlite", database=str(path))
    if mode:
        name = f"file://{quote(os.fsencode(real_path(path)))}"
        address = address.set(database=name, query={"uri": "true", **mode})
    made = create_engine(address, poolclass=NullPool, connect_args={"check_same_thread": False})

    def on_connect(dbapi: Any, _record: object) -> None:
        dbapi.isolation_level = None  # SQLAlchemy says BEGIN itself, below
        dbapi.text_factory = as_text
        if pragmas is WRITER_PRAGMAS:
            refuse_strangers(dbapi)  # before the pragmas, which would change the file of another program
            _give_back_pages(dbapi)
        for pragma in pragmas:
            dbapi.execute(pragma).close()

    def on_begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE" if pragmas is WRITER_PRAGMAS else "BEGIN")

    event.listen(made, "connect", on_connect)
    event.listen(made, "begin", on_begin)
    return made


def _give_back_pages(database: sqlite3.Connection) -> None:
    """Before the first table: freed pages go back to the file system. The pragma writes to the file even where it is
    so already, and a sound file must open on a full disk."""
    if database.execute("PRAGMA auto_vacuum").fetchone() != (_INCREMENTAL,):
        database.execute("PRAGMA auto_vacuum = INCREMENTAL").close()


def open_writer(path: Path) -> Connection:
    """The only write connection, at the newest schema version.

    Raises DatabaseError when it cannot be opened, sqlite3.DatabaseError inside it when the file is damaged.
    """
    connection = None
    try:
        with held_by_sqlite(path):
            connection = engine(path, WRITER_PRAGMAS).connect()
        migrate(connection)
        _refuse_other_contents(connection)
    except (DBAPIError, sqlite3.Error, DatabaseError, DamagedFile) as error:
        if connection is not None:
            connection.close()
        raise DatabaseError(f"{path}: {reason_of(error)}") from error
    return connection


def _refuse_other_contents(connection: Connection) -> None:
    raw: Any = connection.connection.driver_connection
    if missing := lacking(raw):
        raise DamagedFile(f"the table of contents lacks {', '.join(missing[:3])}")


def read_crowded(path: Path, load: Callable[[Connection], None]) -> None:
    """Call `load` with a connection that only reads, on a disk that is too full to open the file for writing.

    Does nothing when there is no file yet. Raises DatabaseError.
    """
    if not is_there(path):
        return
    with as_database_error(), closing(engine(path, _CROWDED_PRAGMAS).connect()) as connection:
        version = int(connection.exec_driver_sql("PRAGMA user_version").scalar_one())
        refuse_newer(version)
        raw: Any = connection.connection.driver_connection
        refuse_strangers(raw)
        if version:
            load(connection)
        connection.rollback()


# -- readers --------------------------------------------------------------------------------------------


def open_reader(path: Path) -> Connection:
    """A connection that cannot write; the file must exist. Raises DatabaseError."""
    if not is_there(path):
        raise DatabaseError(f"{path}: there is no such database yet; it appears when the daemon first runs")
    refuse_other_files(path)
    try:
        return _connected(path)
    except DatabaseError as error:
        if not _wanted_to_write(error.__cause__) or _has_journal(path):
            raise
    return _connected(path, immutable="1")  # without a journal nobody writes, and nothing lies outside of the file


def open_onlooker(path: Path) -> Connection:
    """A reader that changes nothing: it makes no file beside the database and leaves a journal as it is.

    The file must exist. Raises DatabaseError.
    """
    return _connected(path, mode="ro") if _has_journal(path) else _connected(path, immutable="1")


def _connected(path: Path, **mode: str) -> Connection:
    with as_database_error(path):
        made = engine(path, READER_PRAGMAS, **mode) if mode else _reader_engine(path.absolute())
        return made.connect()


@lru_cache(maxsize=4)
def _reader_engine(path: Path) -> Engine:
    """Kept, without a connection: to make one takes as long as a query."""
    return engine(path, READER_PRAGMAS)


def _wanted_to_write(error: BaseException | None) -> bool:
    """Whether reading failed because the folder is read-only: SQLite must make an index beside its journal."""
    original = error.orig if isinstance(error, DBAPIError) else error
    code = getattr(original, "sqlite_errorcode", 0) & 0xFF
    return code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN)


def _has_journal(path: Path) -> bool:
    """Whether a write-ahead log lies beside the file: somebody writes, or was killed. True when nobody can tell."""
    try:
        return is_there(beside(path, "-wal"))
    except DatabaseError:
        return True


class ReadView:
    """A read-only connection that stays open, until another file takes the place of the old one.

    That happens when a damaged database is set aside while the daemon runs. One thread uses it.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connection: Connection | None = None
        self._inode = 0
        self._epoch = 0

    @property
    def epoch(self) -> int:
        """Changes when another file takes the place of the old one: old row ids mean nothing in it."""
        self._notice_another_file()
        return self._epoch

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """One read transaction. It must end soon: while it is open, the WAL cannot be checkpointed.

        Raises DatabaseError, also for statements inside it.
        """
        self._notice_another_file()
        if self._connection is None:
            inode = self._inode_now()
            self._connection = open_reader(self._path)
            self._inode = inode
        with as_database_error():
            try:
                yield self._connection
            finally:
                self._connection.rollback()

    def interrupt(self) -> None:
        """From any thread: the running statement ends with an error."""
        if (connection := self._connection) is not None:
            raw: Any = connection.connection.driver_connection
            with suppress(sqlite3.ProgrammingError):  # it was closed meanwhile
                raw.interrupt()

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _notice_another_file(self) -> None:
        """A file that is held open keeps its inode number: no other file can have it meanwhile."""
        if self._connection is not None and self._inode_now() != self._inode:
            self.close()
            self._epoch += 1

    def _inode_now(self) -> int:
        try:
            return self._path.stat().st_ino
        except (OSError, ValueError):  # gone or out of reach; opening it says so in a sentence
            return 0
