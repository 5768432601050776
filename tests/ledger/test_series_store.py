"""Minutes of series: kept as they are closed, packed by the hour, and found again whatever the clock did meanwhile."""

from pathlib import Path

import numpy as np
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
    summaries,
    tidy,
    values,
)

from edge_mask.errors import DatabaseError
from edge_mask.ledger.rows import Batch
from edge_mask.ledger.series_numbers import SeriesName
from edge_mask.ledger.series_reader import reading
from edge_mask.ledger.series_rows import ForecastRow, MinuteRow, StateRow

PRESSURE = SeriesName("main", "pressure", "bar")


def test_a_minute_can_be_read_as_soon_as_it_is_committed(tmp_path: Path) -> None:
    with opened(tmp_path / "db") as ledger:
        keep(ledger, closed(FIRST, 5.0), closed(FIRST + 2, 7.0), closed(FIRST, 4.0, PRESSURE))
        assert values(minutes(tmp_path / "db")) == [5.0, None, 7.0]
        [row] = summaries(tmp_path / "db").rows
        assert (row["count"], row["min"], row["mean"], row["max"], row["last"]) == (2, 4.0, 6.0, 8.0, 7.5)
        assert minutes(tmp_path / "db").first == FIRST


def test_an_hour_that_is_over_is_one_row_and_says_the_same(tmp_path: Path) -> None:
    path = tmp_path / "db"
    with opened(path) as ledger:
        for place in range(90):
            keep(ledger, closed(FIRST + place, place), closed(FIRST + place, -place, PRESSURE))
        before, before10 = minutes(path), summaries(path)
        tidy(ledger, START + 2 * HOUR)
        assert rows(path, "SELECT count(*) FROM series_hours") == [(2,)]
        assert rows(path, "SELECT count(*) FROM series_minutes") == [(2 * 30,)]
        after, after10 = minutes(path, before.first, before.first + len(before.values)), summaries(path)
        np.testing.assert_array_equal(before.values, after.values)
        np.testing.assert_array_equal(before10.rows, after10.rows[: len(before10.rows)])
        assert [int(row["count"]) for row in after10.rows] == [10] * 9
        assert values(minutes(path, name=PRESSURE))[:3] == [0.0, -1.0, -2.0]


def test_any_part_of_a_period_can_be_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "db"
    with opened(path) as ledger:
        keep(ledger, *(closed(FIRST + place, place) for place in range(180)))
        tidy(ledger, START + 2 * HOUR + 600)
        for since, until in (
            (FIRST + 55, FIRST + 65),
            (FIRST - 5, FIRST + 3),
            (FIRST + 178, FIRST + 185),
            (FIRST + 5, FIRST + 5),
        ):
            wanted = [float(n - FIRST) if 0 <= n - FIRST < 180 else None for n in range(since, until)]
            assert values(minutes(path, since, until)) == wanted
        found = summaries(path, FIRST + 55, FIRST + 65)
        assert (found.first, [int(row["last"]) for row in found.rows]) == (FIRST + 50, [59, 69])


def test_a_week_without_readings_is_a_gap(tmp_path: Path) -> None:
    path = tmp_path / "db"
    with opened(path) as ledger:
        keep(ledger, closed(FIRST, 1.0))
        tidy(ledger, START + 7 * DAY)
        keep(ledger, closed(FIRST + 7 * 1440, 2.0), at=START + 7 * DAY)
        tidy(ledger, START + 8 * DAY)
        found = minutes(path)
        assert (found.values[0], found.values[7 * 1440], np.isfinite(found.values).sum()) == (1.0, 2.0, 2)
        assert rows(path, "SELECT count(*) FROM series_hours") == [(2,)]


# -- readings fill what lacks ----------------------------------------------------------------------------


def test_a_kill_in_the_middle_of_an_hour_costs_no_minute_whose_readings_are_there(tmp_path: Path) -> None:
    path = tmp_path / "db"
    with opened(path) as ledger:
        for place in range(40):
            read(ledger, (START + 60 * place, 5.0), (START + 60 * place + 30, 6.0))
            if place < 20:
                keep(ledger, closed(FIRST + place, 9.0))
        assert values(minutes(path)) == [9.0] * 20 + [5.5] * 20, "also before the hour is packed"
    with opened(path, boot="boot-2") as ledger:  # the minutes that were not closed in time are not closed again
        keep(ledger, closed(FIRST + 45, 9.0))
        tidy(ledger, START + 2 * HOUR)
        assert values(minutes(path))[:46] == [9.0] * 20 + [5.5] * 20 + [None] * 5 + [9.0]
        [first, *_] = summaries(path, FIRST + 20, FIRST + 30).rows
        assert (first["count"], first["min"], first["max"], first["last"]) == (20, 5.0, 6.0, 6.0)


def test_readings_from_before_there_was_a_series_are_packed_too(tmp_path: Path) -> None:
    path = tmp_path / "db"
    with opened(path) as ledger:
        for hour in range(30):
            read(ledger, *((START + HOUR * hour + 60 * place, float(hour)) for place in range(60)))
        tidy(ledger, START + 30 * HOUR)
        assert rows(path, "SELECT count(*) FROM series_hours") == [(0,)]
        keep(ledger, closed(FIRST + 1801, 5.0), at=START + 30 * HOUR)
        tidy(ledger, START + 30 * HOUR + 600)
        assert rows(path, "SELECT count(*) FROM series_hours") == [(30,)]
        assert values(minutes(path))[::60][:30] == [float(hour) for hour in range(30)]


def test_minutes_of_a_clock_that_was_not_set_are_found_when_it_is(tmp_path: Path) -> None:
    path = tmp_path / "db"
    with opened(path) as ledger:
        keep(ledger, closed(FIRST - 120, 1.0))
        read(ledger, *((START + 60 * place, 5.0) for place in range(60)), synced=False)
        tidy(ledger, START + HOUR - 60)
        read(ledger, (START + HOUR, 6.0))
        tidy(ledger, START + 3 * HOUR)
        assert values(minutes(path, FIRST, FIRST + 61)) == [5.0] * 60 + [6.0]


def test_readings_out_of_range_are_in_no_minute(tmp_path: Path) -> None:
    path = tmp_path / "db"
    with opened(path) as ledger:
        keep(ledger, closed(FIRST + 10, 1.0))
        read(ledger, (START, 5.0), (START + 10, 1e300), (START + 60, -3.0))
        ledger.file.connection.exec_driver_sql("UPDATE readings SET quality = 'out_of_range' WHERE value = -3")
        ledger.file.connection.commit()
        tidy(ledger, START + 2 * HOUR)
        found = minutes(path, FIRST, FIRST + 2)
        assert np.isfinite(found.values[0]), "a huge value is kept as the largest that a float32 can hold"
        assert np.isnan(found.values[1])


# -- clocks ----------------------------------------------------------------------------------------------


def test_after_a_clock_went_back_the_later_minute_counts(tmp_path: Path) -> None:
    path = tmp_path / "db"
    with opened(path) as ledger:
        keep(ledger, *(closed(FIRST + place, 1.0) for place in range(120)), at=START + 2 * HOUR)
        tidy(ledger, START + 2 * HOUR + 600)
        keep(ledger, *(closed(FIRST + place, 2.0) for place in range(30, 60)), at=START + HOUR)
        tidy(ledger, START + HOUR)
        tidy(ledger, START + 2 * HOUR + 600)
        assert values(minutes(path)) == [1.0] * 30 + [2.0] * 30 + [1.0] * 60
        assert [float(row["mean"]) for row in summaries(path).rows[:6]] == [1.0] * 3 + [2.0] * 3


def test_two_halves_of_a_minute_leave_the_larger(tmp_path: Path) -> None:
    with opened(tmp_path / "db") as ledger:
        keep(ledger, closed(FIRST, 1.0, count=40))
        keep(ledger, closed(FIRST, 2.0, count=20))
        assert values(minutes(tmp_path / "db")) == [1.0]
        keep(ledger, closed(FIRST, 3.0, count=40))
        assert values(minutes(tmp_path / "db")) == [3.0]


def test_a_clock_that_was_ahead_for_a_while_costs_nothing(tmp_path: Path) -> None:
    path = tmp_path / "db"
    with opened(path) as ledger:
        keep(ledger, *(closed(FIRST + place, 1.0) for place in range(60)))
        read(ledger, (START + 3540, 1.0))
        tidy(ledger, START + 2 * HOUR)
        tidy(ledger, START + 4 * 365 * DAY, mono=1000 + 2 * HOUR)
        assert np.isfinite(minutes(path, FIRST, FIRST + 60).values).all()
        assert rows(path, "SELECT count(*) FROM readings") == [(1,)]
        keep(ledger, closed(FIRST + 180, 2.0), at=START + 3 * HOUR)
        tidy(ledger, START + 5 * HOUR)
        assert values(minutes(path))[180] == 2.0


# -- values and units ------------------------------------------------------------------------------------


def test_a_change_of_unit_begins_another_series(tmp_path: Path) -> None:
    path, metric = tmp_path / "db", SeriesName("main", "flow", "m3/h")
    with opened(path) as ledger:
        keep(ledger, *(closed(FIRST + place, 10.0) for place in range(30)))
        read(ledger, (START + 60 * 31, 36.5), name=metric)
        keep(ledger, *(closed(FIRST + place, 36.0, metric) for place in range(32, 60)))
        tidy(ledger, START + 2 * HOUR)
        with reading(path) as reader:
            assert reader.find("main", "flow") == metric
            assert reader.find("main", "flow", "l/s") == FLOW
            assert reader.find("main", "flow", "gpm") is None
            assert {each.name for each in reader.extents()} == {FLOW, metric}
        assert values(minutes(path, FIRST, FIRST + 60)) == [10.0] * 30 + [None] * 30
        assert values(minutes(path, FIRST, FIRST + 60, metric)) == [None] * 31 + [36.5] + [36.0] * 28


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf"), 1e300])
def test_no_value_stops_the_others(tmp_path: Path, value: float) -> None:
    path = tmp_path / "db"
    with opened(path) as ledger:
        keep(ledger, MinuteRow(FLOW, FIRST, 2, value, value, value, value), closed(FIRST + 1, 2.0))
        keep(ledger, closed(-5, 1.0), closed(10**12, 1.0), MinuteRow(FLOW, FIRST + 2, 0, 1.0, 1.0, 1.0, 1.0))
        tidy(ledger, START + 2 * HOUR)
        found = minutes(path, FIRST, FIRST + 3)
        assert found.values[1] == 2.0
        assert np.isnan(found.values[2])
        assert np.isnan(found.values[0]) if np.isnan(value) else abs(found.values[0]) > 3e38
        assert len(minutes(path).values) <= 2, "no minute of another century"


def test_two_readings_at_one_moment_are_two_readings(tmp_path: Path) -> None:
    with opened(tmp_path / "db") as ledger:
        keep(ledger, closed(FIRST + 5, 1.0))
        read(ledger, (START, 4.0), (START, 8.0))
        tidy(ledger, START + 2 * HOUR)
        assert values(minutes(tmp_path / "db", FIRST, FIRST + 1)) == [6.0]
        assert summaries(tmp_path / "db", FIRST, FIRST + 1).rows[0]["count"] == 3


# -- what else is kept -----------------------------------------------------------------------------------


def test_forecasts_and_states_are_found_again(tmp_path: Path) -> None:
    path = tmp_path / "db"
    with opened(path) as ledger:
        keep(ledger, *(ForecastRow(FLOW, START + HOUR * n, 3600, [n, 2], [0, 1], [3, float("inf")]) for n in range(3)))
        keep(ledger, StateRow(FLOW, {"open": []}))
        keep(ledger, StateRow(FLOW, {"open": ["stuck"]}))
        with reading(path) as reader:
            newest, second = reader.forecast(FLOW), reader.forecast(FLOW, START + 1.5 * HOUR)
            assert newest is not None
            assert second is not None
            assert (newest.origin, newest.step_s, list(newest.values), list(newest.low)) == (
                START + 2 * HOUR, 3600, [2.0, 2.0], [0.0, 1.0],
            )  # fmt: skip
            assert second.origin == START + HOUR
            assert reader.forecast(PRESSURE) is None
            assert reader.states() == {FLOW: '{"open":["stuck"]}'}
        tidy(ledger, START + 7 * DAY + 2 * HOUR)
        with reading(path) as reader:
            assert reader.forecast(FLOW, START + 1.5 * HOUR) is None
            assert reader.forecast(FLOW) is not None


def test_a_state_that_is_no_json_is_given_up_alone(tmp_path: Path) -> None:
    with opened(tmp_path / "db") as ledger:
        bad = Batch(series=[StateRow(FLOW, {"since": object()})])
        assert not ledger.can_hold(bad)
        assert ledger.can_hold(Batch(series=[closed(FIRST, 1.0)]))
        with pytest.raises(DatabaseError):
            ledger.commit(bad, moment(START))
        keep(ledger, closed(FIRST, 1.0))
        assert values(minutes(tmp_path / "db")) == [1.0]


def test_a_database_of_before_has_no_series(tmp_path: Path) -> None:
    with opened(tmp_path / "db") as ledger:
        read(ledger, (START, 1.0))
    older(tmp_path / "db", tmp_path / "old", 8)
    with reading(tmp_path / "old") as reader:
        assert (reader.names(), reader.extents(), reader.states(), reader.forecast(FLOW)) == ({}, [], {}, None)
        assert values(reader.minutes(FLOW, FIRST, FIRST + 2)) == [None, None]
        assert [each.value for each in reader.raw(FLOW)] == [1.0]


def test_there_is_a_sentence_for_a_database_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(DatabaseError, match="there is no such database yet"), reading(tmp_path / "db"):
        pass
