"""Minutes of series come through the recorder: in its group commit, beside events and never instead of them."""

import logging
from pathlib import Path

import pytest
from tests.ledger.series import FIRST, FLOW, closed, minutes, values
from tests.recording.test_recorder import desk, reading, visit

from edge_mask.ledger.series_reader import reading as reading_of
from edge_mask.ledger.series_rows import ForecastRow, SeriesRows, StateRow


def test_one_commit_takes_minutes_forecast_state_and_readings(tmp_path: Path) -> None:
    path = tmp_path / "db"
    with desk(path, interval=5.0) as it:
        it.mailbox.put(reading())
        for place in range(20):
            it.mailbox.put(SeriesRows((closed(FIRST + place, float(place)), StateRow(FLOW, {"seen": place}))))
        it.mailbox.put(SeriesRows((ForecastRow(FLOW, FIRST * 60.0, 3600, [1.0], [0.0], [2.0]),)))
        it.settle()
        assert len(it.commits) <= 2
        assert values(minutes(path)) == [float(place) for place in range(20)]
        assert it.rows("SELECT count(*) FROM outbox") == [(1,)], "minutes are no messages"
        with reading_of(path) as opened:
            assert opened.states() == {FLOW: '{"seen":19}'}
            assert opened.forecast(FLOW) is not None


def test_minutes_alone_are_committed_within_the_interval(tmp_path: Path) -> None:
    with desk(tmp_path / "db", interval=0.05) as it:
        it.mailbox.put(SeriesRows((closed(FIRST, 1.0),)))
        it.settle()
        assert values(minutes(tmp_path / "db")) == [1.0]


def test_a_state_that_no_database_can_hold_loses_only_itself(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "db"
    with desk(path, interval=5.0) as it, caplog.at_level(logging.ERROR):
        it.mailbox.put(SeriesRows((closed(FIRST, 1.0), StateRow(FLOW, {"since": object()}))))
        it.mailbox.put(visit())
        it.settle()
        assert values(minutes(path)) == [1.0]
        assert it.rows("SELECT count(*) FROM visits") == [(1,)]
        assert "1 row was given up that holds what no database can" in caplog.text
