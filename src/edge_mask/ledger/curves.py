"""Readings as lines: one by one within a day, means beyond it, never more points than a screen has.

readings ──SQL over one index──▶ a line for each sensor and quantity ──▶ points, and the readings not to be believed
hours of series, where the readings are gone ──▶ points in front of these
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Connection

from edge_mask.ledger.figures import Which
from edge_mask.ledger.soundness import is_number, is_time
from edge_mask.redact import legible

if TYPE_CHECKING:
    from edge_mask.ledger.series_curves import Packed

MOST_POINTS: Final = 2016
"""Of one line: two weeks in steps of ten minutes."""
MOST_IN_ALL: Final = 10 * MOST_POINTS
"""Of all lines of one answer together."""
MOST_OUTLIERS: Final = 200
"""Of one line: the newest."""
_DAY = 86400.0
_STEPS: Final = (60, 600, 1800, 3600, 10800, 21600, 86400, 604800, 2592000, 31536000)
"""Seconds."""
_GOOD = "quality = 'good'"
_HAS_SERIES = ("SELECT 1 FROM sqlite_master WHERE name = 'series_hours'", "SELECT 1 FROM series_hours LIMIT 1")
_SOUND = (
    # The plus keeps this from being taken for the period: then the index would be read from its beginning.
    "typeof(wall) IN ('real', 'integer') AND +wall BETWEEN 0 AND 2.5e11 AND typeof(value) IN ('real', 'integer')"
    " AND typeof(sensor) = 'text' AND typeof(quantity) = 'text'"
)


@dataclass(frozen=True, slots=True)
class Point:
    """The readings of one step, or one reading. `mean`, `low` and `high` leave out what is not to be believed."""

    at: float
    """Unix seconds; of a step, its beginning."""
    mean: float | None
    low: float | None
    high: float | None
    count: int
    doubtful: int = 0
    """How many of them are not to be believed."""
    first: float = 0.0
    """When the first of them was read, and the last."""
    last: float = 0.0


@dataclass(frozen=True, slots=True)
class Outlier:
    """A reading that is not to be believed."""

    at: float
    value: float
    quality: str


@dataclass(frozen=True, slots=True)
class Curve:
    """The line of one sensor and quantity, oldest point first."""

    sensor: str
    quantity: str
    unit: str
    step_s: int
    """0: each point is one reading."""
    points: list[Point] = field(default_factory=list)
    newest: tuple[float, float] | None = None
    """When the last good reading was taken, and what it was."""
    outliers: list[Outlier] = field(default_factory=list)


def curves(connection: Connection, since: float, until: float, quantity: str | None = None) -> list[Curve]:
    """All lines of the period, by quantity and sensor; `until` excluded."""
    where, arguments = Which(since=since, until=until).where(_SOUND)
    if quantity is not None:
        where, arguments = f"{where} AND quantity = ?", (*arguments, quantity)
    read = _read(connection, where, arguments)
    packed = _packed(connection, since, until, quantity, read)
    most = min(MOST_POINTS, MOST_IN_ALL // max(1, len({*read, *packed})))
    longest = max((each.readings for each in read.values()), default=0)
    step = _step(until - since, most + 1 if packed else longest, most)
    found = {
        (name, sensor): Curve(
            legible(sensor),
            legible(name),
            each.unit,
            step,
            newest=_newest(connection, where, (*arguments, name, sensor)),
        )
        for (name, sensor), each in read.items()
    }
    for (name, sensor), theirs in packed.items():
        if (name, sensor) not in found:
            found[name, sensor] = Curve(legible(sensor), legible(name), theirs.name.unit, step, newest=theirs.newest)
        found[name, sensor].points.extend(theirs.steps(step))
    for name, sensor, point in _points(connection, where, arguments, step):
        line = found[name, sensor].points
        if step and line and line[-1].at == point.at:  # packed hours end within this step
            line[-1] = _joined(line[-1], point)
        else:
            line.append(point)
    for key in (key for key, each in read.items() if each.doubtful):
        found[key].outliers.extend(_outliers(connection, where, (*arguments, *key)))
    return [found[key] for key in sorted(found)]


@dataclass(frozen=True, slots=True)
class _Read:
    """What is there of one line."""

    readings: int
    doubtful: int | None
    first: float
    unit: str


def _read(connection: Connection, where: str, arguments: tuple[Any, ...]) -> dict[tuple[str, str], _Read]:
    """By quantity and sensor."""
    numbers = f"count(*), sum(NOT ({_GOOD})), min(wall)"
    query = f"SELECT quantity, sensor, {numbers} FROM readings {where} GROUP BY quantity, sensor"
    return {
        (name, sensor): _Read(count, doubtful, first, _unit(connection, where, (*arguments, name, sensor)))
        for name, sensor, count, doubtful, first in connection.exec_driver_sql(query, arguments).all()
    }


def are_packed(connection: Connection, since: float, until: float) -> bool:
    """Whether minutes of series stand where single readings of the period were."""
    read = _read(connection, *Which(since=since, until=until).where(_SOUND))
    return bool(_packed(connection, since, until, None, read))


def _packed(
    connection: Connection, since: float, until: float, quantity: str | None, read: Mapping[tuple[str, str], _Read]
) -> "dict[tuple[str, str], Packed]":
    """By quantity and sensor: what is there from before the readings of the period."""
    if any(connection.exec_driver_sql(query).first() is None for query in _HAS_SERIES):
        return {}
    from edge_mask.ledger.series_curves import packed  # numpy: not without series

    raw: Any = connection.connection.driver_connection
    began = {key: (float(each.first), each.unit) for key, each in read.items()}
    return packed(raw, since, until, quantity, began)


def _joined(first: Point, then: Point) -> Point:
    """Two parts of one step."""
    parts = [(each, each.count - each.doubtful) for each in (first, then) if each.mean is not None]
    total = sum(count for _, count in parts)
    return Point(
        first.at,
        sum((each.mean or 0.0) * count for each, count in parts) / total if total else None,
        min((each.low for each, _ in parts if each.low is not None), default=None),
        max((each.high for each, _ in parts if each.high is not None), default=None),
        first.count + then.count,
        first.doubtful + then.doubtful,
        first.first,
        then.last,
    )


def _step(length: float, longest: int, most: int) -> int:
    if length <= _DAY and longest <= most:
        return 0
    allowed = _STEPS if length <= _DAY else _STEPS[1:]
    return next((step for step in allowed if length / step < most - 1), _STEPS[-1])


def _points(
    connection: Connection, where: str, arguments: tuple[Any, ...], step: int
) -> "list[tuple[str, str, Point]]":
    good = f"CASE WHEN {_GOOD} THEN value END"
    # Whole steps of UTC: the same reading falls into the same step whatever period is asked for.
    at = f"CAST(wall / {step} AS INTEGER) * {step}" if step else "wall"
    group = "GROUP BY at, quantity, sensor" if step else ""
    counts = f"avg({good}), min({good}), max({good}), count(*), coalesce(sum({_GOOD}), 0), min(wall), max(wall)"
    one = f"{good}, {good}, {good}, 1, coalesce({_GOOD}, 0), wall, wall"
    query = f"SELECT quantity, sensor, {at} AS at, {counts if step else one} FROM readings {where} {group} ORDER BY at"
    return [
        (quantity, sensor, Point(at, mean, low, high, count, count - believed, first, last))
        for quantity, sensor, at, mean, low, high, count, believed, first, last in connection.exec_driver_sql(
            query, arguments
        )
    ]


def _outliers(connection: Connection, where: str, arguments: tuple[Any, ...]) -> list[Outlier]:
    query = (
        f"SELECT wall, value, quality FROM readings {where} AND quantity = ? AND sensor = ? AND NOT ({_GOOD})"
        f" ORDER BY wall DESC LIMIT {MOST_OUTLIERS}"
    )
    rows = connection.exec_driver_sql(query, arguments).all()
    return [
        Outlier(at, value, legible(str(quality)))
        for at, value, quality in reversed(rows)
        if is_time(at) and is_number(value)
    ]


def _newest(connection: Connection, where: str, arguments: tuple[Any, ...]) -> tuple[float, float] | None:
    query = (
        f"SELECT wall, value FROM readings {where} AND quantity = ? AND sensor = ? AND {_GOOD}"
        " ORDER BY wall DESC LIMIT 1"
    )
    found = connection.exec_driver_sql(query, arguments).first()
    return None if found is None else (float(found[0]), float(found[1]))


def _unit(connection: Connection, where: str, arguments: tuple[Any, ...]) -> str:
    """As the newest reading has it."""
    query = f"SELECT unit FROM readings {where} AND quantity = ? AND sensor = ? ORDER BY wall DESC LIMIT 1"
    found = connection.exec_driver_sql(query, arguments).scalar()
    return legible(found) if isinstance(found, str) else ""
