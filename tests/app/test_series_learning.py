"""What is learned of a series: versions of criteria, a model, and the process that may be killed at any time."""

import signal
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from tests.app.watching import NOON, Site, waving
from tests.waiting import until

from edge_mask.app.series.folder import SeriesFolder
from edge_mask.app.series.learning import Lesson, teach
from edge_mask.app.series.sites import Sites
from edge_mask.errors import Refused
from edge_mask.ledger.bounds import Bounds
from edge_mask.ledger.rows import Batch
from edge_mask.ledger.series_numbers import SeriesName
from edge_mask.ledger.series_rows import MinuteRow
from edge_mask.ledger.writer import Ledger
from edge_mask.messages import Alert, Fault, Forecast
from edge_mask.series import model_file
from edge_mask.series.criteria import Criteria
from edge_mask.series.nouns import SeriesKey

DAYS = 30


def store(site: Site, days: int, until_minute: int) -> None:
    """A flow with a day's shape and some noise, each minute."""
    noise = np.random.default_rng(1).normal(0.0, 0.3, days * 1440)
    minutes = np.arange(until_minute - days * 1440, until_minute)
    values = (12.0 + 6.0 * np.sin(2 * np.pi * (minutes % 1440) / 1440) + noise).round(2)
    name = SeriesName("main", "flow", site.unit)
    rows = [
        MinuteRow(name, m, 3, v, v - 0.1, v + 0.1, v) for m, v in zip(minutes.tolist(), values.tolist(), strict=True)
    ]
    ledger = Ledger(site.database, Bounds(), "boot")
    ledger.open()
    ledger.commit(Batch(series=list(rows)), site.clock.now())
    while ledger.housekeeping(site.clock.now()):  # hours are packed
        pass
    ledger.close()


def shape(at: float) -> float:
    """The same by day, without the noise, never twice the same."""
    return 12.0 + 6.0 * float(np.sin(2 * np.pi * (at / 60 % 1440) / 1440)) + at * 0.618034 % 0.4


@cache
def stored() -> bytes:
    """A database with these days up to noon; made once."""
    with TemporaryDirectory() as folder:
        made = Site(Path(folder))
        store(made, DAYS, int(NOON // 60))
        return made.database.read_bytes()


@pytest.fixture
def site(tmp_path: Path) -> Site:
    made = Site(tmp_path)
    made.database.write_bytes(stored())
    return made


def lesson_of(site: Site) -> Lesson:
    found = Sites(site.settings()).of(SeriesKey("main", "flow"))
    assert found is not None
    return Lesson(database=site.database, site=found, at=NOON)


def folder_of(site: Site) -> SeriesFolder:
    lesson = lesson_of(site)
    return SeriesFolder(lesson.database, lesson.site)


def test_what_is_stored_teaches_criteria_and_a_model(site: Site) -> None:
    told = teach(lesson_of(site))
    assert told["criteria"] == {"version": 1, "days": pytest.approx(DAYS, abs=1)}
    assert told["model"]["days"] == pytest.approx(DAYS, abs=1)
    criteria = folder_of(site).in_force().criteria
    assert criteria.version == 1
    assert criteria.min is not None
    assert criteria.max is not None
    assert 0.0 <= criteria.min < 6.0
    assert 18.0 < criteria.max < 40.0
    assert criteria.made == NOON


def test_too_few_days_are_said_and_change_nothing(tmp_path: Path) -> None:
    site = Site(tmp_path)
    store(site, 3, int(NOON // 60))
    told = teach(lesson_of(site))
    assert "criteria are learned from 21" in told["criteria"]["refused"]
    assert "forecasts are learned from 7" in told["model"]["refused"]
    assert folder_of(site).versions() == []


def test_each_version_is_kept_and_any_can_be_put_in_force(site: Site) -> None:
    folder = folder_of(site)
    folder.add(Criteria(max=1.0, version=1, made=1.0))
    folder.add(Criteria(max=2.0, version=2, made=2.0))
    assert (folder.versions(), folder.active, folder.in_force().criteria.max) == ([1, 2], 2, 2.0)
    folder.activate(1)
    assert folder.in_force().criteria.max == 1.0
    folder.activate(0)
    assert folder.in_force().criteria == Criteria()
    with pytest.raises(Refused, match=r"there is no version 9; there are 0 \(shipped\), 1, 2"):
        folder.activate(9)
    assert folder.active == 0


def test_criteria_that_cannot_be_read_give_way_to_those_before(site: Site) -> None:
    folder = folder_of(site)
    folder.add(Criteria(max=1.0, version=1))
    folder.add(Criteria(max=2.0, version=2))
    (folder.path / "criteria/0002.yaml").write_text("max: [\n")
    assert folder.in_force().criteria.max == 1.0
    (folder.path / "active").write_text("none\n")
    assert folder.in_force().criteria.max == 1.0


def test_a_running_daemon_takes_what_was_learned_at_its_next_minute(site: Site) -> None:
    with site.daemon() as it:
        it.live(10, 12.5)
        assert site.alerts() == [], "an hour is nothing while nothing is learned"
        folder_of(site).add(Criteria(run=5, version=1))
        it.live(3, 12.5)
    assert site.alerts() == [("stuck", "begun")]


def test_a_forecast_comes_each_hour_once_there_is_a_model(site: Site) -> None:
    teach(lesson_of(site))
    with site.daemon() as it:
        it.live(121, shape)
    forecasts = site.said(Forecast)
    assert [each.origin for each in forecasts] == [NOON + 3600, NOON + 7200]
    assert {len(each.values) for each in forecasts} == {168}
    assert all(low <= high for low, high in zip(forecasts[0].low, forecasts[0].high, strict=True))
    tomorrow = forecasts[0].values[23]  # the same hour
    assert tomorrow == pytest.approx(np.mean([shape(NOON + 60 * minute) for minute in range(60)]), abs=0.5)
    assert site.rows("SELECT count(*) FROM series_forecasts") == [(2,)]


def test_a_damaged_model_is_told_once_and_the_one_before_is_used(site: Site) -> None:
    teach(lesson_of(site))
    teach(lesson_of(site))
    file = folder_of(site).path / model_file.NAME
    file.write_bytes(file.read_bytes()[:-7])
    with site.daemon() as it:
        it.live(61, shape)
    assert [(each.component, each.code) for each in site.said(Fault)] == [("series main flow", "model_damaged")]
    assert "model.old.npz, is used" in site.said(Fault)[0].text
    assert len(site.said(Forecast)) == 1


def test_a_damaged_model_without_another_leaves_all_but_the_forecast(site: Site) -> None:
    teach(lesson_of(site))
    (folder_of(site).path / model_file.NAME).write_bytes(b"")
    with site.daemon() as it:
        it.worker._upkeep._next = float("inf")
        it.live(61, shape)
        it.live(10, None)
    assert [each.code for each in site.said(Fault)] == ["model_damaged"]
    assert (site.said(Forecast), site.alerts()) == ([], [("silent", "begun")])


def test_learning_that_is_killed_leaves_what_was_learned_and_is_told_once(site: Site) -> None:
    teach(lesson_of(site))
    folder = folder_of(site)
    before = (folder.path / model_file.NAME).read_bytes()
    site.clock.advance(100 * 86400)  # both are due
    with site.daemon() as it:
        for _ in range(3):
            upkeep = it.worker._upkeep
            upkeep._tried.clear()
            upkeep._next = 0.0
            it.live(1.1, shape)
            process = upkeep._process
            assert process is not None
            process.send_signal(signal.SIGKILL)
            process.wait(20)
            it.live(1.1, shape)
            assert upkeep._process is None
    assert [(each.component, each.code) for each in site.said(Fault)] == [("series", "series_not_learned")]
    assert "what was learned before stays" in site.said(Fault)[0].text
    assert (folder.path / model_file.NAME).read_bytes() == before
    assert folder.versions() == [1]


def test_what_is_due_is_learned_by_itself(site: Site) -> None:
    with site.daemon() as it:
        it.worker._upkeep._next = 0.0
        it.live(1.1, shape)
        process = it.worker._upkeep._process
        assert process is not None
        until(lambda: process.poll() is not None)
        it.live(2.1, shape)
        assert folder_of(site).in_force().criteria.version == 1
        assert it.worker._upkeep._process is None
        it.worker._upkeep._next = 0.0
        it.live(1.1, shape)
        assert it.worker._upkeep._process is None, "nothing is due so soon"
    assert site.said(Fault) == []


def test_days_with_outliers_are_left_out(site: Site) -> None:
    with site.daemon() as it:
        folder_of(site).add(Criteria(max=50.0, version=1, made=NOON))
        it.live(2, shape)
        it.live(5, waving(300, 310))
        it.live(30, shape)
    assert [each.deviation.state for each in site.said(Alert)] == ["begun", "ended"]
    learned = teach(lesson_of(site))
    assert learned["criteria"]["version"] == 2
    assert (folder_of(site).in_force().criteria.max or 999.0) < 100.0


def test_a_sensor_of_another_unit_is_another_series(site: Site) -> None:
    teach(lesson_of(site))
    swapped = Site(site.folder, unit="l/s", clock=site.clock)
    assert folder_of(swapped).in_force().criteria == Criteria()
    with swapped.daemon() as it:
        it.live(12, waving(2.8, 3.3))
    assert swapped.alerts() == []
    assert folder_of(site).in_force().criteria.version == 1, "which is used again when the old one comes back"


def test_a_sensor_swapped_for_one_of_another_unit_is_an_outlier_once(site: Site) -> None:
    teach(lesson_of(site))
    with site.daemon() as it:
        it.live(5, shape)
        doubted = it.live(20, lambda at: shape(at) * 16.6667)  # it says litres a minute now
    assert doubted[0]
    begun = [reason for reason, state in site.alerts() if state == "begun"]
    assert begun[0] in ("spike", "step")
    assert len(begun) <= 2
