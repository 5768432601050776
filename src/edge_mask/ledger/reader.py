"""Reading the database from outside the daemon: the history, its figures, and what waits in the outbox.

A damaged row is shown, too: wrong values as they are, and `damaged` names their columns.
"""

from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import tzinfo
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, RowMapping

from edge_mask.errors import DatabaseError
from edge_mask.ledger import curves, figures, pages, seen
from edge_mask.ledger.connections import as_database_error, open_reader
from edge_mask.ledger.curves import Curve
from edge_mask.ledger.figures import Bar, Which
from edge_mask.ledger.hours import CameraHour, camera_hours
from edge_mask.ledger.outbox import OutboxStatus, outbox_status
from edge_mask.ledger.pages import Page
from edge_mask.ledger.schema import PENDING, SET_ASIDE
from edge_mask.ledger.seen import Table
from edge_mask.ledger.shadows import stored
from edge_mask.ledger.shown import COLUMNS, as_shown, known, shown
from edge_mask.ledger.site_time import Unit
from edge_mask.ledger.soundness import damaged_columns, is_text
from edge_mask.messages import Priority
from edge_mask.shadow import Shadow
from edge_mask.units import Moment

_ADVICE = "; try: edge-mask outbox repair"
_PAGE = 500
_WITH_PICTURES = ("visits", "alerts", "looks")
_PRIORITIES: Mapping[Any, str] = {int(priority): priority.name.lower() for priority in Priority}
_STATES: Mapping[Any, str] = {PENDING: "pending", SET_ASIDE: "refused"}


class Reader:
    """A read-only view of one database file; usable beside a running daemon. Methods raise DatabaseError."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def visits(self, since: float | None = None, until: float | None = None) -> Iterator[dict[str, Any]]:
        """Stored visits, oldest first; `since` and `until` are Unix seconds, `until` excluded."""
        yield from (
            as_shown("visits", row) for row in self._stream(f"SELECT {self._visit_columns()} FROM visits", since, until)
        )

    def visit(self, visit: str) -> tuple[dict[str, Any], bytes | None] | None:
        """One stored visit and its record; None when there is no such visit.

        The record is None in rows of earlier versions, and empty when there is something else in its place.
        """
        query = f"SELECT {self._visit_columns('record')} FROM visits WHERE id = ?"
        with self._connection() as connection:
            found = connection.exec_driver_sql(query, (visit,)).mappings().one_or_none()
        if found is None:
            return None
        row = dict(found)
        record = row.pop("record")
        return as_shown("visits", row), record if record is None or isinstance(record, bytes) else b""

    def amendments(self, visit: str) -> list[dict[str, Any]]:
        """What second looks said of a visit, in the order in which they came; mostly none, or one."""
        with self._connection() as connection:
            names = known(connection, "amendments", COLUMNS["amendments"])
            if "NULL AS id" in names:  # a file that no daemon has opened since an update
                return []
            query = f"SELECT {names} FROM amendments WHERE amends = ? ORDER BY wall, id"
            return [as_shown("amendments", row) for row in connection.exec_driver_sql(query, (visit,)).mappings().all()]

    def stats(self, zone: tzinfo, since: float | None = None, until: float | None = None) -> dict[str, Any]:
        """People judged, passed and refused: in all, by hour of the site's day (0..23), and by local date.

        Damaged visits are not counted; `damaged` is their number, absent when there are none.
        """
        with self._connection() as connection:
            return figures.stats(connection, zone, Which(since=since, until=until))

    def summary(self, which: Which) -> dict[str, Any]:
        """`{judged, passed, refused, by_reason, by_camera}`; see `figures.summary`."""
        with self._connection() as connection:
            return figures.summary(connection, which)

    def bars(self, zone: tzinfo, which: Which, unit: Unit) -> list[Bar]:
        """Passed and refused by hour, day or week of the site. Raises Refused for too many of them."""
        with self._connection() as connection:
            return figures.bars(connection, zone, which, unit)

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

    # -- lists, newest first -----------------------------------------------------------------------------

    def visit_page(self, which: Which, cursor: str | None = None, limit: int = 50) -> Page:
        """Raises Refused for a cursor that is none of ours."""
        with self._connection() as connection:
            return pages.visits(connection, which, cursor, limit)

    def beside(self, which: Which, visit: str) -> tuple[str | None, str | None]:
        """The next newer and the next older visit of that list. Raises Refused for a visit that is not there."""
        with self._connection() as connection:
            return pages.beside(connection, which, visit)

    def amendment_page(self, cursor: str | None = None, limit: int = 50) -> Page:
        """What second looks said. Raises Refused for a cursor that is none of ours."""
        with self._connection() as connection:
            return pages.events(connection, "amendments", cursor, limit)

    def look_page(self, which: Which, cursor: str | None = None, limit: int = 50) -> Page:
        """Looks of rooms; of `which` only the period and the camera count. Raises Refused for a cursor that is none of
        ours."""
        with self._connection() as connection:
            return pages.looks(connection, which, cursor, limit)

    def event_page(self, table: Table, cursor: str | None = None, limit: int = 50, *, unseen: bool = False) -> Page:
        """Alerts or faults. Raises Refused for a cursor that is none of ours."""
        with self._connection() as connection:
            return pages.events(connection, table, cursor, limit, unseen=unseen)

    def reading_page(
        self, which: Which, quantity: str | None, sensor: str | None, cursor: str | None = None, limit: int = 50
    ) -> Page:
        """Single readings; of `which` only the period counts. Raises Refused for a cursor that is none of ours."""
        with self._connection() as connection:
            return pages.readings(connection, which, quantity, sensor, cursor, limit)

    def unseen(self, table: Table) -> int:
        """How many alerts or faults nobody has seen; 1000 stands for more."""
        with self._connection() as connection:
            return seen.unseen(connection, table)

    def curves(self, since: float, until: float, quantity: str | None = None) -> list[Curve]:
        """The readings of each sensor and quantity as a line."""
        with self._connection() as connection:
            return curves.curves(connection, since, until, quantity)

    def are_packed(self, since: float, until: float) -> bool:
        """Whether readings of that time are gone, and only their minutes are there still."""
        with self._connection() as connection:
            return curves.are_packed(connection, since, until)

    def picture(self, event: str) -> str | None:
        """The file name of the picture of a visit, alert or look, by its id; the file may be gone."""
        with self._connection() as connection:
            for table in _WITH_PICTURES:
                query = f"SELECT snapshot FROM {table} WHERE id = ?"
                name = connection.exec_driver_sql(query, (event,)).scalar()
                if is_text(name):
                    return str(name)
        return None

    # -- the rest ----------------------------------------------------------------------------------------

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

    def outbox_status(self, now: Moment, boot: str) -> OutboxStatus:
        """Raises DatabaseError."""
        with self._connection() as connection:
            return outbox_status(connection, now, boot)

    def outbox(self, *, refused_only: bool = False) -> Iterator[dict[str, Any]]:
        """The waiting messages in the order of sending, and those set aside with the reason."""
        where = f"WHERE state = {SET_ASIDE} AND 0 = ?" if refused_only else "WHERE 0 = ?"
        for row in self._pages(f"SELECT * FROM outbox {where} ORDER BY state, class, id", (0,)):
            told = {name: shown(value) for name, value in row.items()}
            damaged = damaged_columns("outbox", row)
            yield {
                "id": told["message_id"],
                "destination": told["destination"],
                "topic": told["topic"],
                "class": _PRIORITIES.get(row["class"], told["class"]),
                "state": _STATES.get(row["state"], told["state"]),
                "reason": told["reason"],
                "seen": told["wall"],
                "bytes": told["bytes"],
                "payload": row["payload"] if isinstance(row["payload"], bytes) else told["payload"],
                **({"damaged": damaged} if damaged else {}),
            }

    def _visit_columns(self, *more: str) -> str:
        with self._connection() as connection:
            return known(connection, "visits", (*COLUMNS["visits"], *more))

    def _stream(self, query: str, since: float | None, until: float | None) -> Iterator[RowMapping]:
        bounds = [(test, limit) for test, limit in (("wall >= ?", since), ("wall < ?", until)) if limit is not None]
        where = f"WHERE {' AND '.join(test for test, _ in bounds)}" if bounds else ""
        yield from self._pages(f"{query} {where} ORDER BY wall, id", tuple(limit for _, limit in bounds))

    def _pages(self, query: str, arguments: tuple[float, ...]) -> Iterator[RowMapping]:
        with self._connection() as connection:
            streaming = connection.execution_options(yield_per=_PAGE)
            yield from streaming.exec_driver_sql(query, arguments).mappings()

    @contextmanager
    def held(self) -> Iterator["Reader"]:
        """The same by one connection, for what is asked together: it sees one state of the file. One thread uses it,
        and soon leaves: meanwhile the WAL cannot be checkpointed."""
        with self._connection() as connection:
            yield _Held(self._path, connection)

    @contextmanager
    def _connection(self) -> Iterator[Connection]:
        with (
            as_database_error(self._path, _ADVICE),
            closing(open_reader(self._path)) as connection,
        ):
            yield connection


class _Held(Reader):
    """On a connection that others close."""

    def __init__(self, path: Path, connection: Connection) -> None:
        super().__init__(path)
        self._lent = connection

    @contextmanager
    def _connection(self) -> Iterator[Connection]:
        with as_database_error(self._path, _ADVICE):
            yield self._lent
