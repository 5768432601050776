"""Values where they do not belong, as a damaged page or another program leaves them."""

import sqlite3
from contextlib import closing
from pathlib import Path

VALUES = {
    "null": "NULL",
    "not UTF-8": "CAST(x'61ff62' AS TEXT)",
    "blob": "x'00ff'",
    "text": "'elsewhere'",
    "huge": "9223372036854775807",
    "negative": "-5",
    "infinity": "9e999",
    "empty": "''",
}


def places(path: Path) -> list[tuple[str, str, int]]:
    """Each table, each column of it, and how many rows it has."""
    with closing(sqlite3.connect(path)) as connection:
        names = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return [
            (table, column[1], connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0])
            for table in names
            if table not in ("damaged", "sqlite_stat1")
            for column in connection.execute(f"PRAGMA table_info({table})").fetchall()
        ]


def put(path: Path, table: str, column: str, row: int, value: str) -> bool:
    """Whether it could be put there; neither triggers nor constraints are asked."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        triggers = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
        schema = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'table'").fetchall()
        for name, _ in triggers:
            connection.execute(f"DROP TRIGGER {name}")
        _rewrite(connection, [(name, sql.replace("NOT NULL", "")) for name, sql in schema if "sqlite" not in name])
        try:
            connection.execute(f"UPDATE {table} SET {column} = {VALUES[value]} WHERE {_which(connection, table, row)}")
        except sqlite3.IntegrityError:
            return False
        _rewrite(connection, [(name, sql) for name, sql in schema if "sqlite" not in name])
        for _, sql in triggers:
            connection.execute(sql)
    return True


def _which(connection: sqlite3.Connection, table: str, row: int) -> str:
    key = next(column[1] for column in connection.execute(f"PRAGMA table_info({table})"))
    return f"{key} IN (SELECT {key} FROM {table} ORDER BY {key} LIMIT 1 OFFSET {row})"


def _rewrite(connection: sqlite3.Connection, schema: list[tuple[str, str]]) -> None:
    version = connection.execute("PRAGMA schema_version").fetchone()[0]
    connection.execute("PRAGMA writable_schema = ON")
    for name, sql in schema:
        connection.execute("UPDATE sqlite_master SET sql = ? WHERE type = 'table' AND name = ?", (sql, name))
    connection.execute("PRAGMA writable_schema = OFF")
    connection.execute(f"PRAGMA schema_version = {version + 1}")
