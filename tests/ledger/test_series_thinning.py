"""What goes of series, and what does not: a little at a time, by age and by room."""

import logging
from pathlib import Path

import pytest
from tests.ledger.rows import older
from tests.ledger.series import (
    DAY,
    FIRST,
    FLOW,
    HOUR,
    START,
    closed,
    keep,
    minutes,
    moment,
    opened,
    read,
    rows,
    tidy,
    values,
)

from edge_mask.ledger.rows import Batch
from edge_mask.ledger.series_numbers import SeriesName
from edge_mask.ledger.series_thinning import SeriesBounds
from edge_mask.ledger.writer import Ledger
from edge_mask.units import Bytes, Seconds

HALL = SeriesName("hall", "flow", "l/s")
LINE = SeriesName("line-001", "flow", "l/s")
SHORT = SeriesBounds(raw=Seconds(2 * HOUR), keep=Seconds(10 * HOUR))


def left(path: Path, name: SeriesName = FLOW) -> int:
    return int(rows(path, f"SELECT count(*) FROM readings WHERE sensor = '{name.sensor}'")[0][0])


def hours(path: Path) -> int:
    return int(rows(path, "SELECT count(*) FROM series_hours")[0][0])


def sizes(path: Path) -> dict[str, int]:
    return dict(rows(path, "SELECT name, bytes FROM history"))


def day_of(ledger: Ledger, count: int, *names: SeriesName) -> None:
    """A reading a minute for so many hours, and minutes of the first."""
    for hour in range(count):
        for name in names:
            read(ledger, *((START + hour * HOUR + 60 * n, float(hour)) for n in range(60)), name=name)
    keep(ledger, closed(FIRST + count * 60, 1.0, names[0]), at=START + count * HOUR)


def test_only_readings_of_series_go_before_the_history_does(tmp_path: Path) -> None:
    path = tmp_path / "db"
    with opened(path, SHORT) as ledger:
        day_of(ledger, 5, FLOW, HALL)
        tidy(ledger, START + 5 * HOUR + 600, mono=1e6)
        assert (left(path), left(path, HALL)) == (2 * 60 - 10, 5 * 60)
        assert values(minutes(path))[:300:60] == [0.0, 1.0, 2.0, 3.0, 4.0]


def test_readings_wait_until_their_hour_is_packed(tmp_path: Path) -> None:
    path = tmp_path / "db"
    with opened(path, SeriesBounds(raw=Seconds(60.0))) as ledger:
        day_of(ledger, 2, FLOW)
        tidy(ledger, START + 2 * HOUR + 200, mono=1e6)
        assert left(path) == 60
        tidy(ledger, START + 2 * HOUR + 301, mono=1e6)
        assert left(path) == 0


def test_what_one_step_deletes_is_little(tmp_path: Path) -> None:
    path = tmp_path / "db"
    with opened(path, SHORT) as ledger:
        day_of(ledger, 30, FLOW)
        tidy(ledger, START)  # nothing is old yet
        before, steps = left(path), 0
        while ledger.housekeeping(moment(START + 30 * HOUR + 600)):
            assert before - left(path) <= 300
            before, steps = left(path), steps + 1
        assert steps > 4


def test_hours_older_than_they_are_kept_go(tmp_path: Path) -> None:
    path = tmp_path / "db"
    with opened(path, SHORT) as ledger:
        day_of(ledger, 30, FLOW)
        tidy(ledger, START + 30 * HOUR + 600)
        assert minutes(path).first == FIRST + 20 * 60
        assert hours(path) == 10


def test_a_sensor_that_is_no_series_any_more_keeps_its_readings(tmp_path: Path) -> None:
    path = tmp_path / "db"
    with opened(path, SHORT) as ledger:
        keep(ledger, closed(FIRST, 1.0), closed(FIRST, 1.0, LINE))
        day_of(ledger, 5, FLOW, LINE)
    with opened(path, SeriesBounds(raw=SHORT.raw, sensors=frozenset({"line"})), boot="boot-2") as ledger:
        tidy(ledger, START + 5 * HOUR + 600)
        assert (left(path), left(path, LINE)) == (300, 110)


def test_readings_of_a_clock_that_was_never_set_stay(tmp_path: Path) -> None:
    path = tmp_path / "db"
    with opened(path, SHORT) as ledger:
        keep(ledger, closed(FIRST, 1.0))
        read(ledger, *((START + 60 * n, 1.0) for n in range(10)), synced=False)
        assert not ledger.housekeeping(moment(START, synced=False))
    with opened(path, SHORT, boot="boot-2") as ledger:
        tidy(ledger, START + 5 * DAY)
        assert left(path) == 10


def test_the_bound_of_the_history_takes_readings_then_hours_then_visits(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "db"
    with opened(path) as ledger:
        day_of(ledger, 200, FLOW)
        keep(ledger, closed(FIRST, 1.0, HALL))
        tidy(ledger, START + 200 * HOUR + 600)
        assert sizes(path)["series_hours"] == 420 * hours(path) > 200 * 420
    with opened(path, history_bytes=Bytes(60_000), boot="boot-2") as ledger, caplog.at_level(logging.WARNING):
        tidy(ledger, START + 200 * HOUR + 660)
        assert sum(sizes(path).values()) <= 60_000
        assert left(path) == 0
        assert hours(path) == 60_000 // 420, "no more than it needs"
        assert minutes(path).first > FIRST + 50 * 60, "the oldest went"
        assert "history.max_bytes" in caplog.text
    with opened(path, history_bytes=Bytes(0), boot="boot-2") as ledger:
        tidy(ledger, START + 200 * HOUR + 660)
        assert hours(path) == 0


def test_what_the_hours_are_said_to_take_is_about_what_they_take(tmp_path: Path) -> None:
    path = tmp_path / "db"
    names = [SeriesName("s", f"q{n}", "C") for n in range(10)]
    with opened(path) as ledger:
        rows(path, "PRAGMA wal_checkpoint(TRUNCATE)")
        empty = path.stat().st_size
        for day in range(10):
            minute = FIRST + day * 1440
            some = [
                closed(minute + hour * 60 + n, 1.0, name)
                for hour in range(24)
                for n in range(0, 60, 20)
                for name in names
            ]
            keep(ledger, *some, at=minute * 60.0)
            tidy(ledger, (minute + 1440) * 60.0 + 600)
        said = sizes(path)["series_hours"]
        ledger.file.shrink()
        rows(path, "PRAGMA wal_checkpoint(TRUNCATE)")
        free = rows(path, "PRAGMA freelist_count")[0][0] * 4096
        assert 0.75 < said / (path.stat().st_size - empty - free) < 1.25


def test_a_database_of_an_earlier_version_gets_series(tmp_path: Path) -> None:
    new, old = tmp_path / "db", tmp_path / "old"
    with opened(new) as ledger:
        read(ledger, *((START + 60 * n, float(n)) for n in range(60)))
    for version in (2, 8):
        old.unlink(missing_ok=True)
        older(new, old, version)
        with opened(old, boot="boot-2") as ledger:
            keep(ledger, closed(FIRST + 60, 60.0), at=START + HOUR)
            tidy(ledger, START + 3 * HOUR)
            assert values(minutes(old)) == [float(n) for n in range(61)]


def test_what_only_rolled_back_is_tried_again(tmp_path: Path) -> None:
    path = tmp_path / "db"
    with opened(path) as ledger:
        ledger.file.connection.exec_driver_sql("PRAGMA max_page_count = 1").all()
        ledger.file.connection.commit()
        batch = Batch(series=[closed(FIRST + n, float(n), SeriesName(f"s{n}", "q", "C")) for n in range(500)])
        with pytest.raises(Exception, match="full"):
            ledger.commit(batch, moment(START))
        assert rows(path, "SELECT count(*) FROM series") == [(0,)]
        ledger.file.connection.exec_driver_sql("PRAGMA max_page_count = 100000").all()
        ledger.file.connection.commit()
        ledger.commit(batch, moment(START))
        assert rows(path, "SELECT (SELECT count(*) FROM series), (SELECT count(*) FROM series_minutes)") == [(500, 500)]
        assert values(minutes(path, name=SeriesName("s7", "q", "C"))) == [7.0]
