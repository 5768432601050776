"""Visits that are held: judged, and on the disk, but nobody knows yet whether their persons go through.

Held ──row──▶ held table ──Settled──▶ visits, outbox      in one transaction
                  └─ left over by a crash ──▶ settled at the next start, as not known
"""

import base64
import json
from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from sqlalchemy import Connection

from edge_mask.ledger.rows import Batch, EventRow, moment_columns
from edge_mask.ledger.soundness import damaged_columns
from edge_mask.messages import Held, Settled, Visit
from edge_mask.redact import legible
from edge_mask.units import Moment, Seconds, Unix

TABLE = "held"
AMENDMENTS = "amendments"
_FIELDS = tuple(field.name for field in fields(Visit) if field.name != "at")


def held_row(held: Held, boot: str) -> EventRow:
    """The row that keeps it."""
    values = {name: getattr(held.visit, name) for name in _FIELDS}
    text = json.dumps(values, default=lambda value: {"base64": base64.b64encode(value).decode()})
    return EventRow(TABLE, {"id": held.id, "visit": legible(text), **moment_columns(held.visit.at, boot)})


def visit_of(text: str, at: Moment) -> Visit:
    """The visit of such a row, also of one that an earlier version wrote. Raises ValueError, TypeError."""
    found = json.loads(text)
    known = {name: found[name] for name in _FIELDS if name in found}
    if isinstance(known.get("record"), dict):
        known["record"] = base64.b64decode(known["record"]["base64"])
    return Visit(**{**known, "at": at, "reasons": tuple(known.get("reasons", ()))})


class HeldVisits:
    """Which rows of the table are this run's own, and which were left over. The ledger's thread uses it."""

    def __init__(self) -> None:
        self._known: set[str] = set()
        self._leftovers: list[Settled] = []

    def load(self, connection: Connection) -> None:
        """Find what an earlier run left; the file may be opened several times in one run."""
        for row in connection.exec_driver_sql(f"SELECT * FROM {TABLE} ORDER BY wall, id").mappings().all():
            if row["id"] in self._known or damaged_columns(TABLE, row):
                continue  # the inspector sets damaged rows aside
            try:
                at = Moment(Seconds(row["mono"]), Unix(row["wall"]), row["synced"] == 1)
                visit = None if row["visit"] is None else visit_of(row["visit"], at)
            except (ValueError, TypeError, KeyError):  # JSON, but no visit: it stays, as evidence
                continue
            self._known.add(row["id"])
            self._leftovers.append(Settled(id=row["id"], visit=visit, boot=row["boot"]))

    def take_leftovers(self) -> list[Settled]:
        """Each once, oldest first."""
        found, self._leftovers = self._leftovers, []
        return found

    def written(self, batch: Batch) -> None:
        """The batch has committed."""
        self._known |= {row.values["id"] for row in batch.events if row.table == TABLE}
        self._known -= set(batch.released)


def release(connection: Connection, released: Sequence[str]) -> None:
    """Settled visits are held no longer."""
    if released:
        connection.exec_driver_sql(f"DELETE FROM {TABLE} WHERE id = ?", [(each,) for each in released])


def without_erased(connection: Connection, batch: Batch) -> Batch:
    """The batch without visits that somebody erased while they were held, without what second looks say of visits that
    somebody erased meanwhile, and without what rules made of either."""
    erased = [each for each in batch.released if is_erased(connection, each)]
    for row in batch.events:
        if row.table == AMENDMENTS and not is_kept(connection, row.values["amends"]):
            erased += [row.values["id"], row.values["amends"]]
    if not erased:
        return batch
    return Batch(
        events=[row for row in batch.events if row.values["id"] not in erased],
        outgoing=[row for row in batch.outgoing if not any(_tells_of(each, row.message) for each in erased)],
        settlements=batch.settlements,
        released=batch.released,
        counts=batch.counts,
        marks=batch.marks,
        series=batch.series,
    )


def is_erased(connection: Connection, visit: str) -> bool:
    """Whether somebody erased a visit that is held."""
    query = f"SELECT 1 FROM {TABLE} WHERE id = ? AND visit IS NULL"
    return connection.exec_driver_sql(query, (visit,)).first() is not None


def is_kept(connection: Connection, visit: str) -> bool:
    """Whether a visit stands in the history."""
    return connection.exec_driver_sql("SELECT 1 FROM visits WHERE id = ?", (visit,)).first() is not None


def _tells_of(visit: str, message: Any) -> bool:
    cause = message.properties.get("payload")
    return visit.encode() in message.payload or (isinstance(cause, bytes) and visit.encode() in cause)
