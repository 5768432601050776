"""What the history knows of messages that were sent once: their numbers, and the events that they told of.

numbered: topic ──▶ its number        visits, looks, …: topic (that number), seq ──▶ the event, under its id

Only what was to be sent has a `seq`: what stayed on the device by its configuration stays there.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection

from edge_mask.errors import TryLater
from edge_mask.kinds import TABLES
from edge_mask.ledger.deviations import deviation_of
from edge_mask.ledger.schema import PENDING
from edge_mask.ledger.soundness import COLUMNS, damaged_columns, is_whole
from edge_mask.messages import Alert, Amendment, Event, Fault, Look, Quality, Reading, Visit
from edge_mask.units import Moment, Seconds, Unix

_MOST_WAITING: Final = 20_000
"""Messages of one destination that are looked through for those that are on their way already."""


@dataclass(frozen=True, slots=True)
class Kept:
    """An event of the history whose message had a number."""

    id: str
    seq: int
    event: Event
    boot: str
    """The boot that its moment belongs to."""
    clock_was_set: bool
    """Its time is right, then or since."""


def kept(connection: Connection, topic: str, first: int, last: int) -> list[Kept]:
    """The events whose messages had these numbers on this topic, in that order; without damaged rows."""
    number = connection.exec_driver_sql("SELECT number FROM numbered WHERE topic = ?", (topic,)).scalar()
    if number is None:
        return []
    found: list[Kept] = []
    for table in TABLES:
        columns = ", ".join(name for name in COLUMNS[table] if name != "record")
        query = f"SELECT {columns} FROM {table} WHERE topic = ? AND seq BETWEEN ? AND ?"
        rows = connection.exec_driver_sql(query, (number, first, last)).mappings()
        found += [each for row in rows if (each := _kept(table, row)) is not None]
    return sorted(found, key=lambda each: each.seq)


def on_their_way(connection: Connection, destination: str, topic: str) -> dict[int, bool]:
    """The numbers of this topic that are in the outbox; False for those that were refused and set aside.

    Raises TryLater while too many messages wait.
    """
    waiting = connection.exec_driver_sql("SELECT sum(messages) FROM totals").scalar()
    if not isinstance(waiting, int) or waiting > _MOST_WAITING:
        raise TryLater(f"{waiting} messages wait to be sent; ask again when they are gone")
    query = "SELECT payload, state FROM outbox WHERE destination = ? AND topic = ?"
    rows = connection.exec_driver_sql(query, (destination, topic)).all()
    return {seq: state == PENDING for payload, state in rows if (seq := _seq(payload)) is not None}


def _seq(payload: Any) -> int | None:
    try:
        seq = json.loads(payload)["seq"]
    except (ValueError, TypeError, LookupError, RecursionError):
        return None
    return seq if is_whole(seq) else None


def _kept(table: str, row: Mapping[Any, Any]) -> Kept | None:
    if damaged_columns(table, row):
        return None
    at = Moment(Seconds(row["mono"]), Unix(row["wall"]), row["synced"] == 1)
    event = event_of(table, row, at)
    return None if event is None else Kept(row["id"], row["seq"], event, row["boot"], row["synced"] != 0)


def event_of(table: str, row: Mapping[Any, Any], at: Moment) -> Event | None:
    """The event that a sound row keeps, without the record of a visit; None for a table of none."""
    match table:
        case "visits":
            passed = row["passed_through"]
            return Visit(
                at=at, camera=row["camera"], verdict="pass" if row["ispass"] else "no_pass", mask=row["mask"],
                mask_score=row["mask_score"], temperature=row["temperature"], reasons=tuple(json.loads(row["reasons"])),
                passed_through=None if passed is None else bool(passed), snapshot=row["snapshot"],
                time_to_verdict_ms=row["time_to_verdict_ms"],
            )  # fmt: skip
        case "amendments":
            said = _values(row, "amends", "camera", "was", "verdict", "mask", "mask_score", "model", "delay_ms")
            return Amendment(at=at, **said, reasons=tuple(json.loads(row["reasons"])), by=row["made_by"])
        case "looks":
            return Look(at=at, **_values(row, "camera", "faces", "no_mask", "streak", "snapshot"))
        case "alerts":
            names = ("kind", "text", "camera", "sensor", "streak", "value", "above", "unit", "snapshot")
            return Alert(at=at, **_values(row, *names), deviation=deviation_of(row["deviation"]))
        case "readings":
            values = _values(row, "sensor", "quantity", "value", "unit")
            return Reading(**values, at=at, quality=_quality(row["quality"]))
        case "faults":
            return Fault(at=at, **_values(row, "component", "code", "text"))
        case _:
            return None


def _values(row: Mapping[Any, Any], *names: str) -> dict[str, Any]:
    return {name: row[name] for name in names}


def _quality(text: str) -> Quality:
    return Quality(text) if text in set(Quality) else Quality.GOOD
