"""The connection to PostgreSQL or MariaDB, and what their errors mean for whoever waits for a commit."""

import inspect
from collections.abc import Callable, Mapping
from typing import Any, Final

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from edge_mask.errors import ConfigurationError
from edge_mask.settings.sink import Sink

_PATIENCE: Final = 10
"""Seconds for a connection."""
_ANSWERS_WITHIN: Final = 60
"""Seconds for a statement; only MariaDB's driver can tell."""
_OF_THE_ROW_IN_POSTGRESQL: Final = ("22", "23", "54")
"""Classes of SQLSTATE that a value is to blame for; 54 is too long or too deep."""
_NOT_OF_THE_ROW_IN_MARIADB: Final = frozenset(
    (3, 28, 1005, 1007, 1016, 1020, 1021, 1026, 1028, 1030, 1034, 1035, 1036, 1037, 1040, 1041, 1042, 1043, 1044, 1045,
     1049, 1053, 1054, 1077, 1078, 1081, 1099, 1114, 1129, 1130, 1135, 1142, 1143, 1146, 1152, 1153, 1158, 1159, 1160,
     1161, 1180, 1181, 1184, 1203, 1205, 1213, 1226, 1227, 1290, 1317, 1526, 1792, 1927, 1932, 1969, 2002, 2003, 2006,
     2013, 2026, 2055)
)  # fmt: skip
_REMEDIES: Final[Mapping[str, tuple[str | int, ...]]] = {
    "see sink.password_file": ("28P01", 1045),
    "see the user in sink.database, and pg_hba.conf": ("28000",),
    "make the database first: CREATE DATABASE": ("3D000", 1049),
    "give this user the right to it": ("42501", 1142, 1044),
    "it is made anew": ("42P01", 1146),
    "is this the primary server?": ("25006", 1290, 1036, 1792),
    "make room on its disk": ("53100", 1114, 1021, 28),
    "raise max_connections": ("53300", 1040),
}
_REMEDY: Final = {code: remedy for remedy, codes in _REMEDIES.items() for code in codes}
_SAID_WHILE_CONNECTING: Final = {
    "password authentication failed": "28P01",
    "pg_hba.conf": "28000",
    "does not exist": "3D000",
    "too many clients": "53300",
}
"""libpq gives no code for what fails while connecting."""
_SAID_TWICE = "connection failed: "
"""What psycopg puts before libpq's own words."""


def engine_for(sink: Sink) -> Engine:
    """A connection is made on use and kept by whoever uses it. Raises ConfigurationError, OSError (password file)."""
    try:
        url = make_url(sink.database)
        if (password := sink.read_password()) is not None:
            url = url.set(password=password)
        engine = create_engine(
            url,
            poolclass=NullPool,
            isolation_level="READ COMMITTED",
            connect_args=_arguments(url),
            hide_parameters=True,
        )
        problem = _problem(sink.database, url, engine)
    except (ModuleNotFoundError, NoSuchModuleError) as error:
        raise ConfigurationError(
            ["sink.database: its driver is not installed: pip install 'edge-mask[sink]'"]
        ) from error
    except (ArgumentError, ValueError, TypeError) as error:
        raise ConfigurationError([f"sink.database: is no address of a database: {error}"]) from None
    if problem is not None:
        raise ConfigurationError([f"sink.database: {problem}"])
    if password is not None:
        event.listen(engine, "do_connect", _with_the_password_of(sink))
    return engine


def _with_the_password_of(sink: Sink) -> Callable[..., None]:
    """Its file is read again for each connection: a password that was changed or mended needs no restart."""

    def before(_dialect: object, _record: object, _arguments: object, options: dict[str, Any]) -> None:
        try:
            password = sink.read_password() or ""
        except UnicodeDecodeError:
            raise OSError(f"sink.password_file: {sink.password_file} is not a text file") from None
        if "\0" in password:  # libpq would take it for the end of the whole address
            raise OSError(f"sink.password_file: {sink.password_file} holds a control character")
        options["password"] = password

    return before


def _problem(given: str, url: URL, engine: Engine) -> str | None:
    """What the drivers would say in words of their own, or with a part of the password."""
    if given.partition("?")[0].count("@") > 1:
        return "has more than one @; in a user or a password write @ as %40, / as %2F and : as %3A"
    if not url.database:
        return "names no database; allowed: an address such as mysql+pymysql://user@host/edge_mask"
    if url.get_backend_name() != "postgresql":
        known = inspect.signature(engine.dialect.loaded_dbapi.connect).parameters
        _, options = engine.dialect.create_connect_args(url)
        if unknown := sorted(set(options) - set(known)):
            return f"has the option {unknown[0]}, which pymysql does not know"
    return None


def _arguments(url: URL) -> dict[str, Any]:
    if url.get_backend_name() == "postgresql":
        keep_alive = {
            "keepalives_idle": 15,
            "keepalives_interval": 5,
            "keepalives_count": 3,
            "tcp_user_timeout": 30_000,
        }
        return {
            "connect_timeout": _PATIENCE,
            "application_name": "edge-mask sink",
            "options": "-c TimeZone=UTC",
            **keep_alive,
        }
    return {
        "connect_timeout": _PATIENCE,
        "read_timeout": _ANSWERS_WITHIN,
        "write_timeout": _ANSWERS_WITHIN,
        "charset": "utf8mb4",
        "init_command": "SET time_zone = '+00:00', sql_mode = 'STRICT_ALL_TABLES'",
        "client_flag": 0,  # not SQLAlchemy's FOUND_ROWS: rows that were there already do not count
    }


def named(url: str) -> str:
    """The database as a person may read it: without user, password and options."""
    try:
        parts = make_url(url)
    except ArgumentError:
        return "the database"
    where = parts.host or "this machine"
    return f"{parts.database or ''} on {where}{f':{parts.port}' if parts.port else ''}"


def is_of_the_row(error: SQLAlchemyError) -> bool:
    """Whether the same statement will fail again on the same values, with a database that is well."""
    if not isinstance(error, DBAPIError):
        return True  # SQLAlchemy itself does not take a value
    if error.connection_invalidated:
        return False
    code = code_of(error)
    if isinstance(code, str):
        return code.startswith(_OF_THE_ROW_IN_POSTGRESQL)
    if isinstance(code, int):
        return code not in _NOT_OF_THE_ROW_IN_MARIADB
    return type(error.orig).__name__ == "DataError"


def code_of(error: DBAPIError) -> str | int | None:
    """PostgreSQL's SQLSTATE, MariaDB's number; None for what never reached the server."""
    if type(error.orig).__module__.startswith("pymysql"):
        number = error.orig.args[0] if error.orig is not None and error.orig.args else None
        return number if isinstance(number, int) else None
    state = getattr(error.orig, "sqlstate", None)
    return None if state is None else str(state)


def sentence_of(error: Exception) -> str:
    """One line without SQL and values, and what to do where that is known."""
    if not isinstance(error, DBAPIError) or error.orig is None:
        return f"{error}".partition("\n")[0] or type(error).__name__
    code = code_of(error)
    arguments = error.orig.args
    said = str(arguments[1]) if isinstance(code, int) and len(arguments) > 1 else str(error.orig)
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    first = lines[0].removeprefix(_SAID_TWICE) if lines else type(error.orig).__name__
    remedy = _REMEDY.get(code) if code is not None else _guessed(said)
    return f"{first} ({remedy})" if remedy else first


def _guessed(said: str) -> str | None:
    return next((_REMEDY[code] for part, code in _SAID_WHILE_CONNECTING.items() if part in said), None)
