"""Damage that raises no error: broken pages, missing rows, values that do not belong where they are.

pages ──▶ counts ──▶ rows        on a connection that only reads, beside the one that writes
  │          └────────┴──▶ mend    in a transaction of the writer: set aside, count anew
  └──▶ the file is condemned: salvage
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from edge_mask.errors import DatabaseError
from edge_mask.kinds import TABLES
from edge_mask.ledger.connections import ReadView, is_damage
from edge_mask.ledger.database import identity_of
from edge_mask.ledger.recount import recount
from edge_mask.ledger.schema import KEYS, SET_ASIDE, SIZE, lacking
from edge_mask.ledger.series_numbers import PACKED, hour_of
from edge_mask.ledger.series_schema import HOURS
from edge_mask.ledger.series_schema import TABLES as SERIES
from edge_mask.ledger.soundness import damaged_columns, is_whole, names
from edge_mask.plural import counted
from edge_mask.redact import legible
from edge_mask.units import Moment

_TOTALS = "SELECT state, messages, bytes FROM totals"
_FOUND = f"SELECT state, count(*), sum({SIZE.format(row='o')}) FROM outbox o NOT INDEXED GROUP BY state"
_ROWS_AT_ONCE = 1000
_MESSAGES_AT_ONCE = 100
"""A message may have 128 KB."""
_SHOWN = 1000


@dataclass(frozen=True, slots=True)
class Damage:
    """One row, and the columns that hold what does not belong there."""

    table: str
    row: str
    """Its number; in a small table, type and bytes of its key."""
    columns: tuple[str, ...]


@dataclass(slots=True)
class Mended:
    """The result of an inspection, for the one report about it."""

    rows: int = 0
    """Rows that were set aside now, for the first time."""
    where: dict[str, set[str]] = field(default_factory=dict)
    missing: int = 0
    """Messages that the totals count and the outbox does not hold."""
    missing_events: int = 0

    def add(self, damage: Damage) -> None:
        self.rows += 1
        self.where.setdefault(damage.table, set()).update(damage.columns)

    def __str__(self) -> str:
        parts = []
        if self.rows:
            where = "; ".join(f"{table}: {names(sorted(columns))}" for table, columns in sorted(self.where.items()))
            holds = counted(self.rows, "row in the database holds", "rows in the database hold")
            were = "was" if self.rows == 1 else "were"
            parts.append(f"{holds} what does not belong there and {were} set aside ({where})")
        if self.missing:
            one = "message that waited is not in the outbox any more and is lost"
            many = "messages that waited are not in the outbox any more and are lost"
            parts.append(counted(self.missing, one, many))
        if self.missing_events:
            one = "stored event is not in the history any more"
            parts.append(counted(self.missing_events, one, "stored events are not in the history any more"))
        return "; ".join(parts)


class Inspection:
    """Reads the file beside the writer. One thread uses it, except for `interrupt`. Raises DatabaseError."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._view = ReadView(path)

    @property
    def file(self) -> tuple[int, int]:
        """Which file is there now (see `identity_of`)."""
        return identity_of(self._path)

    def interrupt(self) -> None:
        """From any thread: the running statement ends with an error."""
        self._view.interrupt()

    def close(self) -> None:
        """Close the connection; the next call opens it again."""
        self._view.close()

    def broken_pages(self) -> str:
        """Why the file cannot be trusted; empty when its pages are sound and each index fits its table."""
        try:
            answers = [row[0] for row in self._ask("PRAGMA quick_check(1)")]
            if answers != ["ok"]:
                return " ".join(str(answers[0]).split()) if answers else "the check gave no answer"
            with self._view.transaction() as connection:
                raw: Any = connection.connection.driver_connection
                if missing := lacking(raw):
                    return f"the table of contents lacks {', '.join(missing[:3])}"
            (by_index, by_table) = self._ask(
                "SELECT (SELECT count(*) FROM outbox INDEXED BY outbox_order),"
                " (SELECT count(*) FROM outbox NOT INDEXED)"
            )[0]
        except DatabaseError as error:
            if is_damage(error):
                return str(error)
            raise
        return "" if by_index == by_table else f"the index of the outbox names {by_index} rows of {by_table}"

    def is_miscounted(self) -> bool:
        """Whether the totals, which triggers keep, differ from the tables."""
        with self._view.transaction() as connection:
            return _miscounted(connection) is not None

    def damage(self) -> Iterator[list[Damage]]:
        """The damage in each part of the tables, often none; between two parts no transaction is open."""
        for table in ("outbox", *KEYS, *TABLES, *SERIES):
            limit = _MESSAGES_AT_ONCE if table == "outbox" else _ROWS_AT_ONCE
            behind = -(2**63)
            while True:
                with self._view.transaction() as connection:
                    rows = _rows(connection, table, behind, limit)
                yield [found for row in rows if (found := _damage_of(table, row)) is not None]
                if table in KEYS or len(rows) < limit:
                    break
                behind = rows[-1]["rowid"]

    def _ask(self, sql: str) -> Sequence[Any]:
        with self._view.transaction() as connection:
            return connection.exec_driver_sql(sql).all()


def mend(connection: Connection, damage: Sequence[Damage], now: Moment, boot: str) -> Mended:
    """Set aside rows that are still damaged and count anew, inside the caller's transaction."""
    mended = Mended()
    if (missing := _miscounted(connection)) is not None:
        mended.missing, mended.missing_events = missing
    for each in damage:
        if (found := _again(connection, each)) is not None and _set_aside(connection, found[0], found[1], now, boot):
            mended.add(found[0])
    if hours := [hour_of(int(each.row)) for each in damage if each.table == HOURS]:
        # Packed again from the readings that are there still.
        connection.exec_driver_sql("UPDATE counters SET value = min(value, ?) WHERE name = ?", (min(hours), PACKED))
    if missing is not None or any(each.table == "outbox" for each in damage):
        recount(connection)
    return mended


def _rows(connection: Connection, table: str, behind: int = 0, limit: int = 0) -> list[dict[str, Any]]:
    if table in KEYS:
        return [dict(row) for row in connection.exec_driver_sql(f"SELECT * FROM {table}").mappings()]
    # Rows that were set aside are known already. A state of NULL is damage.
    where = f"(state IS NOT {SET_ASIDE} OR typeof(state) <> 'integer')" if table == "outbox" else "1"
    rows = connection.exec_driver_sql(
        f"SELECT rowid AS rowid, * FROM {table} NOT INDEXED WHERE rowid > ? AND {where} ORDER BY rowid LIMIT ?",
        (behind, limit),
    )
    return [dict(row) for row in rows.mappings()]


def _damage_of(table: str, row: dict[str, Any]) -> Damage | None:
    columns = damaged_columns(table, row)
    return Damage(table, _name_of(table, row), tuple(columns)) if columns else None


def _name_of(table: str, row: dict[str, Any]) -> str:
    if table not in KEYS:
        return str(row["rowid"])
    key = row[KEYS[table]]
    raw = key if isinstance(key, bytes) else str(key).encode("utf-8", "surrogateescape")
    return f"{type(key).__name__}:{raw.hex()}"


def _again(connection: Connection, damage: Damage) -> tuple[Damage, dict[str, Any]] | None:
    """The row as it is now, if it is still damaged: it may have been written since."""
    table = damage.table
    if table in KEYS:
        rows = _rows(connection, table)
    else:
        found = connection.exec_driver_sql(f"SELECT rowid AS rowid, * FROM {table} WHERE rowid = ?", (int(damage.row),))
        rows = [dict(row) for row in found.mappings()]
    for row in rows:
        if _name_of(table, row) == damage.row and (again := _damage_of(table, row)) is not None:
            return again, row
    return None


def _set_aside(connection: Connection, damage: Damage, row: dict[str, Any], now: Moment, boot: str) -> bool:
    """Whether it was unknown before."""
    table, columns = damage.table, ", ".join(damage.columns)
    if table == "outbox":
        _refuse(connection, damage, row, now, boot)
        return True
    content = json.dumps({name: _shown(value) for name, value in row.items()}) if table in KEYS else None
    if table in KEYS:
        key = KEYS[table]
        connection.exec_driver_sql(
            f"DELETE FROM {table} WHERE hex(CAST({key} AS BLOB)) = ? OR ({key} IS NULL AND ? = 'NoneType')",
            (damage.row.partition(":")[2].upper(), damage.row.partition(":")[0]),
        )
    return bool(
        connection.exec_driver_sql(
            "INSERT OR IGNORE INTO damaged (name, row, columns, content) VALUES (?, ?, ?, ?)",
            (table, damage.row if content is None else f"{damage.row[:_SHOWN]} {now.wall}", columns, content),
        ).rowcount
    )


def _refuse(connection: Connection, damage: Damage, row: dict[str, Any], now: Moment, boot: str) -> None:
    """As if a destination had refused it: it is not sent, and a person can see it. Retention needs time and size."""
    right: dict[str, Any] = {"state": SET_ASIDE, "reason": f"the row is damaged: {names(damage.columns)}"}
    if {"wall", "mono", "synced", "boot"} & set(damage.columns):
        right |= {"wall": now.wall, "mono": now.mono, "synced": int(now.synced), "boot": boot}
    if "bytes" in damage.columns:
        right["bytes"] = len(row["payload"]) if isinstance(row["payload"], bytes) else 0
    connection.exec_driver_sql(
        f"UPDATE outbox SET {', '.join(f'{name} = ?' for name in right)} WHERE id = ?",
        (*right.values(), row["rowid"]),
    )


def _shown(value: Any) -> Any:
    if isinstance(value, bytes):
        return {"hex": value[:_SHOWN].hex()}
    return legible(value) if isinstance(value, str) else value if is_whole(value) else repr(value)


def _miscounted(connection: Connection) -> tuple[int, int] | None:
    """How many messages and events are missing (0 where nobody can know); None when the counts are right."""
    counted = {state: (messages, size) for state, messages, size in connection.exec_driver_sql(_TOTALS)}
    found = {state: (messages, size) for state, messages, size in connection.exec_driver_sql(_FOUND)}
    known: dict[Any, Any] = dict(connection.exec_driver_sql("SELECT name, events FROM history").all())
    there = {t: connection.exec_driver_sql(f"SELECT count(*) FROM {t}").scalar_one() for t in (*TABLES, HOURS)}
    states = found.keys() | {0, 1}
    if all(counted.get(state) == found.get(state, (0, 0)) for state in states) and known == there:
        return None
    return _fewer([m for m, _ in counted.values()], [m for m, _ in found.values()]), _fewer(
        list(known.values()), list(there.values())
    )


def _fewer(counted: list[Any], found: list[int]) -> int:
    return max(0, sum(counted) - sum(found)) if all(map(is_whole, counted)) else 0
