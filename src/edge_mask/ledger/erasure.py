"""Erasing what is kept of people: their events, and every message of them that still waits.

one visit ──▶ its row, what second looks said of it, the alert of the same look, what the gate's thermometer measured
              while its person stood there, waiting messages that carry the id of one of them or that a rule made then,
              and what the shadows show
before T  ──▶ visits, looks, alerts of cameras, readings of the gate's thermometer, all messages of then that wait, and
              what the shadows show of then
With the readings go their minutes, where that thermometer has a series.
"""

import json
import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection

from edge_mask.errors import Refused
from edge_mask.kinds import TABLES
from edge_mask.ledger import shadow_erasure
from edge_mask.ledger.counters import MARK
from edge_mask.ledger.rows import unpack_properties
from edge_mask.ledger.series_erasure import erase_minutes
from edge_mask.ledger.shadows import Shadows

SEEN = ("visits", "looks", "alerts")
"""Tables of what cameras saw."""
_PASSAGE = 70.0
"""Seconds: the longest `gate.passage_window`, and some more until it is said that nobody came."""
_STANDS = 10.0
"""Seconds: for so long before a face is in place, and after the verdict, a reading may be of the same person."""
_OF_PEOPLE = "(camera IS NOT NULL OR kind = 'tailgating')"


@dataclass(frozen=True, slots=True)
class Erasure:
    """What is to be erased: one visit by its id, or everything seen before a time (Unix seconds)."""

    visit: str | None = None
    before: float | None = None
    thermometer: str | None = None
    """The sensor that measures people."""
    thing: str | None = None
    """This device, whose own shadow shows them."""


@dataclass(slots=True)
class Erased:
    """What was erased: how many, and the pictures that go with it."""

    counts: dict[str, int] = field(default_factory=dict)
    pictures: list[str] = field(default_factory=list)
    """Names of files."""
    seen_at: float | None = None
    """When the visit was seen (Unix seconds)."""


def erase(connection: Connection, erasure: Erasure, shadows: Shadows, seconds: int) -> Erased:
    """Inside the caller's transaction, at `seconds` (Unix). Raises Refused for a visit that is not there."""
    if erasure.visit is None and erasure.before is not None:
        erased, goes = _before(connection, erasure, erasure.before), shadow_erasure.before(erasure.before)
    else:
        erased, goes = _visit(connection, erasure)
    if amendments := erased.counts.pop("amendments", 0):
        erased.counts["amendments"] = amendments  # at the end, and only where there were any
    shadow_erasure.forget(shadows, erasure.thing, erasure.thermometer, goes, seconds)
    shadows.write(connection)
    return erased


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


def _visit(connection: Connection, erasure: Erasure) -> tuple[Erased, shadow_erasure.Goes]:
    query = "SELECT camera, wall, time_to_verdict_ms AS took FROM visits WHERE id = ?"
    row = connection.exec_driver_sql(query, (erasure.visit,)).one_or_none()
    erased = Erased()
    if row is None:
        return _held(connection, erasure, erased)
    erased.seen_at = row.wall
    _delete(connection, erased, "visits", "id = ?", (erasure.visit,))
    amendments = _delete_amendments(connection, erased, "amends = ?", (erasure.visit,))
    # An alert of the same look speaks of the same person; one of a passage soon afterwards may.
    alerts = "camera = ? AND (wall = ? OR (kind = 'tailgating' AND wall BETWEEN ? AND ?))"
    which = (row.camera, row.wall, row.wall, row.wall + _PASSAGE)
    told = connection.exec_driver_sql(f"SELECT id, wall FROM alerts WHERE {alerts}", which).all()
    _delete(connection, erased, "alerts", alerts, which)
    ids = [str(erasure.visit), *amendments, *(each.id for each in told)]
    erased.counts["messages"] = sum(_delete_messages(connection, each) for each in ids)
    marks = [(f"{MARK}% {row.camera} %", int(each.wall)) for each in told]
    for mark in marks:
        connection.exec_driver_sql("DELETE FROM counters WHERE name LIKE ? AND value = ?", mark)
    moments = frozenset({row.wall, *(each.wall for each in told)})
    return erased, _measured(connection, erasure, erased, moments, row.wall, row.took)


def _held(connection: Connection, erasure: Erasure, erased: Erased) -> tuple[Erased, shadow_erasure.Goes]:
    """A visit whose passage is waited for."""
    row = connection.exec_driver_sql(
        "SELECT visit, wall FROM held WHERE id = ? AND visit IS NOT NULL", (erasure.visit,)
    ).one_or_none()
    if row is None:
        raise Refused("there is no such visit")  # without its id, which would be kept in a fault
    erased.seen_at = row.wall
    took = _field(row.visit, "time_to_verdict_ms")
    _erase_held(connection, erased, "id = ?", (erasure.visit,))
    erased.counts |= {"alerts": 0, "messages": 0}
    return erased, _measured(connection, erasure, erased, frozenset({row.wall}), row.wall, took)


def _measured(
    connection: Connection, erasure: Erasure, erased: Erased, moments: frozenset[float], wall: float, took: Any
) -> shadow_erasure.Goes:
    """The readings of the thermometer while the person stood there, and messages that came of these or of the visit."""
    first = wall - _STANDS - (took / 1000 if isinstance(took, int | float) else 0.0)
    last = wall + _STANDS
    which, arguments = "WHERE sensor = ? AND wall BETWEEN ? AND ?", (erasure.thermometer or "", first, last)
    taken = connection.exec_driver_sql(f"SELECT id, wall FROM readings {which}", arguments).all()
    erased.counts["readings"] = connection.exec_driver_sql(f"DELETE FROM readings {which}", arguments).rowcount
    erase_minutes(connection, erasure.thermometer, first, last)
    ids, walls = {str(each.id) for each in taken}, {*moments, *(each.wall for each in taken)}
    erased.counts["messages"] += _delete_told(connection, ids, walls)
    return shadow_erasure.of_visit(moments, first, last, wall)


def _delete_told(connection: Connection, ids: set[str], walls: set[float]) -> int:
    """Messages that carry one of these ids, and what rules made of these moments without saying of what."""
    span = min(walls), max(walls)
    events = " UNION ALL ".join(f"SELECT id FROM {each} WHERE wall BETWEEN ?1 AND ?2" for each in TABLES)
    others = set(connection.exec_driver_sql(events, span).scalars())  # they stay, with their messages
    known, gone = [each.encode() for each in ids], []
    query = "SELECT id, wall, message_id, payload, properties FROM outbox WHERE wall BETWEEN ? AND ?"
    for row in connection.exec_driver_sql(query, span).all():
        payload = row.payload if isinstance(row.payload, bytes) else b""
        payload += _cause(row.properties) if isinstance(row.properties, str) else b""
        is_theirs = row.message_id in ids or any(each in payload for each in known)
        if is_theirs or (row.wall in walls and row.message_id not in others):
            gone.append((row.id,))
    if gone:
        connection.exec_driver_sql("DELETE FROM outbox WHERE id = ?", gone)
    return len(gone)


def _erase_held(connection: Connection, erased: Erased, which: str, arguments: tuple[object, ...]) -> int:
    """Visits whose passage is waited for. Their rows stay, empty, so that nothing comes of them later."""
    query = f"SELECT visit FROM held WHERE visit IS NOT NULL AND {which}"
    for text in connection.exec_driver_sql(query, arguments).scalars():
        snapshot = _field(text, "snapshot")
        erased.pictures += [snapshot] if isinstance(snapshot, str) else []
    gone = connection.exec_driver_sql(
        f"UPDATE held SET visit = NULL WHERE visit IS NOT NULL AND {which}", arguments
    ).rowcount
    erased.counts["visits"] = erased.counts.get("visits", 0) + gone
    return gone


def _field(text: Any, name: str) -> Any:
    try:
        return json.loads(text).get(name)
    except (ValueError, TypeError, AttributeError, RecursionError):  # a damaged row
        return None


def _delete_messages(connection: Connection, event: str) -> int:
    """A message that a rule has made tells of the event by its id; that of a call carries the event beside its body."""
    caused = [
        row
        for row, properties in connection.exec_driver_sql("SELECT id, properties FROM outbox WHERE properties NOT NULL")
        if isinstance(properties, str) and event.encode() in _cause(properties)
    ]
    gone = connection.exec_driver_sql(
        "DELETE FROM outbox WHERE message_id = ? OR instr(payload, ?) > 0", (event, event.encode())
    ).rowcount
    for row in caused:
        gone += connection.exec_driver_sql("DELETE FROM outbox WHERE id = ?", (row,)).rowcount
    return gone


def _cause(properties: str) -> bytes:
    """The event that a call or a notification was made of."""
    try:
        payload = unpack_properties(properties).get("payload")
    except (ValueError, AttributeError, RecursionError):  # a damaged row
        return b""
    return payload if isinstance(payload, bytes) else b""


def _before(connection: Connection, erasure: Erasure, before: float) -> Erased:
    erased = Erased()
    of_then = "wall < ?1 OR amends IN (SELECT id FROM visits WHERE wall < ?1)"
    later = _delete_amendments(connection, erased, of_then, (before,))
    for table in SEEN:
        which = f"wall < ? AND {_OF_PEOPLE}" if table == "alerts" else "wall < ?"
        _delete(connection, erased, table, which, (before,))
    _erase_held(connection, erased, "wall < ?", (before,))
    if erasure.thermometer is not None:
        gone = connection.exec_driver_sql(
            "DELETE FROM readings WHERE sensor = ? AND wall < ?", (erasure.thermometer, before)
        )
        erased.counts["readings"] = gone.rowcount
        erase_minutes(connection, erasure.thermometer, 0.0, math.nextafter(before, 0.0))
    erased.counts["messages"] = connection.exec_driver_sql("DELETE FROM outbox WHERE wall < ?", (before,)).rowcount
    erased.counts["messages"] += sum(_delete_messages(connection, each) for each in later)
    # When somebody was last told of a camera.
    marks = (MARK + "%", before)
    connection.exec_driver_sql("DELETE FROM counters WHERE name LIKE ? AND value < ?", marks)
    connection.exec_driver_sql("UPDATE damaged SET content = NULL")  # of whom they speak is not known any more
    return erased


def _delete_amendments(connection: Connection, erased: Erased, which: str, arguments: tuple[object, ...]) -> list[str]:
    """What second looks said of visits that go; the ids."""
    ids = [
        str(each)
        for each in connection.exec_driver_sql(f"SELECT id FROM amendments WHERE {which}", arguments).scalars()
    ]
    connection.exec_driver_sql(f"DELETE FROM amendments WHERE {which}", arguments)
    erased.counts["amendments"] = len(ids)
    return ids


def _delete(connection: Connection, erased: Erased, table: str, which: str, arguments: tuple[object, ...]) -> None:
    kept = f"SELECT snapshot FROM {table} WHERE snapshot IS NOT NULL AND {which}"
    erased.pictures += [str(name) for name in connection.exec_driver_sql(kept, arguments).scalars()]
    erased.counts[table] = connection.exec_driver_sql(f"DELETE FROM {table} WHERE {which}", arguments).rowcount
