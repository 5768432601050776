"""Reading the database from outside the daemon: the history, its figures, and what waits in the outbox.

A damaged row is shown, too: wrong values as they are, and `damaged` names their columns.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import datetime, tzinfo
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, RowMapping

from edge_mask.errors import DatabaseError
from edge_mask.ledger.connections import as_database_error, open_reader
from edge_mask.ledger.hours import CameraHour, camera_hours
from edge_mask.ledger.outbox import STORED_PRIORITIES
from edge_mask.ledger.schema import PENDING, SET_ASIDE
from edge_mask.ledger.shadows import stored
from edge_mask.ledger.soundness import damaged_columns, is_number, is_time, is_whole
from edge_mask.messages import Priority
from edge_mask.redact import legible
from edge_mask.shadow import Shadow
from edge_mask.units import Moment

_PAGE = 500
_VISIT = (
    "id", "wall", "mono", "synced", "boot", "camera", "verdict", "ispass", "mask", "mask_score", "temperature",
    "reasons", "passed_through", "snapshot", "time_to_verdict_ms",
)  # fmt: skip
"""All of a visit but its record, which takes more room than the rest."""
_HEAD = "SELECT wall, mono, boot FROM outbox WHERE state = 0 AND class = ? ORDER BY id LIMIT 1"
_PRIORITIES: Mapping[Any, str] = {int(priority): priority.name.lower() for priority in Priority}
NOT_TOLD = ("expired", "cool_down", "quiet", "nobody", "unsubscribed", "no_target")
"""Why a notification was not sent; names of counters behind `notify_`."""
_STATES: Mapping[Any, str] = {PENDING: "pending", SET_ASIDE: "refused"}


class Reader:
    """A read-only view of one database file; usable beside a running daemon. Methods raise DatabaseError."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def visits(self, since: float | None = None, until: float | None = None) -> Iterator[dict[str, Any]]:
        """Stored visits, oldest first; `since` and `until` are Unix seconds, `until` excluded."""
        yield from map(_visit, self._stream(f"SELECT {self._known(_VISIT)} FROM visits", since, until))

    def visit(self, visit: str) -> tuple[dict[str, Any], bytes | None] | None:
        """One stored visit and its record; None when there is no such visit.

        The record is None in rows of earlier versions, and empty when there is something else in its place.
        """
        query = f"SELECT {self._known((*_VISIT, 'record'))} FROM visits WHERE id = ?"
        with self._connection() as connection:
            found = connection.exec_driver_sql(query, (visit,)).mappings().one_or_none()
        if found is None:
            return None
        row = dict(found)
        record = row.pop("record")
        return _visit(row), record if record is None or isinstance(record, bytes) else b""

    def stats(self, zone: tzinfo, since: float | None = None, until: float | None = None) -> dict[str, Any]:
        """People judged, passed and refused: in all, by hour of the site's day (0..23), and by local date.

        Damaged visits are not counted; `damaged` is their number, absent when there are none.
        """
        hours = {hour: {"hour": hour, "passed": 0, "refused": 0} for hour in range(24)}
        days: dict[str, dict[str, Any]] = {}
        passed = refused = damaged = 0
        for row in self._stream("SELECT wall, ispass FROM visits", since, until):
            if damaged_columns("visits", row):
                damaged += 1
                continue
            local = datetime.fromtimestamp(row["wall"], zone)
            key = "passed" if row["ispass"] else "refused"
            hours[local.hour][key] += 1
            date = local.date().isoformat()
            days.setdefault(date, {"date": date, "passed": 0, "refused": 0})[key] += 1
            passed += row["ispass"]
            refused += 1 - row["ispass"]
        return {
            "judged": passed + refused,
            "passed": passed,
            "refused": refused,
            "by_hour": list(hours.values()),
            "by_date": list(days.values()),
            **({"damaged": damaged} if damaged else {}),
        }

    def camera_hours(self, zone: tzinfo, since: float | None = None, until: float | None = None) -> list[CameraHour]:
        """What each camera saw in each hour of the site's calendar."""
        with self._connection() as connection:
            return camera_hours(connection, zone, since, until)

    def judged(self, since: float) -> dict[str, int]:
        """How many visitors passed and were refused since that Unix time; cheap enough to be asked again and again."""
        query = "SELECT ispass, count(*) FROM visits WHERE wall >= ? GROUP BY ispass"
        with self._connection() as connection:
            counts: dict[Any, int] = {row[0]: row[1] for row in connection.exec_driver_sql(query, (since,))}
        return {"passed": counts.get(1, 0), "refused": counts.get(0, 0)}

    def shadows(self) -> dict[str, Shadow]:
        """Every shadow that this device keeps, by `thing` or `thing/name`."""
        with self._connection() as connection:
            return dict(stored(connection))

    def has_fault(self, component: str, text: str) -> bool:
        """Whether the history holds this report already. False while it cannot be read."""
        query = "SELECT 1 FROM faults WHERE component = ? AND text = ? LIMIT 1"
        try:
            with self._connection() as connection:
                return connection.exec_driver_sql(query, (component, text)).first() is not None
        except DatabaseError:
            return False

    def outbox_status(self, now: Moment, boot: str) -> dict[str, Any]:
        """`{pending, bytes, oldest_s, refused, dropped: {age, space, refused}}`, and `not_told` when notifications were
        not sent."""
        with self._connection() as connection:
            return outbox_status(connection, now, boot)

    def outbox(self, *, refused_only: bool = False) -> Iterator[dict[str, Any]]:
        """The waiting messages in the order of sending, and those set aside with the reason."""
        where = f"WHERE state = {SET_ASIDE} AND 0 = ?" if refused_only else "WHERE 0 = ?"
        for row in self._pages(f"SELECT * FROM outbox {where} ORDER BY state, class, id", (0,)):
            shown = {name: _shown(value) for name, value in row.items()}
            damaged = damaged_columns("outbox", row)
            yield {
                "id": shown["message_id"],
                "destination": shown["destination"],
                "topic": shown["topic"],
                "class": _PRIORITIES.get(row["class"], shown["class"]),
                "state": _STATES.get(row["state"], shown["state"]),
                "reason": shown["reason"],
                "seen": shown["wall"],
                "bytes": shown["bytes"],
                "payload": row["payload"] if isinstance(row["payload"], bytes) else shown["payload"],
                **({"damaged": damaged} if damaged else {}),
            }

    def _known(self, columns: Iterable[str]) -> str:
        """These columns of a visit; a file that no daemon has opened since an update lacks the new ones."""
        with self._connection() as connection:
            there = {row[1] for row in connection.exec_driver_sql("PRAGMA table_info(visits)")}
        return ", ".join(name if name in there else f"NULL AS {name}" for name in columns)

    def _stream(self, query: str, since: float | None, until: float | None) -> Iterator[RowMapping]:
        bounds = [(test, limit) for test, limit in (("wall >= ?", since), ("wall < ?", until)) if limit is not None]
        where = f"WHERE {' AND '.join(test for test, _ in bounds)}" if bounds else ""
        yield from self._pages(f"{query} {where} ORDER BY wall, id", tuple(limit for _, limit in bounds))

    def _pages(self, query: str, arguments: tuple[float, ...]) -> Iterator[RowMapping]:
        with self._connection() as connection:
            streaming = connection.execution_options(yield_per=_PAGE)
            yield from streaming.exec_driver_sql(query, arguments).mappings()

    @contextmanager
    def _connection(self) -> Iterator[Connection]:
        with (
            as_database_error(self._path, "; try: edge-mask outbox repair"),
            closing(open_reader(self._path)) as connection,
        ):
            yield connection


def _visit(row: Mapping[Any, Any]) -> dict[str, Any]:
    damaged = damaged_columns("visits", row)
    visit = {name: _shown(value) for name, value in row.items()}
    return {
        "id": visit["id"],
        "visited": visit["wall"],
        "clock_ok": row["synced"] == 1,
        **{name: visit[name] for name in ("camera", "verdict", "ispass", "mask")},
        "mask_score": round(row["mask_score"], 4) if is_number(row["mask_score"]) else visit["mask_score"],
        "temperature": visit["temperature"],
        "reasons": [visit["reasons"]] if "reasons" in damaged else json.loads(row["reasons"]),
        "passed_through": bool(row["passed_through"]) if row["passed_through"] in (0, 1) else None,
        "snapshot": visit["snapshot"],
        "time_to_verdict_ms": visit["time_to_verdict_ms"],
        **({"damaged": damaged} if damaged else {}),
    }


def outbox_status(connection: Connection, now: Moment, boot: str) -> dict[str, Any]:
    """The outbox in five numbers, in constant time. A damaged number counts as 0."""
    totals = {
        state: (_whole(messages), _whole(size))
        for state, messages, size in connection.exec_driver_sql("SELECT state, messages, bytes FROM totals")
    }
    drops = {name: _whole(value) for name, value in connection.exec_driver_sql("SELECT name, value FROM counters")}
    # One look into the index per class: sorting all pending rows by id would cost their number.
    heads = [connection.exec_driver_sql(_HEAD, (int(priority),)).first() for priority in STORED_PRIORITIES]
    # Within one boot the monotonic clock tells the age even when the wall clock was not set.
    ages = [
        now.mono - head.mono if head.boot == boot else now.wall - head.wall
        for head in heads
        if head is not None and is_time(head.wall) and is_number(head.mono)
    ]
    pending, size = totals.get(PENDING, (0, 0))
    not_told = {name: drops.get(f"notify_{name}", 0) for name in NOT_TOLD}
    return {
        "pending": pending,
        "bytes": size,
        "oldest_s": round(max(0.0, *ages), 1) if ages else 0.0,
        "refused": totals.get(SET_ASIDE, (0, 0))[0],
        "dropped": {name: drops.get(f"dropped_{name}", 0) for name in ("age", "space", "refused")},
        **({"not_told": not_told} if any(not_told.values()) else {}),
    }


def _whole(value: Any) -> int:
    return value if is_whole(value) else 0


def _shown(value: Any) -> Any:
    """A value that text and JSON can hold."""
    if isinstance(value, bytes):
        return f"bytes {value[:100].hex(' ')}"
    if isinstance(value, str):
        return legible(value)
    return value if value is None or is_number(value) else str(value)
