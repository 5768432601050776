"""Partitions of `messages` by the time in the id: made ahead of need, dropped as a whole when they are old.

Ids outside all of them (a device whose clock was wrong) lie in a rest that is always there. The clock is the
database's: several sinks agree on it.
"""

import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import Connection, text

from edge_mask.sink.rows import made_at
from edge_mask.sink.schema import is_postgresql, lock, unlock
from edge_mask.units import Seconds

log = logging.getLogger(__name__)

AHEAD: Final = 2
"""Whole partitions that are there before anybody needs them."""
MOST_AT_ONCE: Final = 400
_IN_POSTGRESQL = text(
    "SELECT c.relname, pg_get_expr(c.relpartbound, c.oid) FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid"
    " WHERE i.inhparent = to_regclass('messages')"
)
_IN_MARIADB = text(
    "SELECT partition_name, partition_description FROM information_schema.partitions WHERE table_schema = DATABASE()"
    " AND table_name = 'messages' AND partition_name IS NOT NULL ORDER BY partition_ordinal_position"
)
_BOUNDS = re.compile(r"FROM \('([0-9a-f-]{36})'\) TO \('([0-9a-f-]{36})'\)")
_PATIENCE: Final = 2
"""Seconds that a change of partitions waits for queries; others wait behind it meanwhile."""


@dataclass(frozen=True, slots=True)
class Partition:
    """One partition: ids made from `begins` to before `ends`."""

    name: str
    begins: datetime
    ends: datetime


def bound(at: datetime) -> str:
    """The least id of this time."""
    return str(UUID(int=int(at.timestamp() * 1000) << 80))


def wanted(now: datetime, size: Seconds, last: datetime | None) -> list[Partition]:
    """The partitions that are missing after `last`, up to some ahead of `now`. A hole in time becomes one partition."""
    begins = _floor(now, size) if last is None else last
    until = _floor(now, size) + (AHEAD + 1) * timedelta(seconds=size)
    made: list[Partition] = []
    while begins < until and len(made) < MOST_AT_ONCE:
        ends = _floor(max(begins, _floor(now, size)), size) + timedelta(seconds=size)
        made.append(Partition(f"messages_{begins:%Y%m%dt%H%M%S}", begins, ends))
        begins = ends
    return made


def _floor(at: datetime, size: Seconds) -> datetime:
    return datetime.fromtimestamp(at.timestamp() // size * size, UTC)


def care_for(connection: Connection, size: Seconds, keep: Seconds | None) -> None:
    """Make what is missing, drop what is older than `keep`; commits. Several sinks take turns."""
    now = _now(connection)
    there = existing(connection)
    missing = wanted(now, size, there[-1].ends if there else None)
    old = [] if keep is None else [each for each in there if each.ends <= now - timedelta(seconds=keep)]
    connection.rollback()
    if missing or old:
        lock(connection)
        try:
            _change(connection, now, size, old)
            connection.commit()
        finally:
            unlock(connection)
    if keep is not None:
        _clear_rest(connection, now - timedelta(seconds=keep))


def _change(connection: Connection, now: datetime, size: Seconds, old: Sequence[Partition]) -> None:
    """Inside the lock: look again, another sink may have been here."""
    in_postgresql, in_mariadb = f"SET LOCAL lock_timeout = '{_PATIENCE}s'", f"SET lock_wait_timeout = {_PATIENCE}"
    connection.execute(text(in_postgresql if is_postgresql(connection) else in_mariadb))
    there = existing(connection)
    for each in wanted(now, size, there[-1].ends if there else None):
        _attach(connection, each) if is_postgresql(connection) else _split_off(connection, each)
    for each in old:
        if each in there and len(there) > 1:
            statement = "DROP TABLE {0}" if is_postgresql(connection) else "ALTER TABLE messages DROP PARTITION {0}"
            connection.execute(text(statement.format(each.name)))
            log.info("sink: what was made before %s is deleted, as sink.keep says", f"{each.ends:%Y-%m-%d %H:%M} UTC")


def existing(connection: Connection) -> list[Partition]:
    """The partitions in their order, without the rest."""
    return _of_postgresql(connection) if is_postgresql(connection) else _of_mariadb(connection)


def _of_postgresql(connection: Connection) -> list[Partition]:
    made = []
    for name, bounds in connection.execute(_IN_POSTGRESQL):
        if match := _BOUNDS.search(bounds or ""):
            made.append(Partition(name, made_at(match[1]), made_at(match[2])))
    return sorted(made, key=lambda each: each.begins)


def _of_mariadb(connection: Connection) -> list[Partition]:
    """The first lies before all bounds and the last after them: they are the rest."""
    found = connection.execute(_IN_MARIADB).all()
    ends = [made_at(description.strip("'")) for _, description in found[:-1]]
    return [Partition(name, begins, end) for (name, _), begins, end in zip(found[1:-1], ends, ends[1:], strict=False)]


def _attach(connection: Connection, each: Partition) -> None:
    """With what lies in the rest although it belongs here: devices whose clock is ahead."""
    low, high = bound(each.begins), bound(each.ends)
    moved = f"WITH moved AS (DELETE FROM messages_rest WHERE id >= '{low}' AND id < '{high}' RETURNING *)"
    for statement in (
        "LOCK TABLE messages_rest IN ACCESS EXCLUSIVE MODE",
        f"CREATE TABLE {each.name} (LIKE messages INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING INDEXES)",
        f"{moved} INSERT INTO {each.name} SELECT * FROM moved",
        f"ALTER TABLE messages ATTACH PARTITION {each.name} FOR VALUES FROM ('{low}') TO ('{high}')",
    ):
        connection.execute(text(statement))


def _split_off(connection: Connection, each: Partition) -> None:
    """From the partition of all later ids. MariaDB has none before the first time."""
    low, high = (f"VALUES LESS THAN ('{bound(at)}')" for at in (each.begins, each.ends))
    new = f"PARTITION {each.name} {high}, PARTITION messages_later VALUES LESS THAN (MAXVALUE)"
    if connection.execute(_IN_MARIADB).first() is not None:
        connection.execute(text(f"ALTER TABLE messages REORGANIZE PARTITION messages_later INTO ({new})"))
    else:
        connection.execute(
            text(f"ALTER TABLE messages PARTITION BY RANGE COLUMNS(id) (PARTITION messages_earlier {low}, {new})")
        )


def _clear_rest(connection: Connection, before: datetime) -> None:
    """What lies in the rest has no time to go by but that of its arrival."""
    rest = "messages_rest" if is_postgresql(connection) else "messages PARTITION (messages_earlier, messages_later)"
    connection.execute(text(f"DELETE FROM {rest} WHERE received < :before"), {"before": before})
    connection.commit()


def _now(connection: Connection) -> datetime:
    query = "SELECT extract(epoch FROM now())" if is_postgresql(connection) else "SELECT UNIX_TIMESTAMP(NOW(3))"
    return datetime.fromtimestamp(float(connection.execute(text(query)).scalar_one()), UTC)
