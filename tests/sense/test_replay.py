"""Recorded readings are played in their own rhythm, and a bad row stops nothing."""

import os
from pathlib import Path

import pytest

from edge_mask.errors import Refused, TryLater
from edge_mask.runtime.clock import ManualClock
from edge_mask.sense import Identity, Sensor, sensor_for
from edge_mask.sense.replay import Rate


def replay(path: Path, text: str, *, rate: Rate = "realtime", loop: bool = False) -> Sensor:
    path.write_text(text)
    return sensor_for("replay", str(path), Identity("forehead"), clock=ManualClock(), rate=rate, loop=loop)


def played(sensor: Sensor, most: int) -> list[tuple[float | None, float]]:
    """Value and the wait after it; None where a row was no number."""
    rows: list[tuple[float | None, float]] = []
    for _ in range(most):
        try:
            reading = sensor.read()
        except TryLater:
            rows.append((None, sensor.interval))
            continue
        if reading is None:
            break
        rows.append((reading.value, sensor.interval))
    return rows


def test_rows_are_played_with_the_gaps_between_their_times(tmp_path: Path) -> None:
    sensor = replay(tmp_path / "a.csv", "seconds,value\n5,36.5\n6.5,36.6\n10,38.1\n")
    assert [value for value, _ in played(sensor, 9)] == [36.5, 36.6, 38.1]
    sensor = replay(tmp_path / "a.csv", "seconds,value\n5,36.5\n6.5,36.6\n10,38.1\n")
    assert [wait for _, wait in played(sensor, 2)] == [1.5, 3.5]


def test_at_the_highest_rate_nobody_waits(tmp_path: Path) -> None:
    sensor = replay(tmp_path / "a.csv", "seconds,value\n0,1\n1000,2\n", rate="max")
    assert played(sensor, 9) == [(1.0, 0.0), (2.0, 0.0)]


def test_with_loop_it_starts_again_after_one_more_gap(tmp_path: Path) -> None:
    sensor = replay(tmp_path / "a.csv", "seconds,value\n0,1\n2,2\n", loop=True)
    assert played(sensor, 5) == [(1.0, 2.0), (2.0, 2.0), (1.0, 2.0), (2.0, 2.0), (1.0, 2.0)]
    single = replay(tmp_path / "b.csv", "seconds,value\n0,1\n", loop=True)
    assert played(single, 2) == [(1.0, 1.0), (1.0, 1.0)]


def test_a_row_that_is_no_number_is_stepped_over(tmp_path: Path) -> None:
    sensor = replay(tmp_path / "a.csv", "seconds,value\n0,36.5\n1,warm\n2,nan\n3,\n4,36.6\n", rate="max")
    assert [value for value, _ in played(sensor, 9)] == [36.5, None, None, None, 36.6]


def test_a_bad_row_is_named_by_its_line(tmp_path: Path) -> None:
    sensor = replay(tmp_path / "a.csv", "seconds,value\n0,warm\n")
    with pytest.raises(TryLater, match=r"a\.csv, line 2: 'warm' is not a number"):
        sensor.read()


def test_other_columns_and_a_byte_order_mark_do_no_harm(tmp_path: Path) -> None:
    sensor = replay(tmp_path / "a.csv", "﻿place,seconds,value\ngate,0,36.5\n")
    assert played(sensor, 9)[0][0] == 36.5


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "must name the columns"),
        ("time,value\n0,1\n", "must name the columns: seconds,value"),
        ("seconds,value\n", "holds no readings"),
        ("seconds,value\nsoon,36\n", "line 2: seconds is 'soon'"),
        ("seconds,value\n0,36\n,37\n", "line 3: seconds is ''"),
        ("seconds,value\n0,36\ninf,37\n", "line 3: seconds is 'inf'"),
        ("seconds,value\n1_0,36\n", "line 2: seconds is '1_0'"),
        (f"seconds,value\n0,36\n1,{'3' * 200_000}\n", "line 3: is no row of a table"),
    ],
)
def test_a_recording_that_cannot_be_played_is_refused(tmp_path: Path, text: str, sentence: str) -> None:
    with pytest.raises(Refused, match=sentence):
        replay(tmp_path / "a.csv", text).read()


def test_a_recording_that_is_not_there_is_refused(tmp_path: Path) -> None:
    missing = sensor_for("replay", str(tmp_path / "none.csv"), Identity("forehead"), clock=ManualClock())
    with pytest.raises(Refused, match=r"none\.csv"):
        missing.read()
    with pytest.raises(Refused, match="needs `path`"):
        sensor_for("replay", None, Identity("forehead"), clock=ManualClock())
    (tmp_path / "picture.csv").write_bytes(b"\xff\xd8\xff\xe0")
    with pytest.raises(Refused, match=r"picture\.csv"):
        sensor_for("replay", str(tmp_path / "picture.csv"), Identity("forehead"), clock=ManualClock()).read()


@pytest.mark.parametrize("path", ["/dev/zero", "{}", "{}/pipe"])
def test_what_never_ends_or_never_begins_is_no_recording(tmp_path: Path, path: str) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(Refused, match="is no file; a recording is a CSV file"):
        sensor_for("replay", path.format(tmp_path), Identity("forehead"), clock=ManualClock()).read()


def test_a_recording_that_does_not_fit_into_memory_is_refused(tmp_path: Path) -> None:
    with (tmp_path / "a.csv").open("wb") as file:
        file.truncate(65_000_000)
    with pytest.raises(Refused, match="is larger than 64 MB"):
        sensor_for("replay", str(tmp_path / "a.csv"), Identity("forehead"), clock=ManualClock()).read()
