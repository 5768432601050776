"""Errors about a value, not about the file."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DataError, IntegrityError, InterfaceError, ProgrammingError

from edge_mask.errors import DatabaseError
from edge_mask.ledger.connections import reason_of


class Unwritable(DatabaseError):
    """A value that no column can hold, or that the driver cannot pass on: it can never be written."""


@contextmanager
def unwritable() -> Iterator[None]:
    """An error about a value, not about the file, becomes Unwritable."""
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
