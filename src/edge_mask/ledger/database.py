"""The file on the disk: where it really lies, whose it is, the lock against a second daemon, and the ballast."""

import fcntl
import logging
import os
import shutil
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Final
from urllib.parse import quote

from edge_mask.errors import DatabaseError

log = logging.getLogger(__name__)

APPLICATION_ID: Final = 0x45644D73
"""Our mark in the header of the file (`EdMs`), where SQLite keeps one for each program that wants it."""

_MAGIC = b"SQLite format 3\0"
_MARK_AT = slice(68, 72)
_BALLAST = 4 * 2**20


def real_path(database: Path) -> Path:
    """The file behind symbolic links: its lock and the files that are set aside belong beside it. Never raises."""
    try:
        return Path(os.path.realpath(database))
    except ValueError:  # a zero byte: opening it says so
        return database


NOBODY: Final = (0, 0)


def identity_of(path: Path) -> tuple[int, int]:
    """Device and inode: which file it is, whatever its name; (0, 0) when none can be seen."""
    try:
        found = path.stat()
    except (OSError, ValueError):
        return NOBODY
    return (found.st_dev, found.st_ino)


def beside(database: Path, ending: str) -> Path:
    """The file of that ending beside the database's real one."""
    return Path(f"{real_path(database)}{ending}")  # with_name would refuse a path such as /


def is_there(database: Path) -> bool:
    """Whether the file exists. Raises DatabaseError when nobody can tell."""
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


# -- whose file it is ------------------------------------------------------------------------------------


_looking = threading.RLock()
_known: set[tuple[int, int]] = set()
"""The files that SQLite may hold open in this process: none of them is opened by hand.

Closing any descriptor of a file frees every lock that the process has on it (fcntl(2)), SQLite's too. Another process
that closes the database would then take itself for the last one and delete the journal under our hands.
"""


@contextmanager
def held_by_sqlite(database: Path) -> Iterator[None]:
    """Around the opening of a connection that makes the file: from then on nobody opens it by hand."""
    with _looking:
        yield
        if (file := identity_of(database)) != NOBODY:
            _known.add(file)


def refuse_other_files(database: Path) -> None:
    """Raises DatabaseError for a folder, and for a file that no daemon of ours ever wrote.

    With a destroyed header our file is still known by the lock beside it. So call this before taking the lock.
    """
    with _looking:
        if identity_of(database) in _known:
            return
        _refuse_at_first_sight(database)
        if (file := identity_of(database)) != NOBODY:
            _known.add(file)


def _refuse_at_first_sight(database: Path) -> None:
    head = _head(database)
    if not head or was_ours(database):
        return
    foreign = "and never was one of edge-mask; it is left as it is; name another outbox.path"
    if not head.startswith(_MAGIC):
        raise DatabaseError(f"{database}: is no database, {foreign}")
    try:
        with closing(sqlite3.connect(f"file://{quote(os.fsencode(real_path(database)))}?mode=ro", uri=True)) as opened:
            refuse_strangers(opened)
    except sqlite3.OperationalError as error:  # locked or not readable: opening it says so
        log.debug("%s: whose it is cannot be told now: %s", database, error)
    except sqlite3.DatabaseError as error:
        raise DatabaseError(f"{database}: {error}, {foreign}") from None
    except DatabaseError as error:
        raise DatabaseError(f"{database}: {error}") from None


def was_ours(database: Path) -> bool:
    """Whether the file carries our mark, or a daemon has left its lock beside it."""
    mark = int.from_bytes(_head(database)[_MARK_AT], "big")
    return mark == APPLICATION_ID or is_there(beside(database, ".lock"))


def _head(database: Path) -> bytes:
    """The first bytes; none when the file is empty or missing. Raises DatabaseError."""
    try:
        if is_there(database) and not (database.is_file() or database.is_dir()):
            raise DatabaseError(f"{database}: is a pipe or a device; outbox.path names a file")
        with database.open("rb") as file:
            return file.read(100)
    except FileNotFoundError:
        return b""
    except IsADirectoryError as error:
        raise DatabaseError(f"{database}: is a folder; outbox.path names a file") from error
    except (OSError, ValueError) as error:
        raise DatabaseError(f"{database}: {_why_not(error)}") from error


def refuse_strangers(connection: sqlite3.Connection) -> None:
    """Raises DatabaseError for a database that has tables, but not ours: it belongs to another program."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (mark,) = connection.execute("PRAGMA application_id").fetchone()
    tables = [str(name) for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    if (tables and (version == 0 or "outbox" not in tables)) or mark not in (0, APPLICATION_ID):
        shown = f"it has the tables {', '.join(sorted(tables)[:3])}" if tables else f"its application_id is {mark}"
        raise DatabaseError(f"belongs to another program ({shown}); name another outbox.path")


# -- the lock --------------------------------------------------------------------------------------------


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
        """Raise what `acquire` would when the lock is taken or cannot be opened; no file is made or written."""
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


# -- the ballast -----------------------------------------------------------------------------------------


class Ballast:
    """A file beside the database that only takes up room. Nothing here raises.

    When the disk is full it is deleted. Then sent messages can be deleted from the outbox, and that makes more room.
    """

    def __init__(self, database: Path, size: int = _BALLAST) -> None:
        self._path = Path(f"{database}.ballast")  # with_name would refuse a path such as /
        self._size = size

    def take(self) -> None:
        """Make it, unless it exists or the disk is too full for it."""
        try:
            if self._path.exists() or shutil.disk_usage(self._path.parent).free < 4 * self._size:
                return
            with self._path.open("wb") as file:
                os.posix_fallocate(file.fileno(), 0, self._size)
        except OSError as error:
            log.debug("no ballast at %s: %s", self._path, error)
            self.drop()

    def drop(self) -> bool:
        """Delete it; False when there was none."""
        try:
            self._path.unlink()
        except OSError:
            return False
        return True
