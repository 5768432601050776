"""What each camera saw, hour by hour: looks, looks with a bare face, alerts, visits by verdict.

rows ──SQL──▶ quarters of an hour (the grain of all time zones) ──▶ hours of the site
"""

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import datetime, tzinfo
from typing import Any

from sqlalchemy import Connection

from edge_mask.ledger.figures import JUDGED, SOUND, SPLIT
from edge_mask.ledger.site_time import QUARTER, begin_of
from edge_mask.redact import legible

_COUNTED = {
    "looks": ("count(*), coalesce(sum(no_mask > 0), 0)", "typeof(no_mask) = 'integer'"),
    "alerts": ("count(*), 0", "camera IS NOT NULL"),
    "visits": (SPLIT, JUDGED),
}
"""By table: the two numbers of each quarter, and which rows count."""


@dataclass(slots=True)
class Counts:
    """What one camera saw in some time."""

    looks: int = 0
    no_mask_looks: int = 0
    alerts: int = 0
    passed: int = 0
    refused: int = 0

    def add(self, other: "Counts") -> None:
        """The sum of both."""
        self.looks += other.looks
        self.no_mask_looks += other.no_mask_looks
        self.alerts += other.alerts
        self.passed += other.passed
        self.refused += other.refused


@dataclass(frozen=True, slots=True)
class CameraHour:
    """One hour of the site's calendar at one camera. Of an hour that comes twice, each has its own offset from UTC."""

    camera: str
    begins: datetime
    """In the site's zone."""
    counts: Counts


def camera_hours(connection: Connection, zone: tzinfo, since: float | None, until: float | None) -> list[CameraHour]:
    """Those in which anything happened, by camera and time; `since` and `until` are Unix seconds, `until` excluded."""
    hours: dict[tuple[str, str], CameraHour] = {}
    for camera, quarter, counts in sorted(_quarters(connection, since, until), key=lambda each: each[:2]):
        begins = begin_of("hour", quarter * QUARTER, zone)
        hour = hours.setdefault((camera, begins.isoformat()), CameraHour(camera, begins, Counts()))
        hour.counts.add(counts)
    return list(hours.values())


def by_camera(hours: Iterable[CameraHour]) -> list[dict[str, Any]]:
    """For each camera the sum, and the sums of the 24 hours of the day; both hours that come twice count as one."""
    totals: dict[str, Counts] = {}
    days: dict[str, list[Counts]] = {}
    for each in hours:
        totals.setdefault(each.camera, Counts()).add(each.counts)
        day = days.setdefault(each.camera, [Counts() for _ in range(24)])
        day[each.begins.hour].add(each.counts)
    return [
        {
            "camera": camera,
            **asdict(total),
            "by_hour": [{"hour": hour, **asdict(counts)} for hour, counts in enumerate(days[camera])],
        }
        for camera, total in totals.items()
    ]


def _quarters(connection: Connection, since: float | None, until: float | None) -> Iterator[tuple[str, int, Counts]]:
    bounds = [(test, limit) for test, limit in (("wall >= ?", since), ("wall < ?", until)) if limit is not None]
    limits = tuple(limit for _, limit in bounds)
    for table, (numbers, which) in _COUNTED.items():
        where = " AND ".join((SOUND, which, *(test for test, _ in bounds)))
        query = (
            f"SELECT camera, CAST(wall / {QUARTER} AS INTEGER) AS quarter, {numbers} FROM {table} WHERE {where}"
            " GROUP BY quarter, camera"
        )
        for camera, quarter, first, second in connection.exec_driver_sql(query, limits):
            yield legible(camera), quarter, _counts(table, first, second)


def _counts(table: str, first: int, second: int) -> Counts:
    match table:
        case "looks":
            return Counts(looks=first, no_mask_looks=second)
        case "alerts":
            return Counts(alerts=first)
    return Counts(passed=first, refused=second)
