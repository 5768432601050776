"""Rows of the history in the shapes of their messages; without `seq`, which belongs to what was sent.

A damaged row has only what is sound of it, and `damaged` names the rest.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from starlette.responses import Response

from edge_mask.ledger.deviations import deviation_of
from edge_mask.ledger.soundness import is_time
from edge_mask.messages import Alert, Amendment, Event, Fault, Look, Quality, Reading, Visit
from edge_mask.units import Moment, Seconds, Unix
from edge_mask.wire.encode import encode
from edge_mask.wire.envelope import VERSION, timestamp, to_bytes

Row = Mapping[str, Any]
_COLUMN: Final = {"visited": "wall", "at": "wall", "clock_ok": "synced"}
"""Of the database, where it is called otherwise."""


class Json(Response):
    """JSON as the messages have it: a number that is none is null."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        return to_bytes(content)


def message(thing: str, table: str, row: Row) -> dict[str, Any]:
    """A row of `Reader`, of that table."""
    wall = row["visited" if table == "visits" else "at"]
    head: dict[str, Any] = {"id": row["id"], "thing": thing, "v": VERSION}
    if is_time(wall):
        head["ts"] = timestamp(Unix(wall))
    if "damaged" in row or not is_time(wall):
        return {**_sound(row), **head, "damaged": row.get("damaged", ["wall"])}
    if not row["clock_ok"]:
        head["clock_ok"] = False
    at = Moment(Seconds(0.0), Unix(wall), row["clock_ok"])
    return {**head, **encode(_EVENTS[table](row, at)).fields, **head, **_marks(row)}


def _visit(row: Row, at: Moment) -> Event:
    names = ("camera", "verdict", "mask", "mask_score", "temperature", "passed_through", "snapshot")
    reasons = tuple(each for each in row["reasons"] if isinstance(each, str))
    given = {name: row[name] for name in names}
    return Visit(at=at, **given, reasons=reasons, time_to_verdict_ms=row["time_to_verdict_ms"])


def _amendment(row: Row, at: Moment) -> Event:
    names = ("amends", "camera", "was", "verdict", "mask", "mask_score", "by", "model", "delay_ms")
    reasons = tuple(each for each in row["reasons"] if isinstance(each, str))
    return Amendment(at=at, **{name: row[name] for name in names}, reasons=reasons)


def _look(row: Row, at: Moment) -> Event:
    names = ("camera", "faces", "no_mask", "streak", "snapshot")
    return Look(at=at, **{name: row[name] for name in names})


def _alert(row: Row, at: Moment) -> Event:
    names = ("kind", "camera", "sensor", "text", "streak", "value", "snapshot")
    return Alert(at=at, **{name: row[name] for name in names}, deviation=deviation_of(row["deviation"]))


def _fault(row: Row, at: Moment) -> Event:
    return Fault(at=at, component=row["component"], code=row["code"], text=row["text"])


def _reading(row: Row, at: Moment) -> Event:
    quality = Quality(row["quality"]) if row["quality"] in set(Quality) else Quality.STUCK
    return Reading(row["sensor"], row["quantity"], row["value"], row["unit"], at, quality)


_EVENTS: Final[Mapping[str, Callable[[Row, Moment], Event]]] = {
    "visits": _visit,
    "amendments": _amendment,
    "looks": _look,
    "alerts": _alert,
    "faults": _fault,
    "readings": _reading,
}


def _sound(row: Row) -> dict[str, Any]:
    damaged = row.get("damaged", ())
    return {
        name: value
        for name, value in row.items()
        if _COLUMN.get(name, name) not in damaged and name not in (*_COLUMN, "damaged")
    }


def _marks(row: Row) -> dict[str, Any]:
    """What was added to it since it was said."""
    if "amended" in row:
        return {"amended": row["amended"]}
    if "seen" not in row:
        return {}
    return {"seen": None if row["seen"] is None else timestamp(Unix(row["seen"])), "seen_by": row["seen_by"]}
