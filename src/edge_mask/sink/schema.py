"""The tables of the central store, and the numbered steps that lead to them, for PostgreSQL and MariaDB.

A change of the schema is another step at the end of STEPS; those that stand there are never changed. Every step can be
run again: MariaDB commits each statement by itself, so that a step that was broken off begins anew.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    DateTime,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    select,
    text,
)
from sqlalchemy.dialects.mysql import DATETIME, LONGBLOB
from sqlalchemy.dialects.mysql import insert as insert_into_mariadb
from sqlalchemy.dialects.postgresql import TIMESTAMP
from sqlalchemy.dialects.postgresql import insert as insert_into_postgresql
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.types import UserDefinedType

from edge_mask.errors import DatabaseError
from edge_mask.sink.rows import LONGEST_KIND, LONGEST_THING, LONGEST_TOPIC
from edge_mask.sink.views import create_views

LOCK: Final = 0x65646765  # "edge": the advisory lock of migrations and partitions
LOCK_NAME: Final = "edge_mask_sink"
_LOCK_PATIENCE: Final = 30
"""Seconds."""


class _Written(UserDefinedType[str]):
    """A value that is given and read as text; the database knows it as its own type."""

    cache_ok = True

    def __init__(self, in_postgresql: str, in_mariadb: str) -> None:
        self.in_postgresql = in_postgresql
        self.in_mariadb = in_mariadb


@compiles(_Written)
def _name_of(type_: _Written, compiler: Any, **_more: Any) -> str:
    return type_.in_postgresql if compiler.dialect.name == "postgresql" else type_.in_mariadb


Id = _Written("UUID", "CHAR(36) CHARACTER SET ascii COLLATE ascii_bin")
Json = _Written("JSONB", "JSON")
Time = DateTime().with_variant(TIMESTAMP(timezone=True), "postgresql").with_variant(DATETIME(fsp=3), "mysql", "mariadb")
Bytes = LargeBinary().with_variant(LONGBLOB(), "mysql", "mariadb")
IN_UTF8: Final[Mapping[str, Any]] = {
    "mysql_charset": "utf8mb4",
    "mysql_collate": "utf8mb4_bin",
    "mysql_engine": "InnoDB",
}

metadata = MetaData()

messages = Table(
    "messages",
    metadata,
    Column("id", Id, primary_key=True),
    Column("thing", String(LONGEST_THING), nullable=False),
    Column("kind", String(LONGEST_KIND), nullable=False),
    Column("topic", String(LONGEST_TOPIC), nullable=False),
    Column("seq", BigInteger),
    Column("ts", Time, nullable=False),
    Column("received", Time, nullable=False),
    Column("payload", Json, nullable=False),
    Index("messages_kind_ts", "kind", "ts"),
    **IN_UTF8,
)
"""Everything that was received, once each, in partitions by the time in the id (partitions.py)."""

refused = Table(
    "refused",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("received", Time, nullable=False),
    Column("topic", String(LONGEST_TOPIC), nullable=False),
    Column("reason", Text, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("payload", Bytes, nullable=False),
    **IN_UTF8,
)
"""What could not be stored, once each, with the reason."""

versions = Table(
    "schema_version",
    metadata,
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("applied", Time, nullable=False),
    **IN_UTF8,
)


def insert_new(connection: Connection, table: Table) -> Any:
    """An INSERT that leaves rows alone which are there already; any other fault is one."""
    if is_postgresql(connection):
        return insert_into_postgresql(table).on_conflict_do_nothing()
    # Not INSERT IGNORE: that also turns faults into silently changed or missing rows.
    key = next(iter(table.primary_key)).name
    return insert_into_mariadb(table).on_duplicate_key_update({key: table.c[key]})


def is_postgresql(connection: Connection) -> bool:
    return connection.dialect.name == "postgresql"


def _sequences(connection: Connection) -> None:
    """How far each topic of each device is stored."""
    from edge_mask.sink.gaps import gaps, sequences  # it needs what stands here

    metadata.create_all(connection, [sequences, gaps])


def _pictures(connection: Connection) -> None:
    """What became of the picture of each visit."""
    from edge_mask.sink.pictures import pictures  # it needs what stands here

    metadata.create_all(connection, [pictures])


def _first(connection: Connection) -> None:
    """Tables and views."""
    if is_postgresql(connection):
        messages.dialect_options["postgresql"]["partition_by"] = "RANGE (id)"
        metadata.create_all(connection, [messages, refused])
        connection.execute(text("CREATE TABLE IF NOT EXISTS messages_rest PARTITION OF messages DEFAULT"))
    else:
        metadata.create_all(connection, [messages, refused])
    create_views(connection)


STEPS: Final[Sequence[Callable[[Connection], None]]] = (_first, _sequences, _pictures)


def migrate(connection: Connection, steps: Sequence[Callable[[Connection], None]] = STEPS) -> int:
    """Bring the schema to the newest step and commit; returns how many steps were taken. Only one sink at a time does.

    Raises DatabaseError for a schema that a newer version of this program has made.
    """
    found = version_of(connection)
    if found is not None and found >= len(steps):
        refuse_newer(found, len(steps))
        return 0
    lock(connection)
    try:
        metadata.create_all(connection, [versions])
        found = version_of(connection) or 0
        refuse_newer(found, len(steps))
        for number, step in enumerate(steps[found:], found + 1):
            step(connection)
            row = {"version": number, "applied": datetime.now(UTC)}
            connection.execute(insert_new(connection, versions), row)
        connection.commit()
    finally:
        unlock(connection)
    return len(steps) - found


def version_of(connection: Connection) -> int | None:
    """The number of the last step; None in a database that has none, or whose messages were dropped."""
    if not all(connection.dialect.has_table(connection, name) for name in ("schema_version", "messages")):
        return None
    return connection.execute(select(versions.c.version).order_by(versions.c.version.desc()).limit(1)).scalar()


def refuse_newer(found: int, known: int = len(STEPS)) -> None:
    """Raises DatabaseError."""
    if found > known:
        raise DatabaseError(
            f"its schema has version {found}, and this edge-mask knows {known}: a newer edge-mask has written it;"
            " update this one, or give it a database of its own"
        )


def lock(connection: Connection) -> None:
    """Wait until this connection alone may change the schema. Raises DatabaseError when another one does not end."""
    if is_postgresql(connection):
        connection.execute(text(f"SET LOCAL lock_timeout = '{_LOCK_PATIENCE}s'"))
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": LOCK})
        return
    got = connection.execute(
        text("SELECT GET_LOCK(:name, :patience)"), {"name": _lock_name(connection), "patience": _LOCK_PATIENCE}
    )
    if got.scalar() != 1:
        raise TimeoutError("another edge-mask sink changes the schema and does not end")


def unlock(connection: Connection) -> None:
    """PostgreSQL's lock ends with the transaction."""
    if connection.invalidated:
        return
    if is_postgresql(connection):
        connection.rollback()
    else:
        connection.execute(text("SELECT RELEASE_LOCK(:name)"), {"name": _lock_name(connection)})
        connection.commit()


def _lock_name(connection: Connection) -> str:
    """MariaDB's locks are the server's, not the database's."""
    return f"{LOCK_NAME}.{connection.engine.url.database}"[:64]
