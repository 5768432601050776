"""What one transaction of the ledger writes; each inside the caller's."""

from collections.abc import Iterable

from sqlalchemy import Connection

from edge_mask.kinds import TABLES
from edge_mask.ledger.rows import Batch, EventRow, OutboxRow, Settlement, moment_columns, pack_properties
from edge_mask.ledger.tables import SET_ASIDE
from edge_mask.messages import Outcome
from edge_mask.units import Moment

_OUTBOX_COLUMNS = (
    "destination", "class", "topic", "message_id", "payload", "qos", "retain", "properties", "bytes", "wall", "mono",
    "synced", "boot",
)  # fmt: skip
_INSERT_OUTBOX = f"INSERT INTO outbox ({', '.join(_OUTBOX_COLUMNS)}) VALUES ({', '.join('?' * len(_OUTBOX_COLUMNS))})"
_ROW_OVERHEAD = 120
"""Bytes that a row takes beside its payload and topic: columns and two index entries, about."""
_RESTAMPED = 2


def insert(connection: Connection, batch: Batch, boot: str) -> None:
    """The events and the messages of a batch."""
    for table, rows in _by_table(batch.events):
        columns = list(rows[0].values)
        connection.exec_driver_sql(
            f"INSERT OR IGNORE INTO {table} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})",
            [tuple(row.values.values()) for row in rows],
        )
    if batch.outgoing:
        connection.exec_driver_sql(_INSERT_OUTBOX, [_outbox_values(row, boot) for row in batch.outgoing])


def settle(connection: Connection, settlements: list[Settlement]) -> None:
    """Delete what was delivered, set aside what was refused; a row that is another message's now stays as it is."""
    delivered = [(s.row, s.id) for s in settlements if s.is_delivered]
    refused = [(SET_ASIDE, s.receipt.reason, s.row, s.id) for s in settlements if s.receipt.outcome is Outcome.REFUSED]
    which = "WHERE id = ? AND message_id = ?"
    if delivered:
        connection.exec_driver_sql(f"DELETE FROM outbox {which}", delivered)
    if refused:
        connection.exec_driver_sql(f"UPDATE outbox SET state = ?, reason = ? {which}", refused)


def restamp(connection: Connection, now: Moment, boot: str) -> None:
    """The clock has been set: what was seen before in this boot gets its true time, from the monotonic offset."""
    for table in ("outbox", *TABLES):
        connection.exec_driver_sql(
            f"UPDATE {table} SET wall = ? + mono, synced = ? WHERE synced = 0 AND boot = ?",
            (now.wall - now.mono, _RESTAMPED, boot),
        )


def last_row_of(connection: Connection) -> int:
    """The highest number that a row of the outbox was ever given in this file."""
    return connection.exec_driver_sql("SELECT seq FROM sqlite_sequence WHERE name = 'outbox'").scalar() or 0


def _outbox_values(row: OutboxRow, boot: str) -> tuple[object, ...]:
    m, at = row.message, moment_columns(row.at, boot)
    properties = pack_properties(m.properties) if m.properties else None
    size = len(m.payload) + len(m.topic) + len(properties or "") + _ROW_OVERHEAD
    return (
        row.destination, int(m.priority), m.topic, m.id, m.payload, m.qos, int(m.retain), properties, size,
        at["wall"], at["mono"], at["synced"], at["boot"],
    )  # fmt: skip


def _by_table(rows: Iterable[EventRow]) -> list[tuple[str, list[EventRow]]]:
    groups: dict[str, list[EventRow]] = {}
    for row in rows:
        groups.setdefault(row.table, []).append(row)
    return list(groups.items())
