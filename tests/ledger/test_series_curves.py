"""Lines of readings where the single readings are gone: nothing is lost and nothing comes twice."""

from pathlib import Path

import pytest
from tests.ledger.rows import older
from tests.ledger.series import DAY, FIRST, FLOW, HOUR, START, closed, keep, opened, read, rows, tidy

from edge_mask.ledger.curves import MOST_POINTS
from edge_mask.ledger.reader import Reader
from edge_mask.ledger.series_numbers import SeriesName
from edge_mask.ledger.series_thinning import SeriesBounds
from edge_mask.units import Seconds

RAW = SeriesBounds(raw=Seconds(3 * HOUR))
HALL = SeriesName("hall", "flow", "l/s")


def half_gone(path: Path, hours: int = 10) -> Reader:
    """Two readings a minute, of which only the last three hours are there still; another sensor has no series."""
    with opened(path, RAW) as ledger:
        for hour in range(hours):
            begins = START + hour * HOUR
            read(ledger, *((begins + 30 * n, float(hour)) for n in range(120)))
            read(ledger, *((begins + 60 * n, 100.0) for n in range(60)), name=HALL)
        keep(ledger, closed(FIRST + hours * 60, 5.0), at=START + hours * HOUR)
        tidy(ledger, START + hours * HOUR + 600, mono=1e6)
        keep(ledger, closed(FIRST + hours * 60 + 1, 5.0), at=START + hours * HOUR)
    return Reader(path)


def test_within_a_day_minutes_stand_where_the_readings_are_gone(tmp_path: Path) -> None:
    kept = half_gone(tmp_path / "db")
    [(left,)] = rows(tmp_path / "db", "SELECT count(*) FROM readings WHERE sensor = 'main'")
    assert left == 340, "three hours, up to the whole ten minutes"
    hall, main = kept.curves(START, START + 10 * HOUR)
    assert (main.sensor, main.unit, main.step_s, hall.sensor, hall.step_s) == ("main", "l/s", 60, "hall", 60)
    assert [point.at for point in main.points] == [START + 60 * n for n in range(600)]
    assert [point.mean for point in main.points] == [float(n // 60) for n in range(600)]
    assert {point.count for point in main.points} == {2}
    assert {point.mean for point in hall.points} == {100.0}
    assert main.newest == (START + 10 * HOUR - 30, 9.0)


@pytest.mark.parametrize(("since", "until"), [(0.0, 10.0), (2.5, 3.5), (6.0, 9.5), (9.0, 10.0)])
def test_each_part_of_a_day_is_whole(tmp_path: Path, since: float, until: float) -> None:
    kept = half_gone(tmp_path / "db")
    *_, main = kept.curves(START + since * HOUR, START + until * HOUR)
    assert sum(point.count for point in main.points) == (until - since) * 120


def test_beyond_a_day_summaries_stand_there(tmp_path: Path) -> None:
    kept = half_gone(tmp_path / "db", hours=30)
    [main] = [each for each in kept.curves(START - DAY, START + 2 * DAY) if each.sensor == "main"]
    assert (main.step_s, len(main.points)) == (600, 180)
    assert sum(point.count for point in main.points) == 30 * 120
    assert [(p.mean, p.low, p.high, p.first) for p in main.points[6:8]] == [
        (1.0, 1.0, 1.0, START + HOUR), (1.0, 1.0, 1.0, START + HOUR + 600),
    ]  # fmt: skip
    [year] = [each for each in kept.curves(START - 300 * DAY, START + 65 * DAY) if each.sensor == "main"]
    assert sum(point.count for point in year.points) == 30 * 120
    assert len(year.points) <= MOST_POINTS


def test_a_line_whose_readings_are_all_gone_is_still_there(tmp_path: Path) -> None:
    kept = half_gone(tmp_path / "db")
    [line] = [each for each in kept.curves(START, START + 2 * HOUR) if each.sensor == "main"]
    assert (line.newest, len(line.points), line.unit) == ((START + 2 * HOUR - 60, 1.0), 120, "l/s")
    assert [each.sensor for each in kept.curves(START, START + 2 * HOUR, "flow")] == ["hall", "main"]
    assert kept.curves(START, START + 2 * HOUR, "pressure") == []


def test_a_damaged_hour_is_a_gap_in_the_line(tmp_path: Path) -> None:
    kept = half_gone(tmp_path / "db")
    with opened(tmp_path / "db") as ledger, ledger.file.connection.begin():
        which = "(SELECT id FROM series_hours LIMIT 1 OFFSET 2)"
        ledger.file.connection.exec_driver_sql(f"UPDATE series_hours SET minutes = zeroblob(240) WHERE id = {which}")
    [line] = [each for each in kept.curves(START, START + 5 * HOUR) if each.sensor == FLOW.sensor]
    assert [point.mean for point in line.points[::60]] == [0.0, 1.0, 3.0, 4.0]


def test_a_database_of_before_has_lines_of_readings(tmp_path: Path) -> None:
    with opened(tmp_path / "db") as ledger:
        read(ledger, (START, 1.0), (START + 60, 2.0))
    older(tmp_path / "db", tmp_path / "old", 8)
    [curve] = Reader(tmp_path / "old").curves(START, START + HOUR)
    assert [point.mean for point in curve.points] == [1.0, 2.0]
