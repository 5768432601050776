"""The rows of one transaction, and the statements that write them inside the caller's transaction."""

import base64
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, assert_never

from sqlalchemy import Connection

from edge_mask.kinds import TABLES
from edge_mask.ledger.counters import count
from edge_mask.ledger.deviations import deviation_text
from edge_mask.ledger.schema import SET_ASIDE
from edge_mask.ledger.series_rows import SeriesRow
from edge_mask.ledger.soundness import checksum, is_whole
from edge_mask.messages import (
    Alert,
    Amendment,
    Detections,
    Event,
    Fault,
    Forecast,
    Health,
    Look,
    Message,
    Outcome,
    Reading,
    Receipt,
    Summary,
    Visit,
    kind_of,
)
from edge_mask.redact import legible
from edge_mask.units import Moment


@dataclass(frozen=True, slots=True)
class EventRow:
    """A row of one of the event tables."""

    table: str
    values: dict[str, Any]

    def numbered(self, topic: str, seq: int) -> None:
        """Its message was the one with this number on this topic."""
        self.values.update(topic=topic, seq=seq)


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """A message that waits for one destination."""

    destination: str
    message: Message
    at: Moment
    boot: str | None = None
    """The boot that `at` belongs to; None is this one."""


@dataclass(frozen=True, slots=True)
class Settlement:
    """How the send of one outbox row ended."""

    row: int
    id: str
    """The id of the message: in a file that was replaced, the row may hold another message."""
    receipt: Receipt

    @property
    def is_delivered(self) -> bool:
        return self.receipt.outcome is Outcome.DELIVERED


@dataclass(slots=True)
class Batch:
    """Everything that one commit writes."""

    events: list[EventRow] = field(default_factory=list)
    outgoing: list[OutboxRow] = field(default_factory=list)
    settlements: list[Settlement] = field(default_factory=list)
    released: list[str] = field(default_factory=list)
    """Visits that are held no longer, by id."""
    counts: Counter[str] = field(default_factory=Counter)
    """What the counters go up by."""
    marks: dict[str, int] = field(default_factory=dict)
    """Counters that are set anew."""
    series: list[SeriesRow] = field(default_factory=list)

    def __len__(self) -> int:
        rows = len(self.events) + len(self.outgoing) + len(self.settlements) + len(self.released)
        return rows + len(self.counts) + len(self.marks) + len(self.series)


def event_row(event: Event, event_id: str, boot: str) -> EventRow | None:
    """The row that keeps `event`; None where nothing but its message is kept."""
    table = kind_of(event).table
    if table is None:
        return None
    match event:
        case Visit():
            values: dict[str, Any] = {
                "camera": event.camera, "verdict": event.verdict, "ispass": int(event.verdict == "pass"),
                "mask": event.mask, "mask_score": event.mask_score, "temperature": event.temperature,
                "reasons": json.dumps(event.reasons), "passed_through": event.passed_through,
                "snapshot": event.snapshot, "record": event.record,
                "time_to_verdict_ms": event.time_to_verdict_ms,
            }  # fmt: skip
        case Amendment():
            values = {
                "amends": event.amends, "camera": event.camera, "was": event.was, "verdict": event.verdict,
                "ispass": int(event.verdict == "pass"), "reasons": json.dumps(event.reasons), "mask": event.mask,
                "mask_score": event.mask_score, "made_by": event.by, "model": event.model,
                "delay_ms": event.delay_ms,
            }  # fmt: skip
        case Look():
            values = {
                "camera": event.camera, "faces": event.faces, "no_mask": event.no_mask, "streak": event.streak,
                "snapshot": event.snapshot,
            }  # fmt: skip
        case Alert():
            values = {
                "kind": event.kind, "camera": event.camera, "sensor": event.sensor, "text": event.text,
                "streak": event.streak, "value": event.value, "above": event.above, "unit": event.unit,
                "snapshot": event.snapshot,
                "deviation": None if event.deviation is None else deviation_text(event.deviation),
            }  # fmt: skip
        case Reading():
            values = {
                "sensor": event.sensor, "quantity": event.quantity, "value": event.value, "unit": event.unit,
                "quality": event.quality.value,
            }  # fmt: skip
        case Fault():
            values = {"component": event.component, "code": event.code, "text": event.text}
        case Detections() | Health() | Summary() | Forecast():
            return None
        case _:
            assert_never(event)
    written = {name: legible(value) if isinstance(value, str) else value for name, value in values.items()}
    unsent = {"topic": None, "seq": None}
    return EventRow(table, {"id": event_id, **written, **unsent, **moment_columns(event.at, boot)})


def moment_columns(at: Moment, boot: str) -> dict[str, Any]:
    """A moment as four columns; `mono` counts from the start of `boot`."""
    return {"wall": at.wall, "mono": at.mono, "synced": int(at.synced), "boot": boot}


def pack_properties(properties: Mapping[str, Any]) -> str:
    """Message properties as JSON, with bytes (correlation data) in base64."""
    return json.dumps(properties, default=lambda value: {"base64": base64.b64encode(value).decode()})


def unpack_properties(text: str) -> dict[str, Any]:
    """The reverse of `pack_properties`."""
    return {name: _bytes_again(value) for name, value in json.loads(text).items()}


def _bytes_again(value: Any) -> Any:
    if isinstance(value, dict) and value.keys() == {"base64"}:
        return base64.b64decode(value["base64"])
    if isinstance(value, list):  # pairs: MQTT user properties, HTTP headers
        return [tuple(pair) for pair in value]
    return value


_OUTBOX_COLUMNS = (
    "destination", "class", "topic", "message_id", "payload", "qos", "retain", "properties", "bytes", "wall", "mono",
    "synced", "boot", "checksum",
)  # fmt: skip
_INSERT_OUTBOX = f"INSERT INTO outbox ({', '.join(_OUTBOX_COLUMNS)}) VALUES ({', '.join('?' * len(_OUTBOX_COLUMNS))})"
_ROW_OVERHEAD = 120
"""About how many bytes a row takes beside payload and topic: columns and two index entries."""
_RESTAMPED = 2
_NUMBER_OF = "(SELECT number FROM numbered WHERE topic = ?)"


def insert(connection: Connection, batch: Batch, boot: str) -> None:
    """Insert the events and the messages of a batch."""
    _number_topics(connection, {row.values["topic"] for row in batch.events if row.values.get("topic") is not None})
    for table, rows in _by_table(batch.events):
        columns = list(rows[0].values)
        places = ", ".join(_NUMBER_OF if name == "topic" else "?" for name in columns)
        connection.exec_driver_sql(
            f"INSERT OR IGNORE INTO {table} ({', '.join(columns)}) VALUES ({places})",
            [tuple(row.values.values()) for row in rows],
        )
    if batch.outgoing:
        connection.exec_driver_sql(_INSERT_OUTBOX, [_outbox_values(row, boot) for row in batch.outgoing])


def _number_topics(connection: Connection, topics: set[str]) -> None:
    """A number for each topic; those that have one keep it."""
    if topics:
        connection.exec_driver_sql(
            "INSERT OR IGNORE INTO numbered SELECT ?, coalesce(max(number), 0) + 1 FROM numbered",
            [(topic,) for topic in sorted(topics)],
        )


def settle(connection: Connection, settlements: list[Settlement]) -> None:
    """Delete delivered messages and stale ones, set refused ones aside; a row that holds another message now stays as
    it is."""
    stale = [s.receipt.counted_as for s in settlements if s.receipt.outcome is Outcome.STALE]
    for name, by in Counter(stale).items():
        count(connection, name, by)
    delivered = [(s.row, s.id) for s in settlements if s.receipt.outcome in (Outcome.DELIVERED, Outcome.STALE)]
    refused = [(SET_ASIDE, s.receipt.reason, s.row, s.id) for s in settlements if s.receipt.outcome is Outcome.REFUSED]
    which = "WHERE id = ? AND message_id = ?"
    if delivered:
        connection.exec_driver_sql(f"DELETE FROM outbox {which}", delivered)
    if refused:
        connection.exec_driver_sql(f"UPDATE outbox SET state = ?, reason = ? {which}", refused)


def delete_waiting(connection: Connection, *, refused_only: bool, before: float | None) -> int:
    """Delete waiting messages, or only those set aside, seen before `before` (Unix seconds) if given; how many went."""
    where, arguments = ["1 = 1"], []
    if refused_only:
        where.append("state = ?")
        arguments.append(float(SET_ASIDE))
    if before is not None:
        where.append("wall < ?")
        arguments.append(before)
    statement = f"DELETE FROM outbox WHERE {' AND '.join(where)}"
    return connection.exec_driver_sql(statement, tuple(arguments)).rowcount


def restamp(connection: Connection, now: Moment, boot: str) -> None:
    """The clock has been set: rows of this boot get their true time, from the monotonic clock."""
    for table in ("outbox", "held", *TABLES):
        connection.exec_driver_sql(
            f"UPDATE {table} SET wall = ? + mono, synced = ? WHERE synced = 0 AND boot = ? AND mono BETWEEN 0 AND 1e12",
            (now.wall - now.mono, _RESTAMPED, boot),
        )


def last_row_of(connection: Connection) -> int:
    """The highest row number that the outbox of this file ever had."""
    found = connection.exec_driver_sql("SELECT seq FROM sqlite_sequence WHERE name = 'outbox'").scalar()
    return found if isinstance(found, int) and is_whole(found) else 0


def _outbox_values(row: OutboxRow, boot: str) -> tuple[object, ...]:
    m, at = row.message, moment_columns(row.at, row.boot or boot)
    properties = pack_properties(m.properties) if m.properties else None
    size = len(m.payload) + len(m.topic) + len(properties or "") + _ROW_OVERHEAD
    sealed = (row.destination, int(m.priority), m.topic, m.id, m.payload, m.qos, int(m.retain), properties, size)
    return (*sealed, at["wall"], at["mono"], at["synced"], at["boot"], checksum(sealed))


def _by_table(rows: Iterable[EventRow]) -> list[tuple[str, list[EventRow]]]:
    groups: dict[str, list[EventRow]] = {}
    for row in rows:
        groups.setdefault(row.table, []).append(row)
    return list(groups.items())
