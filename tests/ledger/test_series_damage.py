"""A damaged hour of a series costs that hour; a damaged file costs what lay on its pages."""

import sqlite3
import struct
from contextlib import closing
from pathlib import Path

import pytest
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
    summaries,
    tidy,
    values,
)

from edge_mask.ledger.inspection import Damage, Inspection
from edge_mask.ledger.series_reader import reading
from edge_mask.ledger.series_rows import ForecastRow
from edge_mask.ledger.upkeep import drop_damaged_hours, repair

DAMAGES = {
    "a flipped bit": "minutes = CAST(substr(minutes, 1, 17) || x'07' || substr(minutes, 19) AS BLOB)",
    "cut short": "minutes = substr(minutes, 1, 100)",
    "text": "summaries = 'elsewhere'",
    "another seal": "checksum = 7",
    "the hour of another": "minutes = zeroblob(240), summaries = zeroblob(120)",
}


def packed(path: Path, hours: int = 5, *, with_readings: bool = False) -> None:
    with opened(path) as ledger:
        for hour in range(hours):
            places = range(hour * 60, hour * 60 + 60)
            if with_readings:
                read(ledger, *((START + 60 * place, float(place)) for place in places))
            keep(ledger, *(closed(FIRST + place, float(place)) for place in places))
        tidy(ledger, START + hours * HOUR + 600)


def spoil(path: Path, what: str, hour: int = 2) -> None:
    with closing(sqlite3.connect(path)) as connection:
        which = f"(SELECT id FROM series_hours ORDER BY id LIMIT 1 OFFSET {hour})"
        connection.execute(f"UPDATE series_hours SET {what} WHERE id = {which}")
        connection.commit()


def damage(path: Path) -> list[Damage]:
    with closing(Inspection(path)) as inspection:
        return [each for part in inspection.damage() for each in part]


@pytest.mark.parametrize("what", DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_hour_is_a_gap_and_is_told(tmp_path: Path, what: str) -> None:
    path = tmp_path / "db"
    packed(path)
    assert damage(path) == []
    spoil(path, what)
    wanted = [None if 120 <= place < 180 else float(place) for place in range(300)]
    assert values(minutes(path)) == wanted
    assert minutes(path).damaged == 1
    assert [int(row["count"]) for row in summaries(path).rows] == [10] * 12 + [0] * 6 + [10] * 12
    assert [each.table for each in damage(path)] == ["series_hours"]
    with opened(path) as ledger:
        mended = ledger.mend(damage(path), moment(START + DAY))
        assert (mended.rows, [*mended.where]) == (1, ["series_hours"])
        assert not ledger.mend(damage(path), moment(START + DAY)).rows, "told once"
        tidy(ledger, START + DAY)
    assert values(minutes(path, FIRST, FIRST + 300)) == wanted
    assert (drop_damaged_hours(path), drop_damaged_hours(path)) == (1, 0)


def test_a_damaged_hour_is_packed_again_while_its_readings_are_there(tmp_path: Path) -> None:
    path = tmp_path / "db"
    packed(path, with_readings=True)
    spoil(path, "checksum = 7")
    with opened(path) as ledger:
        ledger.mend(damage(path), moment(START + 6 * HOUR))
        tidy(ledger, START + 6 * HOUR)
        assert values(minutes(path, FIRST, FIRST + 300)) == [float(place) for place in range(300)]
        assert damage(path) == []
        assert not ledger.mend((), moment(START + DAY)).missing_events


def test_a_file_that_is_set_aside_leaves_its_series_in_the_new_one(tmp_path: Path) -> None:
    path = tmp_path / "db"
    packed(path, 200)
    before = minutes(path)
    with opened(path) as ledger:
        keep(ledger, closed(FIRST + 200 * 60, 5.0), ForecastRow(FLOW, START, 3600, [1.0], [0.0], [2.0]))
    with path.open("r+b") as file:
        hour = struct.pack("<10f", *range(100 * 60, 100 * 60 + 10))
        file.seek(path.read_bytes().index(hour) // 4096 * 4096)
        file.write(b"\xff" * 4096)
    salvaged = repair(path)
    assert salvaged is not None
    assert salvaged.lost_hours is not None
    assert 1 <= salvaged.lost_hours <= 10
    assert "hours of series lost" in str(salvaged)
    after = minutes(path, before.first, before.first + len(before.values))
    lost = sum(value != value for value in after.values.tolist())
    assert lost == salvaged.lost_hours * 60
    with reading(path) as reader:
        assert reader.forecast(FLOW) is not None
    with opened(path, boot="boot-2") as ledger:
        tidy(ledger, START + 202 * HOUR)
        assert values(minutes(path))[-1] == 5.0
        assert not ledger.mend((), moment(START + DAY)).missing_events


def test_series_whose_names_were_lost_are_found_when_they_are_written_to(tmp_path: Path) -> None:
    path = tmp_path / "db"
    packed(path)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("DELETE FROM series")
        connection.commit()
    assert values(minutes(path)) == []
    with opened(path) as ledger:
        keep(ledger, closed(FIRST + 300, 300.0))
        assert values(minutes(path)) == [float(place) for place in range(301)]


def test_values_where_they_do_not_belong_stop_neither_packing_nor_reading(tmp_path: Path) -> None:
    path = tmp_path / "db"
    with opened(path) as ledger:
        keep(ledger, *(closed(FIRST + place, float(place)) for place in range(6)))
        keep(ledger, ForecastRow(FLOW, START, 3600, [1.0], [0.0], [2.0]))
        with ledger.file.connection.begin():
            for number, what in enumerate(("count = 'x'", "mean = x'00'", "last = 9e999", "count = 0", "max = 'hot'")):
                which = f"(SELECT id FROM series_minutes LIMIT 1 OFFSET {number})"
                ledger.file.connection.exec_driver_sql(f"UPDATE series_minutes SET {what} WHERE id = {which}")
            ledger.file.connection.exec_driver_sql("UPDATE series_forecasts SET numbers = x'00'")
        assert values(minutes(path)) == [5.0]
        with reading(path) as reader:
            assert reader.forecast(FLOW) is None
        assert {each.table for each in damage(path)} == {"series_minutes", "series_forecasts"}
        tidy(ledger, START + 2 * HOUR)
        assert values(minutes(path)) == [5.0]
