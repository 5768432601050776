"""A ledger with series in it, at any time of day."""

import math
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from edge_mask.ledger.bounds import Bounds
from edge_mask.ledger.rows import Batch, event_row
from edge_mask.ledger.series_nouns import MinuteMeans, TenMinutes
from edge_mask.ledger.series_numbers import SeriesName
from edge_mask.ledger.series_reader import reading
from edge_mask.ledger.series_rows import MinuteRow, SeriesRow
from edge_mask.ledger.series_thinning import SeriesBounds
from edge_mask.ledger.writer import Ledger
from edge_mask.messages import Reading
from edge_mask.units import Moment, Seconds, Unix

FLOW = SeriesName("main", "flow", "l/s")
HOUR, DAY = 3600.0, 86400.0
FIRST = 497_230 * 60
"""A minute since 1970 that begins an hour."""
START = FIRST * 60.0


def moment(wall: float, *, synced: bool = True) -> Moment:
    """The monotonic clock began a thousand seconds before START."""
    return Moment(Seconds(1000.0 + wall - START), Unix(wall), synced)


@contextmanager
def opened(path: Path, bounds: SeriesBounds | None = None, boot: str = "boot-1", **more: Any) -> Iterator[Ledger]:
    with closing(Ledger(path, Bounds(**more, series=bounds or SeriesBounds()), boot)) as ledger:
        ledger.open()
        yield ledger


def closed(minute: int, value: float, name: SeriesName = FLOW, count: int = 1) -> MinuteRow:
    return MinuteRow(name, minute, count, value, value - 1.0, value + 1.0, value + 0.5)


def keep(ledger: Ledger, *rows: SeriesRow, at: float = START) -> None:
    ledger.commit(Batch(series=list(rows)), moment(at))


def read(ledger: Ledger, *values: tuple[float, float], name: SeriesName = FLOW, synced: bool = True) -> None:
    """Readings of (Unix seconds, value)."""
    events = []
    for at, value in values:
        now = moment(at) if synced else replace(moment(at, synced=False), wall=Unix(at - START))
        row = event_row(Reading(*name[:2], value, name.unit, now), f"{at:.3f} {value} {name}", ledger._boot)
        assert row is not None
        events.append(row)
    ledger.commit(Batch(events=events), moment(values[-1][0], synced=synced))


def tidy(ledger: Ledger, wall: float, mono: float | None = None) -> None:
    """Housekeeping until nothing is left to do."""
    now = moment(wall) if mono is None else replace(moment(wall), mono=Seconds(mono))
    for _ in range(1000):
        if not ledger.housekeeping(now):
            return
    raise AssertionError("housekeeping has no end")


def minutes(path: Path, since: int | None = None, until: int | None = None, name: SeriesName = FLOW) -> MinuteMeans:
    with reading(path) as reader:
        return reader.minutes(name, since, until)


def summaries(path: Path, since: int | None = None, until: int | None = None, name: SeriesName = FLOW) -> TenMinutes:
    with reading(path) as reader:
        return reader.summaries(name, since, until)


def values(found: MinuteMeans) -> list[float | None]:
    return [None if math.isnan(each) else round(float(each), 3) for each in found.values]


def rows(path: Path, query: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(query).fetchall()
