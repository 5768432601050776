"""Lists of the history, newest first, a page at a time, while rows arrive and others are erased.

A page begins behind the last row of the page before, by that row's time and id, which its cursor carries. So nothing
comes twice and nothing is left out, whatever is recorded meanwhile; and page 1000 costs as little as page 1.
"""

import base64
import math
import struct
import zlib
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection

from edge_mask.errors import Refused
from edge_mask.ledger.figures import Which
from edge_mask.ledger.shown import COLUMNS, as_shown, known
from edge_mask.ledger.soundness import TIMED, is_text

MOST: Final = 500
"""Rows on one page."""
_LONGEST = 400
"""Characters of a cursor."""
# Ids as bytes: those of a damaged row may be no text, and the list goes on behind it all the same.
_KEY = "coalesce(CAST(id AS BLOB), x'')"


@dataclass(frozen=True, slots=True)
class Page:
    """Rows as `as_shown` makes them, and the cursor of the next page; None on the last."""

    rows: list[dict[str, Any]]
    next: str | None


@dataclass(frozen=True, slots=True)
class _Place:
    """Between two rows."""

    wall: float
    key: bytes


def visits(connection: Connection, which: Which, cursor: str | None, limit: int) -> Page:
    """Raises Refused for a cursor that is none of ours."""
    where, arguments = which.where(TIMED)
    return _page(connection, "visits", where, arguments, cursor, limit)


def beside(connection: Connection, which: Which, visit: str) -> tuple[str | None, str | None]:
    """The ids of the next newer and the next older visit among `which`, as the list has them; None at its end.

    `visit` itself need not be among them. Raises Refused for one that is not there.
    """
    found = connection.exec_driver_sql(f"SELECT wall, {_KEY} FROM visits WHERE id = ? AND {TIMED}", (visit,)).first()
    if found is None:
        raise Refused("there is no such visit")
    place = _Place(float(found[0]), found[1])
    where, arguments = which.where(TIMED)
    newer, older = (
        connection.exec_driver_sql(
            f"SELECT id FROM visits {where} AND wall {sign}= ? AND (wall {sign} ? OR {_KEY} {sign} ?)"
            f" ORDER BY wall {order}, {_KEY} {order} LIMIT 1",
            (*arguments, place.wall, place.wall, place.key),
        ).scalar()
        for sign, order in ((">", "ASC"), ("<", "DESC"))
    )
    return (newer if is_text(newer) else None), (older if is_text(older) else None)


def looks(connection: Connection, which: Which, cursor: str | None, limit: int) -> Page:
    """Of `which` only the period and the camera count. Raises Refused for a cursor that is none of ours."""
    where, arguments = Which(since=which.since, until=which.until, camera=which.camera).where(TIMED)
    return _page(connection, "looks", where, arguments, cursor, limit)


def events(connection: Connection, table: str, cursor: str | None, limit: int, *, unseen: bool = False) -> Page:
    """Alerts or faults, if wished only those that nobody has seen. Raises Refused for a cursor that is none of ours."""
    fresh = "seen IS NULL" if unseen and "NULL AS seen" not in known(connection, table, ("seen",)) else "1"
    return _page(connection, table, f"WHERE {TIMED} AND {fresh}", (), cursor, limit)


def readings(
    connection: Connection, which: Which, quantity: str | None, sensor: str | None, cursor: str | None, limit: int
) -> Page:
    """Single readings. Raises Refused for a cursor that is none of ours."""
    where, arguments = Which(since=which.since, until=which.until).where(TIMED)
    for column, wanted in (("quantity", quantity), ("sensor", sensor)):
        if wanted is not None:
            where, arguments = f"{where} AND {column} = ?", (*arguments, wanted)
    return _page(connection, "readings", where, arguments, cursor, limit)


def _page(
    connection: Connection, table: str, where: str, arguments: tuple[Any, ...], cursor: str | None, limit: int
) -> Page:
    if cursor is not None:
        behind = _read(cursor)
        where += f" AND wall <= ? AND (wall < ? OR {_KEY} < ?)"
        arguments = (*arguments, behind.wall, behind.wall, behind.key)
    limit = max(1, min(limit, MOST))
    query = (
        f"SELECT {known(connection, table, COLUMNS[table])}, {_KEY} AS key FROM {table} {where}"
        f" ORDER BY wall DESC, {_KEY} DESC LIMIT {limit + 1}"
    )
    found = connection.exec_driver_sql(query, arguments).mappings().all()
    rows = [as_shown(table, {name: value for name, value in row.items() if name != "key"}) for row in found[:limit]]
    last = found[limit - 1] if len(found) > limit else None
    return Page(rows, None if last is None else _written(_Place(float(last["wall"]), last["key"])))


# -- cursors ---------------------------------------------------------------------------------------------

_HEAD = struct.Struct("!Id")


def _written(place: _Place) -> str:
    """The checksum tells what was cut off or mistyped; a place that was made up on purpose is only another place."""
    content = _HEAD.pack(0, place.wall)[4:] + place.key[:200]
    return base64.urlsafe_b64encode(zlib.crc32(content).to_bytes(4) + content).decode().rstrip("=")


def _read(cursor: str) -> _Place:
    wrong = Refused("cursor: is none of ours; allowed: the `next` of the page before, unchanged")
    if len(cursor) > _LONGEST or not cursor.isascii():
        raise wrong
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), b"-_", validate=True)
    except ValueError:
        raise wrong from None
    if len(raw) < _HEAD.size:
        raise wrong
    checksum, wall = _HEAD.unpack_from(raw)
    if checksum != zlib.crc32(raw[4:]) or not math.isfinite(wall):
        raise wrong
    return _Place(wall, raw[_HEAD.size :])
