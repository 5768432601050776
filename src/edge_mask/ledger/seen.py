"""Alerts and faults that somebody has seen: a mark in the row itself, which goes with it wherever that goes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from sqlalchemy import Connection

from edge_mask.ledger.soundness import TIMED

Table = Literal["alerts", "faults"]
ALIKE: Final[Mapping[Table, Sequence[str]]] = {"alerts": ("kind", "camera", "sensor"), "faults": ("component", "code")}
"""Columns that are the same in what repeats itself."""
MARKS: Final = ("seen", "seen_by")
"""Columns: when it was marked (Unix seconds), and by whom."""
MOST: Final = 500
"""Ids in one mark."""
MOST_COUNTED: Final = 1000
"""So many that nobody has seen stand for more."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """Somebody has seen these alerts or faults, or all that came until a moment (Unix seconds, included)."""

    table: Table
    by: str
    """The user."""
    ids: Sequence[str] = ()
    until: float | None = None
    back_to: str = ""
    """With one id: also what it repeats, as far back as the event with this id."""


def mark_seen(connection: Connection, sighting: Sighting, now: float) -> int:
    """How many are marked now that were not before; the first mark stays. Inside the caller's transaction."""
    statement = f"UPDATE {sighting.table} SET seen = ?, seen_by = ? WHERE seen IS NULL AND"
    marked = 0
    for each in sighting.ids[:MOST]:
        marked += connection.exec_driver_sql(f"{statement} id = ?", (now, sighting.by, each)).rowcount
    if sighting.back_to and sighting.ids:
        marked += _mark_repeats(connection, sighting, statement, now)
    if sighting.until is not None:
        which = (now, sighting.by, sighting.until)
        marked += connection.exec_driver_sql(f"{statement} wall <= ?", which).rowcount
    return marked


def _mark_repeats(connection: Connection, sighting: Sighting, statement: str, now: float) -> int:
    of = f"FROM {sighting.table} WHERE id = ?"
    same = [f"{name} IS (SELECT {name} {of})" for name in ALIKE[sighting.table]]
    tests = " AND ".join([*same, f"wall <= (SELECT wall {of})", f"wall >= (SELECT wall {of})"])
    which = (now, sighting.by, *[sighting.ids[0]] * (len(same) + 1), sighting.back_to)
    return connection.exec_driver_sql(f"{statement} {tests}", which).rowcount


def unseen(connection: Connection, table: Table) -> int:
    """How many of the list (see pages.py) nobody has seen, counted up to MOST_COUNTED."""
    which = f"seen IS NULL AND {TIMED}"
    query = f"SELECT count(*) FROM (SELECT 1 FROM {table} WHERE {which} LIMIT {MOST_COUNTED})"
    return int(connection.exec_driver_sql(query).scalar_one())
