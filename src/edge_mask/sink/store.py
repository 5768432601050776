"""Rows and refusals into the database: one transaction for a batch, row by row where one of them is bad."""

import hashlib
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from sqlalchemy import Connection, Engine, Table, text
from sqlalchemy.exc import SQLAlchemyError

from edge_mask.errors import TryLater
from edge_mask.sink import partitions, schema
from edge_mask.sink.database import is_of_the_row, sentence_of
from edge_mask.sink.rows import LONGEST_TOPIC, Incoming, Refusal, Row, utc
from edge_mask.units import Seconds

log = logging.getLogger(__name__)

T = TypeVar("T")

KEPT_OF_REFUSED: Final = 262_144
"""Bytes of a refused payload."""
MOST_REFUSED: Final = 10_000
"""Refused messages that are kept; the oldest go first."""


@dataclass(frozen=True, slots=True)
class Written:
    """What a commit did."""

    new: int
    """Rows that were not there before."""
    rows: Sequence[Row]
    """All that are there now."""
    refusals: Sequence[Refusal]


class Store:
    """The one connection that writes; used by one thread. Every method raises TryLater while the database is away, and
    DatabaseError for a schema that is not ours."""

    def __init__(self, engine: Engine, name: str, *, partition: Seconds, keep: Seconds | None) -> None:
        self._engine = engine
        self._name = name
        self._partition = partition
        self._keep = keep
        self._connection: Connection | None = None
        self._is_behind = False

    def __str__(self) -> str:
        return self._name

    def open(self) -> Connection:
        """The connection, made anew after a fault; the schema is brought up to date first."""
        if self._connection is None:
            connection = self._engine.connect()
            try:
                if steps := schema.migrate(connection):
                    log.info("sink: the schema was brought to version %d (%d new)", len(schema.STEPS), steps)
                self._care_for_partitions(connection)
            except BaseException:
                _discard(connection)
                raise
            self._connection = connection
        return self._connection

    def write(self, incoming: Sequence[tuple[Row, Incoming]], refusals: Sequence[Refusal]) -> Written:
        """Commit all of it, each row once however often it comes."""
        return self._on_connection(lambda connection: _write(connection, incoming, refusals))

    def upkeep(self) -> None:
        """Partitions ahead, old ones away, few refused ones."""
        self._on_connection(self._upkeep)

    def connect(self) -> None:
        """Nothing but that it is there."""
        self._on_connection(lambda _connection: None)

    def close(self) -> None:
        if self._connection is not None:
            _discard(self._connection)
            self._connection = None

    def _upkeep(self, connection: Connection) -> None:
        self._care_for_partitions(connection)
        _thin_refused(connection)

    def _care_for_partitions(self, connection: Connection) -> None:
        """A query that holds the table delays it and nothing else: without a partition rows lie in the rest."""
        try:
            partitions.care_for(connection, self._partition, self._keep)
        except SQLAlchemyError as error:
            if connection.invalidated:
                raise
            connection.rollback()
            level = logging.DEBUG if self._is_behind else logging.WARNING
            log.log(level, "sink: partitions cannot be changed now, and will be later: %s", sentence_of(error))
            self._is_behind = True
        else:
            self._is_behind = False

    def _on_connection(self, work: Callable[[Connection], T]) -> T:
        try:
            return work(self.open())
        except (SQLAlchemyError, OSError) as error:
            self.close()
            raise TryLater(sentence_of(error)) from error
        except BaseException:
            self.close()
            raise


def _write(connection: Connection, incoming: Sequence[tuple[Row, Incoming]], refusals: Sequence[Refusal]) -> Written:
    try:
        new = _insert(connection, [row for row, _ in incoming], refusals)
        connection.commit()
        return Written(new, [row for row, _ in incoming], refusals)
    except SQLAlchemyError as error:
        if connection.invalidated or not is_of_the_row(error):
            raise
        connection.rollback()
    return _one_by_one(connection, incoming, refusals)


def _one_by_one(
    connection: Connection, incoming: Sequence[tuple[Row, Incoming]], refusals: Sequence[Refusal]
) -> Written:
    """A batch in which something is bad: what can be stored is, the rest is refused with the database's own words."""
    refused, rows, new = list(refusals), [], 0
    for row, whole in incoming:
        try:
            with connection.begin_nested():
                new += _insert(connection, [row], ())
            rows.append(row)
        except SQLAlchemyError as error:
            if connection.invalidated or not is_of_the_row(error):
                raise
            refused.append(Refusal(whole, f"the database does not take it: {sentence_of(error)}"))
    _insert(connection, (), refused)
    connection.commit()
    return Written(new, rows, refused)


def _insert(connection: Connection, rows: Sequence[Row], refusals: Sequence[Refusal]) -> int:
    """In the order of their ids: two sinks that write the same rows never wait for each other in a circle."""
    new = 0
    if rows:
        values = [_values(row) for row in sorted({row.id: row for row in rows}.values(), key=lambda row: row.id)]
        new = _execute(connection, schema.messages, values)
    if refusals:
        kept = {each["digest"]: each for each in map(_refused, refusals)}
        _execute(connection, schema.refused, [kept[digest] for digest in sorted(kept)])
    return new


def _execute(connection: Connection, table: Table, values: Sequence[dict[str, Any]]) -> int:
    done = connection.execute(
        schema.insert_new(connection, table), values, execution_options={"preserve_rowcount": True}
    )
    return max(0, done.rowcount)


def _values(row: Row) -> dict[str, Any]:
    return {
        "id": row.id, "thing": row.thing, "kind": row.kind, "topic": row.topic, "seq": row.seq, "ts": row.ts,
        "received": row.received, "payload": row.payload,
    }  # fmt: skip


def _refused(refusal: Refusal) -> dict[str, Any]:
    incoming = refusal.incoming
    topic = incoming.topic.replace("\0", "\ufffd").encode("utf-8", "replace").decode()
    return {
        "digest": hashlib.sha256(topic.encode() + b"\0" + incoming.payload).hexdigest(),
        "received": utc(incoming.received),
        "topic": topic[:LONGEST_TOPIC],
        "reason": refusal.reason.replace("\0", "\ufffd"),
        "size": len(incoming.payload),
        "payload": incoming.payload[:KEPT_OF_REFUSED],
    }


def _thin_refused(connection: Connection) -> None:
    nth = "SELECT received FROM refused ORDER BY received DESC LIMIT 1 OFFSET :most"
    oldest = connection.execute(text(nth), {"most": MOST_REFUSED}).scalar()
    if oldest is not None:
        connection.execute(text("DELETE FROM refused WHERE received <= :oldest"), {"oldest": oldest})
    connection.commit()


def _discard(connection: Connection) -> None:
    """Close it, whatever state it is in."""
    try:
        connection.invalidate()
    except SQLAlchemyError:
        log.debug("sink: a connection that is gone could not be closed", exc_info=True)
    connection.close()
