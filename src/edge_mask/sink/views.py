"""One view for each kind that people ask about, with a column for each field: what dashboards read.

A field of the wrong type (a word where a number belongs) is NULL there: one odd message never breaks a query.
"""

from collections.abc import Mapping
from typing import Final, Literal

from sqlalchemy import Connection, text

Type = Literal["text", "number", "truth", "json"]

_HEAD: Final = ("id", "thing", "topic", "seq", "ts", "received")
_VISIT: Final[Mapping[str, Type]] = {
    "camera": "text", "verdict": "text", "ispass": "number", "mask": "text", "mask_score": "number",
    "temperature": "number", "reasons": "json", "passed_through": "truth", "time_to_verdict_ms": "number",
    "snapshot": "text",
}  # fmt: skip
_ALERT: Final[Mapping[str, Type]] = {
    "camera": "text", "sensor": "text", "quantity": "text", "text": "text", "streak": "number", "value": "number",
    "state": "text", "outlier": "text", "reason": "text", "snapshot": "text",
}  # fmt: skip
_LOOK: Final[Mapping[str, Type]] = {
    "camera": "text", "faces": "number", "no_mask": "number", "streak": "number", "snapshot": "text",
}  # fmt: skip
_ERROR: Final[Mapping[str, Type]] = {"component": "text", "code": "text", "text": "text"}
_AMENDMENT: Final[Mapping[str, Type]] = {
    "amends": "text", "verdict": "text", "ispass": "number", "mask": "text", "mask_score": "number", "by": "text",
    "model": "text", "delay_ms": "number",
}  # fmt: skip
VIEWS: Final = {"visits": _VISIT, "alerts": _ALERT, "looks": _LOOK, "errors": _ERROR, "amendments": _AMENDMENT}
_RENAMED: Final = {"alerts": {"kind": "alert"}}
"""Fields whose name a column has already."""


def create_views(connection: Connection) -> None:
    """Make them, or make them anew."""
    is_postgresql = connection.dialect.name == "postgresql"
    extract = _in_postgresql if is_postgresql else _in_mariadb
    for name, fields in VIEWS.items():
        columns = [f"{extract(key, kind)} AS {_quoted(key, is_postgresql)}" for key, kind in fields.items()]
        columns += [f"{extract(key, 'text')} AS {column}" for key, column in _RENAMED.get(name, {}).items()]
        _create(connection, name, columns, f"kind = '{name}'")
    sensor, unit = extract("sensor", "text"), extract("unit", "text")
    value = _value_in_postgresql() if is_postgresql else _value_in_mariadb()
    columns = [f"{sensor} AS sensor", "kind AS quantity", f"{value} AS value", f"{unit} AS unit"]
    _create(connection, "readings", columns, f"{sensor} IS NOT NULL AND {value} IS NOT NULL")


def _create(connection: Connection, name: str, columns: list[str], where: str) -> None:
    listed = ", ".join([*_HEAD, *columns])
    connection.execute(
        text(f"CREATE OR REPLACE VIEW {name} AS SELECT {listed} FROM messages WHERE {where}".replace(":", "\\:"))
    )


def _quoted(name: str, is_postgresql: bool) -> str:
    return f'"{name}"' if is_postgresql else f"`{name}`"


def _in_postgresql(key: str, kind: Type) -> str:
    plain = f"payload->>'{key}'"
    if kind == "text":
        return f"({plain})"
    if kind == "json":
        return f"(payload->'{key}')"
    wanted, as_type = ("number", "numeric") if kind == "number" else ("boolean", "boolean")
    return f"(CASE WHEN jsonb_typeof(payload->'{key}') = '{wanted}' THEN ({plain})::{as_type} END)"


def _in_mariadb(key: str, kind: Type) -> str:
    plain, found = f"JSON_VALUE(payload, '$.{key}')", f"JSON_TYPE(JSON_EXTRACT(payload, '$.{key}'))"
    if kind == "text":
        return plain
    if kind == "json":
        return f"JSON_EXTRACT(payload, '$.{key}')"
    if kind == "truth":
        return f"(CASE WHEN {found} = 'BOOLEAN' THEN {plain} = '1' END)"
    return f"(CASE WHEN {found} IN ('INTEGER', 'DOUBLE') THEN CAST({plain} AS DOUBLE) END)"


def _value_in_postgresql() -> str:
    """The field that has the name of the quantity."""
    return "(CASE WHEN jsonb_typeof(payload->kind) = 'number' THEN (payload->>kind)::numeric END)"


def _value_in_mariadb() -> str:
    path = "CONCAT('$.\"', kind, '\"')"
    found = f"JSON_TYPE(JSON_EXTRACT(payload, {path}))"
    return f"(CASE WHEN {found} IN ('INTEGER', 'DOUBLE') THEN CAST(JSON_VALUE(payload, {path}) AS DOUBLE) END)"
