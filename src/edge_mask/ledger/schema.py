"""The schema of the database: each entry of MIGRATIONS takes it from one version to the next.

A released step is never edited; a change is a new step at the end. `PRAGMA user_version` counts them.
"""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from functools import cache
from typing import Any, Final

from sqlalchemy import Connection

from edge_mask.errors import DatabaseError
from edge_mask.ledger import series_schema
from edge_mask.ledger.database import APPLICATION_ID

PENDING: Final = 0
"""State of a message that waits to be sent."""
SET_ASIDE: Final = 1
"""State of a message that was refused, or whose row is damaged: it stays for a person to see."""

KEYS: Final = {"topics": "topic", "counters": "name", "shadows": "address", "held": "id", "numbered": "topic"}
"""The small tables, which have no row numbers, and their keys."""

_MOMENT = "wall REAL NOT NULL, mono REAL NOT NULL, synced INTEGER NOT NULL, boot TEXT NOT NULL"

_FIRST = (
    # One row per topic: the last seq in use (for live topics: the end of the reserved block).
    "CREATE TABLE topics (topic TEXT PRIMARY KEY, seq INTEGER NOT NULL) WITHOUT ROWID",
    f"""CREATE TABLE outbox (
        id INTEGER PRIMARY KEY AUTOINCREMENT, destination TEXT NOT NULL, state INTEGER NOT NULL DEFAULT 0,
        class INTEGER NOT NULL, topic TEXT NOT NULL, message_id TEXT NOT NULL, payload BLOB NOT NULL,
        qos INTEGER NOT NULL, retain INTEGER NOT NULL, properties TEXT, bytes INTEGER NOT NULL,
        reason TEXT, {_MOMENT})""",
    "CREATE INDEX outbox_order ON outbox (destination, state, class, id)",
    "CREATE INDEX outbox_class ON outbox (state, class, id)",
    # Totals are kept by triggers, so that opening and checking the bounds never count rows.
    "CREATE TABLE totals (state INTEGER PRIMARY KEY, messages INTEGER NOT NULL, bytes INTEGER NOT NULL)",
    "INSERT INTO totals VALUES (0, 0, 0), (1, 0, 0)",
    """CREATE TRIGGER outbox_insert AFTER INSERT ON outbox BEGIN
        UPDATE totals SET messages = messages + 1, bytes = bytes + NEW.bytes WHERE state = NEW.state; END""",
    """CREATE TRIGGER outbox_delete AFTER DELETE ON outbox BEGIN
        UPDATE totals SET messages = messages - 1, bytes = bytes - OLD.bytes WHERE state = OLD.state; END""",
    """CREATE TRIGGER outbox_state AFTER UPDATE OF state ON outbox BEGIN
        UPDATE totals SET messages = messages - 1, bytes = bytes - OLD.bytes WHERE state = OLD.state;
        UPDATE totals SET messages = messages + 1, bytes = bytes + NEW.bytes WHERE state = NEW.state; END""",
    "CREATE TABLE counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID",
    f"""CREATE TABLE visits (
        id TEXT PRIMARY KEY, camera TEXT NOT NULL, verdict TEXT NOT NULL, ispass INTEGER NOT NULL, mask TEXT,
        mask_score REAL, temperature REAL, reasons TEXT NOT NULL, passed_through INTEGER, snapshot TEXT, {_MOMENT})""",
    f"""CREATE TABLE looks (
        id TEXT PRIMARY KEY, camera TEXT NOT NULL, faces INTEGER NOT NULL, no_mask INTEGER NOT NULL,
        streak INTEGER NOT NULL, snapshot TEXT, {_MOMENT})""",
    f"""CREATE TABLE alerts (
        id TEXT PRIMARY KEY, kind TEXT NOT NULL, camera TEXT, sensor TEXT, text TEXT NOT NULL, streak INTEGER,
        value REAL, snapshot TEXT, {_MOMENT})""",
    f"""CREATE TABLE readings (
        id TEXT PRIMARY KEY, sensor TEXT NOT NULL, quantity TEXT NOT NULL, value REAL NOT NULL, unit TEXT NOT NULL,
        quality TEXT NOT NULL, {_MOMENT})""",
    f"""CREATE TABLE faults (
        id TEXT PRIMARY KEY, component TEXT NOT NULL, code TEXT NOT NULL, text TEXT NOT NULL, {_MOMENT})""",
    *(f"CREATE INDEX {t}_wall ON {t} (wall)" for t in ("visits", "looks", "alerts", "readings", "faults")),
    # Rows written before the clock was set: nearly always none, so finding them costs nothing.
    *(
        f"CREATE INDEX {t}_unset ON {t} (boot) WHERE synced = 0"
        for t in ("outbox", "visits", "looks", "alerts", "readings", "faults")
    ),
)

_SHADOWS = (
    # One row per shadow: "thing" or "thing/name", and the whole of it as JSON.
    "CREATE TABLE shadows (address TEXT PRIMARY KEY, document TEXT NOT NULL) WITHOUT ROWID",
)

_TEXTS = {
    "visits": ("camera", "verdict", "mask", "reasons", "snapshot"),
    "looks": ("camera", "snapshot"),
    "alerts": ("kind", "camera", "sensor", "text", "snapshot"),
    "readings": ("sensor", "quantity", "unit", "quality"),
    "faults": ("component", "code", "text"),
}
_ROW = 65
"""Bytes of a stored event beside its texts and ids: numbers, headers, index entries, free space in pages; measured."""


def _room(of: str, texts: Sequence[str]) -> str:
    """SQL for about how many bytes a stored event takes; its id stands in the table and in an index."""
    ids = f"2 * length({of}id) + length({of}boot)"
    return " + ".join((str(_ROW), ids, *(f"coalesce(length({of}{text}), 0)" for text in texts)))


_HISTORY = (
    # The size of the history by table, kept by triggers: the size of the file includes the messages that wait.
    "CREATE TABLE history (name TEXT PRIMARY KEY, events INTEGER NOT NULL, bytes INTEGER NOT NULL) WITHOUT ROWID",
    *(
        statement
        for table, texts in _TEXTS.items()
        for statement in (
            f"INSERT INTO history SELECT '{table}', count(*), coalesce(sum({_room('', texts)}), 0) FROM {table}",
            f"""CREATE TRIGGER {table}_insert AFTER INSERT ON {table} BEGIN
                UPDATE history SET events = events + 1, bytes = bytes + {_room("NEW.", texts)}
                WHERE name = '{table}'; END""",
            f"""CREATE TRIGGER {table}_delete AFTER DELETE ON {table} BEGIN
                UPDATE history SET events = events - 1, bytes = bytes - ({_room("OLD.", texts)})
                WHERE name = '{table}'; END""",
        )
    ),
)

SIZE: Final = (
    "CASE WHEN typeof({row}.bytes) = 'integer' AND {row}.bytes BETWEEN 0 AND 1000000000000 THEN {row}.bytes ELSE 0 END"
)
"""SQL for the size of a message; 0 for a damaged number, which must not spoil the sum or stop each commit."""


def _count(sign: str, row: str) -> str:
    size = SIZE.format(row=row)
    return f"""UPDATE totals SET messages = coalesce(messages, 0) {sign} 1, bytes = coalesce(bytes, 0) {sign} {size}
        WHERE state = {row}.state"""


def _guarded_room(row: str, texts: Sequence[str]) -> str:
    return f"coalesce({_room(row, texts)}, 0)"


def _counting(table: str, texts: Sequence[str]) -> tuple[str, str]:
    """The triggers that count a table of events; no value in a row makes them fail."""
    return (
        f"""CREATE TRIGGER {table}_insert AFTER INSERT ON {table} BEGIN
                UPDATE history SET events = coalesce(events, 0) + 1,
                bytes = coalesce(bytes, 0) + {_guarded_room("NEW.", texts)} WHERE name = '{table}'; END""",
        f"""CREATE TRIGGER {table}_delete AFTER DELETE ON {table} BEGIN
                UPDATE history SET events = coalesce(events, 0) - 1,
                bytes = coalesce(bytes, 0) - {_guarded_room("OLD.", texts)} WHERE name = '{table}'; END""",
    )


def _counted_anew(table: str, texts: Sequence[str]) -> tuple[str, ...]:
    """The same triggers in the place of earlier ones."""
    on_insert, on_delete = _counting(table, texts)
    return f"DROP TRIGGER {table}_insert", on_insert, f"DROP TRIGGER {table}_delete", on_delete


_DAMAGE = (
    f"PRAGMA application_id = {APPLICATION_ID}",
    # Over the columns that do not change while a message waits; NULL in rows of earlier versions.
    "ALTER TABLE outbox ADD COLUMN checksum INTEGER",
    # Rows that were found damaged, so that each is told once. Those of small tables are moved here.
    """CREATE TABLE damaged (
        id INTEGER PRIMARY KEY, name TEXT NOT NULL, row TEXT NOT NULL, columns TEXT NOT NULL, content TEXT,
        UNIQUE (name, row))""",
    # The triggers again; now no value in a row makes them fail.
    *(f"DROP TRIGGER outbox_{when}" for when in ("insert", "delete", "state")),
    f"CREATE TRIGGER outbox_insert AFTER INSERT ON outbox BEGIN {_count('+', 'NEW')}; END",
    f"CREATE TRIGGER outbox_delete AFTER DELETE ON outbox BEGIN {_count('-', 'OLD')}; END",
    f"""CREATE TRIGGER outbox_state AFTER UPDATE OF state ON outbox BEGIN
        {_count("-", "OLD")}; {_count("+", "NEW")}; END""",
    *(statement for table, texts in _TEXTS.items() for statement in _counted_anew(table, texts)),
)

_RECORDS = (
    # What a visit was decided on (see docs/replay.md); NULL in rows of earlier versions. In the row itself: it goes
    # with the visit, whatever deletes or carries that.
    "ALTER TABLE visits ADD COLUMN record BLOB",
    "ALTER TABLE visits ADD COLUMN time_to_verdict_ms INTEGER",
    *_counted_anew("visits", (*_TEXTS["visits"], "record")),
)

_HOURS = (
    # Counting a year of looks by camera and hour reads this index alone, a fifth of the table.
    "DROP INDEX looks_wall",
    "CREATE INDEX looks_wall ON looks (wall, camera, no_mask)",
)

_AMENDMENT_TEXTS = ("amends", "camera", "was", "verdict", "reasons", "mask", "made_by", "model")
_SIZED = {
    **_TEXTS,
    "amendments": _AMENDMENT_TEXTS,
    "visits": (*_TEXTS["visits"], "record"),
    "alerts": (*_TEXTS["alerts"], "deviation"),
}

_HELD = (
    # Visits that are judged, while it is not known yet whether their persons go through: JSON, NULL when erased. Each
    # is there for seconds, so that no budget counts them.
    f"CREATE TABLE held (id TEXT PRIMARY KEY, visit TEXT, {_MOMENT}) WITHOUT ROWID",
)

_PAGE = (
    # Figures and filters of a list read this index alone, a fiftieth of the table with its records.
    "DROP INDEX visits_wall",
    "CREATE INDEX visits_wall ON visits (wall, camera, ispass, reasons)",
    "DROP INDEX readings_wall",
    "CREATE INDEX readings_wall ON readings (wall, sensor, quantity, value, quality)",
    # When somebody marked it as seen (Unix seconds), and who. In the row itself: it goes with the event.
    *(f"ALTER TABLE {table} ADD COLUMN seen REAL" for table in ("alerts", "faults")),
    *(f"ALTER TABLE {table} ADD COLUMN seen_by TEXT" for table in ("alerts", "faults")),
)

_LIMITS = (
    # What the value of an alert was above, and their unit; NULL in rows of earlier versions.
    "ALTER TABLE alerts ADD COLUMN above REAL",
    "ALTER TABLE alerts ADD COLUMN unit TEXT",
)

_OUTLIERS = (
    # Which outlier an alert tells of: JSON, NULL for other alerts and in rows of earlier versions.
    "ALTER TABLE alerts ADD COLUMN deviation TEXT",
    *_counted_anew("alerts", (*_TEXTS["alerts"], "deviation")),
)

_NUMBERS = (
    # Which message told of an event, so that it can be sent again: the number of its topic, and its seq. NULL where
    # nothing was to be sent, and in rows of earlier versions.
    "CREATE TABLE numbered (topic TEXT PRIMARY KEY, number INTEGER NOT NULL) WITHOUT ROWID",
    *(
        statement
        for table in _TEXTS
        for statement in (
            f"ALTER TABLE {table} ADD COLUMN topic INTEGER",
            f"ALTER TABLE {table} ADD COLUMN seq INTEGER",
            f"CREATE INDEX {table}_seq ON {table} (topic, seq) WHERE seq IS NOT NULL",
        )
    ),
)

_AMENDED = (
    # What second looks say. `amended` of a visit: whether its verdict would be another one; NULL when nobody looked.
    "ALTER TABLE visits ADD COLUMN amended INTEGER",
    f"""CREATE TABLE amendments (
        id TEXT PRIMARY KEY, amends TEXT NOT NULL, camera TEXT NOT NULL, was TEXT NOT NULL, verdict TEXT NOT NULL,
        ispass INTEGER NOT NULL, reasons TEXT NOT NULL, mask TEXT NOT NULL, mask_score REAL NOT NULL,
        made_by TEXT NOT NULL, model TEXT NOT NULL, delay_ms INTEGER NOT NULL, {_MOMENT},
        topic INTEGER, seq INTEGER)""",
    "CREATE INDEX amendments_wall ON amendments (wall)",
    "CREATE INDEX amendments_visit ON amendments (amends)",
    "CREATE INDEX amendments_unset ON amendments (boot) WHERE synced = 0",
    "CREATE INDEX amendments_seq ON amendments (topic, seq) WHERE seq IS NOT NULL",
    """CREATE TRIGGER amendments_mark AFTER INSERT ON amendments BEGIN
        UPDATE visits SET amended = (NEW.verdict <> NEW.was) WHERE id = NEW.amends; END""",
    "INSERT INTO history VALUES ('amendments', 0, 0)",
    *_counting("amendments", _AMENDMENT_TEXTS),
)

ROOM: Final = {
    **{table: _guarded_room("", texts) for table, texts in _SIZED.items()},
    series_schema.HOURS: str(series_schema.ROOM),
}
"""SQL for the size of a row that counts into the bounds of the history, by table."""

MIGRATIONS: Sequence[Sequence[str]] = (
    _FIRST, _SHADOWS, _HISTORY, _DAMAGE, _RECORDS, _HOURS, _HELD, _PAGE, _OUTLIERS, series_schema.STEP,
    _LIMITS, _NUMBERS, _AMENDED,
)  # fmt: skip


def migrate(connection: Connection, steps: Sequence[Sequence[str]] = MIGRATIONS) -> None:
    """Bring the database to the newest version, each step in a transaction of its own. Raises DatabaseError."""
    found = int(connection.exec_driver_sql("PRAGMA user_version").scalar_one())
    connection.rollback()
    refuse_newer(found, len(steps))
    for version in range(found, len(steps)):
        with connection.begin():
            for statement in steps[version]:
                connection.exec_driver_sql(statement)
            connection.exec_driver_sql(f"PRAGMA user_version = {version + 1}")


def refuse_newer(found: int, known: int = len(MIGRATIONS)) -> None:
    """Raises DatabaseError for a version that only a newer program knows."""
    if found > known:
        raise DatabaseError(
            f"the database has version {found}, this program knows up to {known}: it was written by a newer "
            "edge-mask; install that one again or name another outbox.path"
        )


def lacking(database: sqlite3.Connection) -> list[str]:
    """What the newest version has and this database lacks: columns, indexes, triggers.

    A flipped bit in the table of contents makes another name of one, and SQLite finds nothing wrong with it.
    """
    return sorted({str(name) for _, name, _ in _newest() - contents(database)})


def contents(database: sqlite3.Connection) -> frozenset[tuple[Any, ...]]:
    """The columns of the tables, and the text of indexes and triggers."""
    columns = database.execute(
        "SELECT 'column', tables.name || '.' || columns.name, NULL FROM sqlite_master AS tables,"
        " pragma_table_info(tables.name) AS columns WHERE tables.type = 'table'"
    ).fetchall()
    others = database.execute("SELECT type, name, sql FROM sqlite_master WHERE type <> 'table'").fetchall()
    return frozenset(map(tuple, columns + others))


@cache
def _newest() -> frozenset[tuple[Any, ...]]:
    with closing(sqlite3.connect(":memory:")) as fresh:
        for step in MIGRATIONS:
            for statement in step:
                fresh.execute(statement)
        return contents(fresh)
