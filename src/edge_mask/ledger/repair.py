"""What a person does to the database by hand: purge and repair."""

from contextlib import closing
from pathlib import Path

from sqlalchemy.exc import DBAPIError

from edge_mask.errors import DatabaseError
from edge_mask.ledger.database import Lock, is_damage, is_there, open_writer, real_path, reason_of
from edge_mask.ledger.salvage import Salvaged, salvage
from edge_mask.ledger.tables import SET_ASIDE


def purge(path: Path, *, refused_only: bool, before: float | None = None) -> int:
    """Delete waiting messages (or only those set aside), seen before `before` if given; how many went.

    Works beside a running daemon. Raises DatabaseError.
    """
    if not is_there(path):
        raise DatabaseError(f"{path}: there is no such database")
    where, arguments = ["1 = 1"], []
    if refused_only:
        where.append("state = ?")
        arguments.append(float(SET_ASIDE))
    if before is not None:
        where.append("wall < ?")
        arguments.append(before)
    try:
        with closing(open_writer(path)) as connection, connection.begin():
            statement = f"DELETE FROM outbox WHERE {' AND '.join(where)}"
            return connection.exec_driver_sql(statement, tuple(arguments)).rowcount
    except DBAPIError as error:
        raise DatabaseError(f"{path}: {reason_of(error)}") from error


def repair(path: Path) -> Salvaged | None:
    """Check the whole file; a damaged one is set aside and its readable rows are carried over, a sound one is
    compacted (None). The daemon must not run. Raises DatabaseError."""
    if not is_there(path):
        raise DatabaseError(f"{path}: there is no such database")
    path = real_path(path)
    lock = Lock(path)
    lock.acquire()
    try:
        if _is_sound(path):
            _compact(path)
            return None
        return salvage(path)
    finally:
        lock.release()


def _is_sound(path: Path) -> bool:
    try:
        with closing(open_writer(path)) as connection:
            return bool(connection.exec_driver_sql("PRAGMA integrity_check(1)").scalar_one() == "ok")
    except (DBAPIError, DatabaseError) as error:
        if is_damage(error):
            return False
        raise


def _compact(path: Path) -> None:
    with closing(open_writer(path)) as connection:
        connection.connection.cursor().execute("VACUUM")
