"""The tables of series: a step of the schema."""

from typing import Final

HOURS: Final = "series_hours"
"""Hours that are over. They count into the bounds of the history."""
ROOM: Final = 420
"""Bytes of a row of it, with free space in pages; measured."""

STEP: Final = (
    # Minutes and hours name a series by its number; see series_rows.py for how the numbers are made.
    """CREATE TABLE series (
        id INTEGER PRIMARY KEY, sensor TEXT NOT NULL, quantity TEXT NOT NULL, unit TEXT NOT NULL,
        UNIQUE (sensor, quantity, unit))""",
    # Minutes whose hour is not over: one row each, behind all the others, so that a commit writes one page of them.
    """CREATE TABLE series_minutes (
        id INTEGER PRIMARY KEY, count INTEGER NOT NULL, mean REAL NOT NULL, min REAL NOT NULL, max REAL NOT NULL,
        last REAL NOT NULL)""",
    # Hours that are over, those of one series side by side; see series_hour.py.
    """CREATE TABLE series_hours (
        id INTEGER PRIMARY KEY, minutes BLOB NOT NULL, summaries BLOB NOT NULL, checksum INTEGER NOT NULL)""",
    """CREATE TABLE series_forecasts (
        id INTEGER PRIMARY KEY, origin REAL NOT NULL, step_s INTEGER NOT NULL, numbers BLOB NOT NULL,
        checksum INTEGER NOT NULL)""",
    # What a watch knows beside the readings, as JSON: among it what is out of line now.
    "CREATE TABLE series_states (id INTEGER PRIMARY KEY, state TEXT NOT NULL)",
    f"INSERT INTO history VALUES ('{HOURS}', 0, 0)",
    f"""CREATE TRIGGER {HOURS}_insert AFTER INSERT ON {HOURS} BEGIN
        UPDATE history SET events = coalesce(events, 0) + 1, bytes = coalesce(bytes, 0) + {ROOM}
        WHERE name = '{HOURS}'; END""",
    f"""CREATE TRIGGER {HOURS}_delete AFTER DELETE ON {HOURS} BEGIN
        UPDATE history SET events = coalesce(events, 0) - 1, bytes = coalesce(bytes, 0) - {ROOM}
        WHERE name = '{HOURS}'; END""",
)

TABLES: Final = ("series", "series_minutes", HOURS, "series_forecasts", "series_states")
"""The tables of series."""
