"""Erasing what is kept of people: their events, and every message of them that still waits.

one visit ──▶ its row, the alert of the same look, each waiting message that carries its id
before T  ──▶ visits, looks, alerts of cameras, readings of the gate's thermometer, and all messages of then that wait
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection

from edge_mask.errors import Refused
from edge_mask.ledger.rows import unpack_properties

SEEN = ("visits", "looks", "alerts")
"""Tables of what cameras saw."""
_PASSAGE = 70.0
"""Seconds: the longest `gate.passage_window`, and some more until it is said that nobody came."""
_OF_PEOPLE = "(camera IS NOT NULL OR kind = 'tailgating')"


@dataclass(frozen=True, slots=True)
class Erasure:
    """What is to be erased: one visit by its id, or everything seen before a time (Unix seconds)."""

    visit: str | None = None
    before: float | None = None
    thermometer: str | None = None
    """The sensor that measures people."""


@dataclass(slots=True)
class Erased:
    """What was erased: how many, and the pictures that go with it."""

    counts: dict[str, int] = field(default_factory=dict)
    pictures: list[str] = field(default_factory=list)
    """Names of files."""
    seen_at: float | None = None
    """When the visit was seen (Unix seconds)."""


def erase(connection: Connection, erasure: Erasure) -> Erased:
    """Inside the caller's transaction. Raises Refused for a visit that is not there."""
    return _before(connection, erasure) if erasure.visit is None else _visit(connection, erasure.visit)


@contextmanager
def overwriting(connection: Connection) -> Iterator[None]:
    """What is deleted inside is overwritten in the file, and the journal is emptied: nothing of it stays readable."""
    cursor = connection.connection.cursor()
    cursor.execute("PRAGMA secure_delete = ON")
    try:
        yield
        cursor.executescript("PRAGMA incremental_vacuum")  # pages that were freed before hold what was in them
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    finally:
        cursor.execute("PRAGMA secure_delete = FAST")
        cursor.close()


def _visit(connection: Connection, visit: str) -> Erased:
    row = connection.exec_driver_sql("SELECT camera, wall FROM visits WHERE id = ?", (visit,)).one_or_none()
    erased = Erased()
    if row is None and _erase_held(connection, erased, "id = ?", (visit,)):
        return erased
    if row is None:
        raise Refused("there is no such visit")  # without its id, which would be kept in a fault
    erased.seen_at = row.wall
    _delete(connection, erased, "visits", "id = ?", (visit,))
    # An alert of the same look speaks of the same person; one of a passage soon afterwards may.
    alerts = "camera = ? AND (wall = ? OR (kind = 'tailgating' AND wall BETWEEN ? AND ?))"
    which = (row.camera, row.wall, row.wall, row.wall + _PASSAGE)
    ids = [visit, *connection.exec_driver_sql(f"SELECT id FROM alerts WHERE {alerts}", which).scalars()]
    _delete(connection, erased, "alerts", alerts, which)
    erased.counts["messages"] = sum(_delete_messages(connection, each) for each in ids)
    return erased


def _erase_held(connection: Connection, erased: Erased, which: str, arguments: tuple[object, ...]) -> int:
    """Visits whose passage is waited for. Their rows stay, empty, so that nothing comes of them later."""
    query = f"SELECT visit FROM held WHERE visit IS NOT NULL AND {which}"
    for text in connection.exec_driver_sql(query, arguments).scalars():
        snapshot = _snapshot_of(text)
        erased.pictures += [] if snapshot is None else [snapshot]
    gone = connection.exec_driver_sql(
        f"UPDATE held SET visit = NULL WHERE visit IS NOT NULL AND {which}", arguments
    ).rowcount
    erased.counts["visits"] = erased.counts.get("visits", 0) + gone
    return gone


def _snapshot_of(text: Any) -> str | None:
    try:
        snapshot = json.loads(text).get("snapshot")
    except (ValueError, TypeError, AttributeError, RecursionError):  # a damaged row
        return None
    return snapshot if isinstance(snapshot, str) else None


def _delete_messages(connection: Connection, event: str) -> int:
    """A message that a rule has made tells of the event by its id; that of a call carries the event beside its body."""
    caused = [
        row
        for row, properties in connection.exec_driver_sql("SELECT id, properties FROM outbox WHERE properties NOT NULL")
        if isinstance(properties, str) and _carries(properties, event.encode())
    ]
    gone = connection.exec_driver_sql(
        "DELETE FROM outbox WHERE message_id = ? OR instr(payload, ?) > 0", (event, event.encode())
    ).rowcount
    for row in caused:
        gone += connection.exec_driver_sql("DELETE FROM outbox WHERE id = ?", (row,)).rowcount
    return gone


def _carries(properties: str, event: bytes) -> bool:
    try:
        payload = unpack_properties(properties).get("payload")
    except (ValueError, AttributeError, RecursionError):  # a damaged row
        return False
    return isinstance(payload, bytes) and event in payload


def _before(connection: Connection, erasure: Erasure) -> Erased:
    erased = Erased()
    for table in SEEN:
        which = f"wall < ? AND {_OF_PEOPLE}" if table == "alerts" else "wall < ?"
        _delete(connection, erased, table, which, (erasure.before,))
    _erase_held(connection, erased, "wall < ?", (erasure.before,))
    if erasure.thermometer is not None:
        gone = connection.exec_driver_sql(
            "DELETE FROM readings WHERE sensor = ? AND wall < ?", (erasure.thermometer, erasure.before)
        )
        erased.counts["readings"] = gone.rowcount
    erased.counts["messages"] = connection.exec_driver_sql(
        "DELETE FROM outbox WHERE wall < ?", (erasure.before,)
    ).rowcount
    connection.exec_driver_sql("UPDATE damaged SET content = NULL")  # of whom they speak is not known any more
    return erased


def _delete(connection: Connection, erased: Erased, table: str, which: str, arguments: tuple[object, ...]) -> None:
    kept = f"SELECT snapshot FROM {table} WHERE snapshot IS NOT NULL AND {which}"
    erased.pictures += [str(name) for name in connection.exec_driver_sql(kept, arguments).scalars()]
    erased.counts[table] = connection.exec_driver_sql(f"DELETE FROM {table} WHERE {which}", arguments).rowcount
