"""Readings as lines: no reading is lost in them, none that is not to be believed moves them, and they have an end."""

import sqlite3
from collections import Counter
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from tests.ledger.rows import BOOT, batch, moment, reading

from edge_mask.ledger.bounds import Bounds
from edge_mask.ledger.curves import MOST_POINTS
from edge_mask.ledger.reader import Reader
from edge_mask.ledger.writer import Ledger
from edge_mask.messages import Quality, Reading

DAY = 86400.0
START = moment().wall


def record(path: Path, *readings: Reading) -> Reader:
    with closing(Ledger(path, Bounds(), BOOT)) as ledger:
        ledger.open()
        ledger.commit(batch(events=tuple((f"r{n}", each) for n, each in enumerate(readings))), moment())
    return Reader(path)


def test_within_a_day_each_reading_is_a_point(tmp_path: Path) -> None:
    kept = record(
        tmp_path / "db",
        *(reading(20.0 + n, moment(n * 60)) for n in range(5)),
        replace(reading(99.0, moment(150)), quality=Quality.OUT_OF_RANGE),
        replace(reading(3.0, moment(10)), sensor="hall", quantity="flow", unit="m3/h"),
    )
    flow, forehead = kept.curves(START, START + DAY)
    assert (flow.sensor, flow.quantity, flow.unit, flow.step_s, len(flow.points)) == ("hall", "flow", "m3/h", 0, 1)
    assert [point.mean for point in forehead.points] == [20.0, 21.0, 22.0, None, 23.0, 24.0]
    assert [(each.at, each.value, each.quality) for each in forehead.outliers] == [
        (moment(150).wall, 99.0, "out_of_range")
    ]
    assert [each.sensor for each in kept.curves(START, START + DAY, "flow")] == ["hall"]
    assert [len(each.points) for each in kept.curves(START + 60, START + 180, "temperature")] == [3]


def test_beyond_a_day_a_point_is_the_mean_of_ten_minutes(tmp_path: Path) -> None:
    begins = START // 600 * 600 + 600 - START
    kept = record(
        tmp_path / "db",
        *(reading(20.0 + n, moment(begins + n * 120)) for n in range(6)),
        replace(reading(99.0, moment(begins + 30)), quality=Quality.STUCK),
    )
    [curve] = kept.curves(START, START + 2 * DAY)
    assert curve.step_s == 600
    assert [(p.at, p.mean, p.low, p.high, p.count, p.doubtful) for p in curve.points] == [
        (START + begins, 22.0, 20.0, 24.0, 6, 1),
        (START + begins + 600, 25.0, 25.0, 25.0, 1, 0),
    ]
    assert [each.quality for each in curve.outliers] == ["stuck"]


@pytest.mark.parametrize("days", [0.5, 1, 2, 14, 15, 60, 365, 3650, 36500])
def test_a_line_never_has_more_points_than_a_screen(tmp_path: Path, days: float) -> None:
    kept = record(tmp_path / "db", *(reading(20.0, moment(n * days * DAY / 4000)) for n in range(4000)))
    [curve] = kept.curves(START, START + days * DAY)
    assert 1 <= len(curve.points) <= MOST_POINTS
    assert sum(point.count for point in curve.points) == 4000
    assert (curve.step_s >= 600) == (days > 1)


def test_damaged_readings_are_left_out(tmp_path: Path) -> None:
    kept = record(tmp_path / "db", *(reading(20.0, moment(n)) for n in range(6)))
    with closing(sqlite3.connect(tmp_path / "db")) as connection:
        damages = ("wall = 'x'", "value = 'hot'", "sensor = x'ff'", "quality = x'00'", "unit = 7")
        for number, damage in enumerate(damages):
            connection.execute(f"UPDATE readings SET {damage} WHERE id = 'r{number}'")
        connection.commit()
    for length in (DAY, 3 * DAY):
        [curve] = kept.curves(START, START + length)
        assert Counter({"all": 3, "doubtful": 1}) == Counter(
            {"all": sum(p.count for p in curve.points), "doubtful": sum(p.doubtful for p in curve.points)}
        )


def test_a_device_without_sensors_has_no_lines(tmp_path: Path) -> None:
    assert record(tmp_path / "db").curves(0.0, 4e9) == []
