"""Rows to fill a ledger with."""

import sqlite3
from contextlib import closing
from pathlib import Path

from edge_mask.kinds import TABLES
from edge_mask.ledger.rows import Batch, OutboxRow, event_row
from edge_mask.ledger.schema import MIGRATIONS
from edge_mask.messages import Event, Message, Priority, Reading, Visit
from edge_mask.units import Moment, Seconds, Unix

BOOT = "boot-1"


def moment(at: float = 0.0, *, synced: bool = True) -> Moment:
    """`at` seconds after some moment on both clocks."""
    return Moment(Seconds(1000.0 + at), Unix((1_790_000_000.0 if synced else 0.0) + at), synced)


def message(number: int, priority: Priority = Priority.TELEMETRY, topic: str = "t", size: int = 0) -> Message:
    return Message(topic=topic, payload=b'{"n":%d}' % number + b" " * size, priority=priority, qos=1, id=f"id-{number}")


def waiting(number: int, priority: Priority = Priority.TELEMETRY, at: Moment | None = None, size: int = 0) -> OutboxRow:
    return OutboxRow("mqtt", message(number, priority, size=size), at or moment())


def batch(*rows: OutboxRow, events: tuple[tuple[str, Event], ...] = ()) -> Batch:
    made = [event_row(event, event_id, BOOT) for event_id, event in events]
    return Batch(events=[row for row in made if row is not None], outgoing=list(rows))


def visit(
    at: Moment | None = None, verdict: str = "pass", temperature: float | None = 36.5, record: bytes | None = None
) -> Visit:
    return Visit(
        at=at or moment(), camera="front", verdict="pass" if verdict == "pass" else "no_pass",
        mask="mask" if verdict == "pass" else "no_mask", mask_score=0.9, temperature=temperature,
        reasons=() if verdict == "pass" else ("no_mask",), record=record,
    )  # fmt: skip


def reading(value: float = 36.5, at: Moment | None = None) -> Reading:
    return Reading("forehead", "temperature", value, "C", at or moment())


def older(new: Path, old: Path, version: int) -> None:
    """A database as an earlier version made it, with the events that the new one holds."""
    with closing(sqlite3.connect(old)) as connection:
        for step in MIGRATIONS[:version]:
            connection.executescript(";".join(step))
        connection.execute("ATTACH ? AS new", (str(new),))
        for table in TABLES:
            columns = ", ".join(row[1] for row in connection.execute(f"PRAGMA main.table_info({table})"))
            if not columns:
                continue  # that version had no such table
            connection.execute(f"INSERT INTO {table} SELECT {columns} FROM new.{table}")
        connection.execute(f"PRAGMA user_version = {version}")
        connection.commit()
