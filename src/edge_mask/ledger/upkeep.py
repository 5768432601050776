"""What a person asks of the database: check it, purge it, repair it."""

import os
import sqlite3
import time
from contextlib import closing
from pathlib import Path

from edge_mask.errors import DatabaseError
from edge_mask.ledger.connections import as_database_error, is_damage, open_onlooker, open_writer
from edge_mask.ledger.database import Lock, is_there, real_path, refuse_other_files, refuse_strangers
from edge_mask.ledger.erasure import Erased, Erasure, erase, overwriting
from edge_mask.ledger.recount import recount
from edge_mask.ledger.rows import delete_waiting
from edge_mask.ledger.salvage import Salvaged, salvage
from edge_mask.ledger.schema import MIGRATIONS, lacking, refuse_newer
from edge_mask.ledger.series_schema import HOURS
from edge_mask.ledger.shadows import Shadows
from edge_mask.ledger.soundness import damaged_columns

_REPAIR = "try: edge-mask outbox repair"


# -- check -----------------------------------------------------------------------------------------------


def check_up(path: Path) -> str:
    """Could a daemon use the database? Writes nothing and makes no file.

    Raises InUse when a daemon has it, DatabaseError when none could use it.
    """
    if not is_there(path):
        return _could_be_made(path)
    refuse_other_files(path)
    lock = Lock(path)
    lock.test()
    file = real_path(path)
    needed = [(file.parent, os.W_OK | os.X_OK), (file, os.R_OK | os.W_OK)]
    if is_there(lock.path):
        needed.append((lock.path, os.R_OK | os.W_OK))
    for part, rights in needed:
        if not os.access(part, rights):
            raise DatabaseError(f"{path}: {part} may not be written; give the daemon's user the right to")
    _read_through(path)
    return str(path)


def _could_be_made(path: Path) -> str:
    folder = real_path(path).parent
    while not is_there(folder):
        folder = folder.parent
    if not folder.is_dir():
        raise DatabaseError(f"{path} cannot be made: {folder} is not a folder")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise DatabaseError(f"{path} cannot be made: {folder} is not writable")
    return f"{path} will be made at the first start"


def _read_through(path: Path) -> None:
    """Check the owner, the version and the pages."""
    try:
        with as_database_error(), closing(open_onlooker(path)) as connection:
            database = connection.connection.driver_connection
            assert isinstance(database, sqlite3.Connection)
            refuse_strangers(database)
            version = int(connection.exec_driver_sql("PRAGMA user_version").scalar_one())
            refuse_newer(version)
            answer = str(connection.exec_driver_sql("PRAGMA quick_check(1)").scalar_one())
            if version == len(MIGRATIONS) and (missing := lacking(database)):
                answer = f"the table of contents lacks {', '.join(missing[:3])}"
    except DatabaseError as error:
        advice = f"; {_REPAIR}" if is_damage(error) else ""
        raise DatabaseError(f"{path}: {str(error).removeprefix(f'{path}: ')}{advice}") from error
    if answer != "ok":
        raise DatabaseError(f"{path}: is damaged ({' '.join(answer.split())}); {_REPAIR}")


# -- purge and repair ------------------------------------------------------------------------------------


def purge(path: Path, *, refused_only: bool, before: float | None = None) -> int:
    """Delete waiting messages (or only those set aside), seen before `before` if given; how many went.

    Works beside a running daemon. Raises DatabaseError.
    """
    if not is_there(path):
        raise DatabaseError(f"{path}: there is no such database")
    refuse_other_files(path)
    with as_database_error(path), closing(open_writer(path)) as connection, connection.begin():
        return delete_waiting(connection, refused_only=refused_only, before=before)


def erase_people(path: Path, erasure: Erasure) -> Erased:
    """Delete what is kept of people, also in shadows. Works beside a running daemon. Raises DatabaseError, Refused."""
    if not is_there(path):
        raise DatabaseError(f"{path}: there is no such database")
    refuse_other_files(path)
    with (
        as_database_error(path),
        closing(open_writer(path)) as connection,
        overwriting(connection),
        connection.begin(),
    ):
        shadows = Shadows()
        shadows.load(connection)
        return erase(connection, erasure, shadows, int(time.time()))


def repair(path: Path) -> Salvaged | None:
    """Check the whole file: salvage a damaged one, compact a sound one (None). The daemon must not run.

    Raises DatabaseError.
    """
    if not is_there(path):
        raise DatabaseError(f"{path}: there is no such database")
    path = real_path(path)
    refuse_other_files(path)
    lock = Lock(path)
    lock.acquire()
    try:
        if _is_sound(path):
            _compact(path)
            return None
        with as_database_error(path):
            return salvage(path)
    finally:
        lock.release()


def drop_damaged_hours(path: Path) -> int:
    """Delete the hours of series that cannot be read; how many went. The daemon must not run. Raises DatabaseError."""
    path = real_path(path)
    lock = Lock(path)
    lock.acquire()
    try:
        with as_database_error(path), closing(open_writer(path)) as connection, connection.begin():
            hours = connection.exec_driver_sql(f"SELECT * FROM {HOURS}").mappings()
            damaged = [(row["id"],) for row in hours if damaged_columns(HOURS, row)]
            if damaged:
                connection.exec_driver_sql(f"DELETE FROM {HOURS} WHERE id = ?", damaged)
            return len(damaged)
    finally:
        lock.release()


def _is_sound(path: Path) -> bool:
    try:
        with as_database_error(path), closing(open_writer(path)) as connection:
            return bool(connection.exec_driver_sql("PRAGMA integrity_check(1)").scalar_one() == "ok")
    except DatabaseError as error:
        if is_damage(error):
            return False
        raise


def _compact(path: Path) -> None:
    with as_database_error(path), closing(open_writer(path)) as connection:
        with connection.begin():
            recount(connection)
        connection.connection.cursor().execute("VACUUM")
