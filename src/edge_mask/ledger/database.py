"""Opening the one database: the lock that keeps a second daemon out, pragmas, the write connection."""

import fcntl
import os
import sqlite3
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from edge_mask.errors import DatabaseError
from edge_mask.ledger.migrations import migrate, refuse_newer, refuse_strangers

WRITER_PRAGMAS = (
    "PRAGMA auto_vacuum = INCREMENTAL",  # before the first table: freed pages go back to the file system
    "PRAGMA journal_mode = WAL",
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


_CROWDED_PRAGMAS = (
    "PRAGMA locking_mode = EXCLUSIVE",  # then SQLite keeps the index of its journal in memory, not beside the file
    "PRAGMA query_only = ON",
    "PRAGMA busy_timeout = 5000",
)


def real_path(database: Path) -> Path:
    """The file behind symbolic links: its lock, and what is set aside, belong beside it. Never raises."""
    try:
        return Path(os.path.realpath(database))
    except ValueError:  # a zero byte: opening it says so
        return database


def beside(database: Path, ending: str) -> Path:
    """The file of that ending beside the database's real one."""
    return Path(f"{real_path(database)}{ending}")  # with_name would refuse a path such as /


def is_there(database: Path) -> bool:
    """Whether there is such a file. Raises DatabaseError when not even that can be told."""
    try:
        database.stat()
    except FileNotFoundError:
        return False
    except (OSError, ValueError) as error:
        raise DatabaseError(f"{database}: {_why_not(error)}") from error
    return True


def _why_not(error: OSError | ValueError) -> str:
    """`Permission denied`, `Not a directory`, `File name too long`; a zero byte in a name is a ValueError."""
    return error.strerror or "cannot be reached" if isinstance(error, OSError) else "is not a path"


class InUse(DatabaseError):
    """Another daemon has it."""


class Lock:
    """An exclusive lock beside the database: one daemon for each file. Freed by the kernel when the process ends."""

    def __init__(self, database: Path) -> None:
        self.path = beside(database, ".lock")
        self._database = database
        self._fd = -1

    def acquire(self) -> None:
        """Raises InUse with the other daemon's process id when it is taken, DatabaseError when there can be none."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except (OSError, ValueError) as error:
            reason = _why_not(error)
            raise DatabaseError(f"{self._database}: cannot create its folder or lock file: {reason}") from error
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            taken = self._taken()
            self.release()
            raise taken from error
        text = f"{os.getpid()}\n".encode()
        with suppress(OSError):  # the disk is full: then a second daemon is refused without our number
            os.pwrite(self._fd, text, 0)
            os.ftruncate(self._fd, len(text))

    def test(self) -> None:
        """Raise what `acquire` would, for a lock that is taken or may not be opened; no file is made or written."""
        try:
            self._fd = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
            fcntl.flock(self._fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except FileNotFoundError:
            return  # there was never a daemon
        except BlockingIOError as error:
            raise self._taken() from error
        except (OSError, ValueError) as error:
            raise DatabaseError(f"{self._database}: cannot open its lock file: {_why_not(error)}") from error
        finally:
            self.release()

    def _taken(self) -> InUse:
        holder = os.read(self._fd, 32).decode(errors="replace").strip() or "unknown"
        return InUse(
            f"{self._database} is in use by another edge-mask daemon (process {holder}); "
            "stop it, or give this one its own outbox.path"
        )

    def release(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def engine(path: Path, pragmas: tuple[str, ...], **mode: str) -> Engine:
    """How connections to the file are made. `mode` is what SQLite takes behind its address: `immutable="1"`."""
    address = URL.create("sqlite+pysqlite", database=str(path))
    if mode:
        name = f"file://{quote(os.fsencode(real_path(path)))}"
        address = address.set(database=name, query={"uri": "true", **mode})
    made = create_engine(address, poolclass=NullPool, connect_args={"check_same_thread": False})

    def on_connect(dbapi: Any, _record: object) -> None:
        dbapi.isolation_level = None  # SQLAlchemy says BEGIN itself, below
        if pragmas is WRITER_PRAGMAS:
            refuse_strangers(dbapi)  # before the pragmas, which would change the file of another program
        for pragma in pragmas:
            dbapi.execute(pragma).close()

    def on_begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE" if pragmas is WRITER_PRAGMAS else "BEGIN")

    event.listen(made, "connect", on_connect)
    event.listen(made, "begin", on_begin)
    return made


def open_writer(path: Path) -> Connection:
    """The only write connection, at the newest schema version.

    Raises DatabaseError when it cannot be opened, sqlite3.DatabaseError inside it when the file is damaged.
    """
    try:
        connection = engine(path, WRITER_PRAGMAS).connect()
        migrate(connection)
    except (DBAPIError, sqlite3.Error) as error:
        raise DatabaseError(f"{path}: {reason_of(error)}") from error
    except DatabaseError as error:
        raise DatabaseError(f"{path}: {error}") from error
    return connection


def read_crowded(path: Path, load: Callable[[Connection], None]) -> None:
    """`load` what the file holds although the disk has no room to open it as a writer does; nothing is loaded from one
    that has yet to be made. Raises DatabaseError, DBAPIError."""
    if not is_there(path):
        return
    with closing(engine(path, _CROWDED_PRAGMAS).connect()) as connection:
        version = int(connection.exec_driver_sql("PRAGMA user_version").scalar_one())
        refuse_newer(version)
        raw: Any = connection.connection.driver_connection
        refuse_strangers(raw)
        if version:
            load(connection)
        connection.rollback()


def reason_of(error: BaseException) -> str:
    """SQLite's own words, without SQLAlchemy's wrapping."""
    return str(error.orig) if isinstance(error, DBAPIError) else str(error)


def is_damage(error: BaseException | None) -> bool:
    """True when the file itself is broken (not a database, malformed), as against locked, full or away."""
    return _has_code(error, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def is_full(error: BaseException | None) -> bool:
    """True when the disk has no room, for the file itself or for the index that SQLite makes beside it."""
    return _has_code(error, sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_SHMSIZE)


def _has_code(error: BaseException | None, *codes: int) -> bool:
    while error is not None:
        original = error.orig if isinstance(error, DBAPIError) else error
        if getattr(original, "sqlite_errorcode", None) in codes:
            return True
        error = error.__cause__
    return False
