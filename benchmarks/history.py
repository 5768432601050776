"""What the page asks of a full history, and what its indexes cost.

    python -m benchmarks.history [VISITS]

A year of visits with their records (100,000), and as many readings. Figures, first and thousandth page, filters that
find nothing, and lines are asked of the reader that the daemon has. Size and commits are measured beside a database
with the indexes of before, in turns in one run.
"""

import random
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from unittest.mock import patch
from zoneinfo import ZoneInfo

from edge_mask.ledger.bounds import Bounds
from edge_mask.ledger.figures import Which
from edge_mask.ledger.reader import Reader
from edge_mask.ledger.rows import Batch, event_row
from edge_mask.ledger.writer import Ledger
from edge_mask.messages import Event, Reading, Visit
from edge_mask.units import Moment, Seconds, Unix
from edge_mask.wire.uuid7 import IdMaker

BEGINS = 1_735_689_600.0
YEAR = 365 * 86400.0
ZONE = ZoneInfo("Asia/Seoul")
RECORD = 900
"""Bytes of a usual record."""
PAGE = 50
BEFORE = (
    "DROP INDEX visits_wall", "CREATE INDEX visits_wall ON visits (wall)",
    "DROP INDEX readings_wall", "CREATE INDEX readings_wall ON readings (wall)",
)  # fmt: skip
_REASONS = ((), (), (), (), ("no_mask",), ("fever",), ("no_mask", "fever"))


def main() -> None:
    """Prints a line for each question."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        now, before = folder / "now.db", folder / "before.db"
        for path in (now, before):
            _fill(path, count, indexes_of_before=path == before)
        sizes = {path.stem: path.stat().st_size for path in (now, before)}
        ratio = sizes["now"] / sizes["before"]
        print(f"size: {sizes['now'] / 1e6:.1f} MB, before {sizes['before'] / 1e6:.1f} MB ({ratio:.3f})")
        _ask(Reader(now), count)
        _commits(now, before)


def _fill(path: Path, count: int, *, indexes_of_before: bool) -> None:
    dice, ids = random.Random(27), IdMaker()
    with closing(Ledger(path, Bounds(), "boot")) as ledger:
        ledger.open()
        if indexes_of_before:
            with ledger.file.connection.begin():
                for statement in BEFORE:
                    ledger.file.connection.exec_driver_sql(statement)
        for events in _groups(_history(dice, count), 5000):
            ledger.commit(_batch(events, ids), events[-1].at)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _history(dice: random.Random, count: int) -> Iterator[Event]:
    for number in range(count):
        at = _moment(BEGINS + YEAR * (number + dice.random()) / count)
        reasons = dice.choice(_REASONS)
        yield Visit(
            at=at, camera=dice.choice(("front", "back")), verdict="no_pass" if reasons else "pass", mask="mask",
            mask_score=0.98, temperature=36.5, reasons=reasons, record=dice.randbytes(RECORD), time_to_verdict_ms=800,
        )  # fmt: skip
        yield Reading("forehead", "temperature", 36 + dice.random(), "C", at)


def _moment(wall: float) -> Moment:
    return Moment(Seconds(wall - BEGINS), Unix(wall))


def _groups(events: Iterator[Event], size: int) -> Iterator[list[Event]]:
    group: list[Event] = []
    for event in events:
        group.append(event)
        if len(group) == size:
            yield group
            group = []
    if group:
        yield group


def _batch(events: list[Event], ids: IdMaker) -> Batch:
    rows = [event_row(event, ids.make(event.at), "boot") for event in events]
    return Batch(events=[row for row in rows if row is not None])


# -- questions -------------------------------------------------------------------------------------------


def _ask(reader: Reader, count: int) -> None:
    year = Which(since=BEGINS, until=BEGINS + YEAR)
    month = Which(since=BEGINS + YEAR - 30 * 86400, until=BEGINS + YEAR)
    pages = min(1000, count // PAGE)
    cursor = _cursor(reader, pages)
    questions: dict[str, Callable[[], object]] = {
        "summary of all": lambda: reader.summary(Which()),
        "hours of the day, dates of all": lambda: reader.stats(ZONE),
        "days of the year": lambda: reader.bars(ZONE, year, "day"),
        "hours of a month": lambda: reader.bars(ZONE, month, "hour"),
        "page 1": lambda: reader.visit_page(Which(), None, PAGE),
        f"page {pages}": lambda: reader.visit_page(Which(), cursor, PAGE),
        "a reason that nobody had": lambda: reader.visit_page(Which(reason="still"), None, PAGE),
        "a camera that is not there": lambda: reader.visit_page(Which(camera="yard"), None, PAGE),
        "readings of the year": lambda: reader.curves(BEGINS, BEGINS + YEAR),
        "readings of a day": lambda: reader.curves(BEGINS + YEAR - 86400, BEGINS + YEAR),
    }
    for what, ask in questions.items():
        print(f"{what}: {_median(ask, 5) * 1000:.1f} ms")


def _cursor(reader: Reader, pages: int) -> str | None:
    cursor = None
    for _ in range(pages - 1):
        cursor = reader.visit_page(Which(), cursor, PAGE).next
    return cursor


def _median(ask: Callable[[], object], times: int) -> float:
    took = []
    for _ in range(times):
        began = time.perf_counter()
        ask()
        took.append(time.perf_counter() - began)
    return statistics.median(took)


# -- commits ---------------------------------------------------------------------------------------------


def _commits(now: Path, before: Path, rounds: int = 300) -> None:
    """A visit and a reading in each commit, with its fsync; in turns, so that both meet the same neighbours."""
    took: dict[Path, list[float]] = {now: [], before: []}
    dice, ids = random.Random(28), IdMaker()
    with closing(Ledger(now, Bounds(), "boot")) as first, closing(Ledger(before, Bounds(), "boot")) as second:
        for ledger in (first, second):
            _open_as_it_is(ledger)
        for number in range(rounds):
            at = _moment(BEGINS + YEAR + number)
            events = [*_history(dice, 1)]
            for path, ledger in sorted(((now, first), (before, second)), key=lambda _each: dice.random()):
                batch = _batch(events, ids)
                began = time.process_time_ns()
                ledger.commit(batch, at)
                took[path].append((time.process_time_ns() - began) / 1e6)
    medians = {path.stem: statistics.median(each) for path, each in took.items()}
    ratio = medians["now"] / medians["before"]
    print(f"processor time of a commit: {medians['now']:.3f} ms, before {medians['before']:.3f} ms ({ratio:.3f})")


def _open_as_it_is(ledger: Ledger) -> None:
    """The indexes of before are wanted here, and are damage otherwise."""
    with patch("edge_mask.ledger.connections.lacking", lambda _database: []):
        ledger.open()


if __name__ == "__main__":
    main()
