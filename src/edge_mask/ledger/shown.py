"""Rows of the history as people and programs are shown them. A damaged row is shown, too: wrong values as they are, and
`damaged` names their columns."""

import json
from collections.abc import Iterable, Mapping
from typing import Any, Final

from sqlalchemy import Connection

from edge_mask.ledger.seen import MARKS
from edge_mask.ledger.soundness import damaged_columns, is_number
from edge_mask.redact import legible

_MOMENT = ("id", "wall", "mono", "synced", "boot")
COLUMNS: Final[Mapping[str, tuple[str, ...]]] = {
    "visits": (
        *_MOMENT, "camera", "verdict", "ispass", "mask", "mask_score", "temperature", "reasons", "passed_through",
        "snapshot", "time_to_verdict_ms", "amended",
    ),
    "amendments": (
        *_MOMENT, "amends", "camera", "was", "verdict", "ispass", "reasons", "mask", "mask_score", "made_by", "model",
        "delay_ms",
    ),
    "looks": (*_MOMENT, "camera", "faces", "no_mask", "streak", "snapshot"),
    "alerts": (
        *_MOMENT, "kind", "camera", "sensor", "text", "streak", "value", "above", "unit", "snapshot", "deviation",
        *MARKS,
    ),
    "faults": (*_MOMENT, "component", "code", "text", *MARKS),
    "readings": (*_MOMENT, "sensor", "quantity", "value", "unit", "quality"),
}  # fmt: skip
"""What is shown of each table: all of a visit but its record, which takes more room than the rest."""


def known(connection: Connection, table: str, columns: Iterable[str]) -> str:
    """These columns for a SELECT; a file that no daemon has opened since an update lacks the new ones."""
    there = {row[1] for row in connection.exec_driver_sql(f"PRAGMA table_info({table})")}
    return ", ".join(name if name in there else f"NULL AS {name}" for name in columns)


def as_shown(table: str, row: Mapping[Any, Any]) -> dict[str, Any]:
    """A row with the columns above. A visit's time is `visited`, that of all others `at`: Unix seconds."""
    if table == "visits":
        return visit(row)
    if table == "amendments":
        return amendment(row)
    return _event(table, row)


def _event(table: str, row: Mapping[Any, Any]) -> dict[str, Any]:
    damaged = damaged_columns(table, row)
    return {
        "id": shown(row["id"]),
        "at": shown(row["wall"]),
        "clock_ok": row["synced"] == 1,
        **{name: shown(row[name]) for name in COLUMNS[table] if name not in _MOMENT},
        **({"damaged": damaged} if damaged else {}),
    }


def visit(row: Mapping[Any, Any]) -> dict[str, Any]:
    """A visit with the columns above."""
    damaged = damaged_columns("visits", row)
    told = {name: shown(value) for name, value in row.items()}
    return {
        "id": told["id"],
        "visited": told["wall"],
        "clock_ok": row["synced"] == 1,
        **{name: told[name] for name in ("camera", "verdict", "ispass", "mask")},
        "mask_score": round(row["mask_score"], 4) if is_number(row["mask_score"]) else told["mask_score"],
        "temperature": told["temperature"],
        "reasons": [told["reasons"]] if "reasons" in damaged else json.loads(row["reasons"]),
        "passed_through": bool(row["passed_through"]) if row["passed_through"] in (0, 1) else None,
        "snapshot": told["snapshot"],
        "time_to_verdict_ms": told["time_to_verdict_ms"],
        "amended": bool(row["amended"]) if row["amended"] in (0, 1) else None,
        **({"damaged": damaged} if damaged else {}),
    }


def amendment(row: Mapping[Any, Any]) -> dict[str, Any]:
    """What a second look said, with the columns above; in the names of its message."""
    told = _event("amendments", row)
    told["reasons"] = [told["reasons"]] if "reasons" in told.get("damaged", ()) else json.loads(told["reasons"])
    return {("by" if name == "made_by" else name): value for name, value in told.items()}


def shown(value: Any) -> Any:
    """A value that text and JSON can hold."""
    if isinstance(value, bytes):
        return f"bytes {value[:100].hex(' ')}"
    if isinstance(value, str):
        return legible(value)
    return value if value is None or is_number(value) else str(value)
