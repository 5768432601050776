"""Reading the database from outside the daemon: the history, its figures, and what waits in the outbox."""

import json
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime, tzinfo
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Select, select
from sqlalchemy.exc import DBAPIError

from edge_mask.errors import DatabaseError
from edge_mask.ledger.database import reason_of
from edge_mask.ledger.outbox import STORED_PRIORITIES
from edge_mask.ledger.shadows import stored
from edge_mask.ledger.tables import PENDING, SET_ASIDE, counters, outbox, totals, visits
from edge_mask.ledger.view import open_reader
from edge_mask.messages import Priority
from edge_mask.shadow import Shadow
from edge_mask.units import Moment

_PAGE = 500
_HEAD = "SELECT wall, mono, boot FROM outbox WHERE state = 0 AND class = ? ORDER BY id LIMIT 1"


class Reader:
    """A read-only view of one database file; usable beside a running daemon. Every method raises DatabaseError."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def visits(self, since: float | None = None, until: float | None = None) -> Iterator[dict[str, Any]]:
        """Stored visits, oldest first; `since` and `until` are Unix seconds, `until` excluded."""
        query = select(visits).order_by(visits.c.wall, visits.c.id)
        if since is not None:
            query = query.where(visits.c.wall >= since)
        if until is not None:
            query = query.where(visits.c.wall < until)
        for row in self._stream(query):
            yield {
                "id": row.id,
                "visited": row.wall,
                "clock_ok": row.synced == 1,
                "camera": row.camera,
                "verdict": row.verdict,
                "ispass": row.ispass,
                "mask": row.mask,
                "mask_score": None if row.mask_score is None else round(row.mask_score, 4),
                "temperature": row.temperature,
                "reasons": json.loads(row.reasons),
                "passed_through": None if row.passed_through is None else bool(row.passed_through),
                "snapshot": row.snapshot,
            }

    def stats(self, zone: tzinfo, since: float | None = None, until: float | None = None) -> dict[str, Any]:
        """People judged, passed and refused: in all, by hour of the site's day (0..23), and by local date."""
        hours = {hour: {"hour": hour, "passed": 0, "refused": 0} for hour in range(24)}
        days: dict[str, dict[str, Any]] = {}
        passed = refused = 0
        for visit in self.visits(since, until):
            local = datetime.fromtimestamp(visit["visited"], zone)
            key = "passed" if visit["ispass"] else "refused"
            hours[local.hour][key] += 1
            day = days.setdefault(
                local.date().isoformat(), {"date": local.date().isoformat(), "passed": 0, "refused": 0}
            )
            day[key] += 1
            passed += visit["ispass"]
            refused += 1 - visit["ispass"]
        return {
            "judged": passed + refused,
            "passed": passed,
            "refused": refused,
            "by_hour": list(hours.values()),
            "by_date": list(days.values()),
        }

    def shadows(self) -> dict[str, Shadow]:
        """Every shadow that this device keeps, by `thing` or `thing/name`."""
        with self._connection() as connection:
            return dict(stored(connection))

    def outbox_status(self, now: Moment, boot: str) -> dict[str, Any]:
        """`{pending, bytes, oldest_s, refused, dropped: {age, space, refused}}` as the contract says."""
        with self._connection() as connection:
            return outbox_status(connection, now, boot)

    def outbox(self, *, refused_only: bool = False) -> Iterator[dict[str, Any]]:
        """The waiting messages in the order in which they leave, and those set aside with the reason."""
        query = select(outbox).order_by(outbox.c.state, outbox.c.priority, outbox.c.id)
        if refused_only:
            query = query.where(outbox.c.state == SET_ASIDE)
        for row in self._stream(query):
            yield {
                "id": row.message_id,
                "destination": row.destination,
                "topic": row.topic,
                "class": Priority(row.priority).name.lower(),
                "state": "refused" if row.state == SET_ASIDE else "pending",
                "reason": row.reason,
                "seen": row.wall,
                "bytes": row.bytes,
                "payload": row.payload,
            }

    def _stream(self, query: Select[Any]) -> Iterator[Any]:
        with self._connection() as connection:
            yield from connection.execution_options(yield_per=_PAGE).execute(query)

    @contextmanager
    def _connection(self) -> Iterator[Connection]:
        try:
            with closing(open_reader(self._path)) as connection:
                yield connection
        except DBAPIError as error:
            raise DatabaseError(f"{self._path}: {reason_of(error)}; try: edge-mask outbox repair") from error


def outbox_status(connection: Connection, now: Moment, boot: str) -> dict[str, Any]:
    """The outbox in five numbers; constant time, whatever waits."""
    by_state = {row.state: row for row in connection.execute(select(totals))}
    drops = {row.name: row.value for row in connection.execute(select(counters))}
    # One look into the index per class: sorting all pending rows by id would cost their number.
    heads = [connection.exec_driver_sql(_HEAD, (int(priority),)).first() for priority in STORED_PRIORITIES]
    # Within one boot the monotonic clock tells the age even when the wall clock was not set.
    ages = [now.mono - h.mono if h.boot == boot else now.wall - h.wall for h in heads if h is not None]
    return {
        "pending": by_state[PENDING].messages,
        "bytes": by_state[PENDING].bytes,
        "oldest_s": round(max(0.0, *ages), 1) if ages else 0.0,
        "refused": by_state[SET_ASIDE].messages,
        "dropped": {name: drops.get(f"dropped_{name}", 0) for name in ("age", "space", "refused")},
    }
