"""The counters that outlive the daemon, by name: what was dropped or not told, and when somebody was last told."""

from collections.abc import Mapping
from typing import Final

from sqlalchemy import Connection

from edge_mask.ledger.soundness import LARGEST

MARK: Final = "notified "
"""What the names of counters begin with that say when somebody was last told; their value is a time (Unix seconds)."""
MOST_MARKS: Final = 500
"""The names of cameras in messages of others can be anything."""
_BEHIND_MARKS: Final = MARK[:-1] + chr(ord(MARK[-1]) + 1)
_FORGET_MARKS = (
    "DELETE FROM counters WHERE name >= ? AND name < ? AND name NOT IN"
    " (SELECT name FROM counters WHERE name >= ? AND name < ? ORDER BY value DESC LIMIT ?)"
)


def count(connection: Connection, name: str, by: int) -> None:
    """Let a counter go up; a damaged one begins anew."""
    connection.exec_driver_sql(
        "INSERT INTO counters VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET"
        f" value = CASE WHEN value BETWEEN 0 AND {LARGEST} THEN CAST(value AS INTEGER) ELSE 0 END + excluded.value",
        (name, by),
    )


def write_counts(connection: Connection, counts: Mapping[str, int], marks: Mapping[str, int]) -> None:
    """`counts` go up by their numbers, `marks` are set anew."""
    for name, by in counts.items():
        count(connection, name, by)
    for name, value in marks.items():
        connection.exec_driver_sql(
            "INSERT INTO counters VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value", (name, value)
        )
    if marks:
        connection.exec_driver_sql(_FORGET_MARKS, (MARK, _BEHIND_MARKS, MARK, _BEHIND_MARKS, MOST_MARKS))
