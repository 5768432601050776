"""The worker of series: minutes of the wall clock, what is said of them once, and what a restart knows."""

import subprocess
import sys
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from tests.app.watching import NOON, ZONE, Site, Turned, waving

from edge_mask.messages import Alert, Reading, Record, Summary
from edge_mask.series.criteria import Criteria

DAYS = {23: ("2026-03-29", "2026-03-30"), 25: ("2026-10-25", "2026-10-26")}


def test_minutes_are_stored_and_summed_up(tmp_path: Path) -> None:
    site = Site(tmp_path)
    with site.daemon() as it:
        it.live(31, waving())
    summaries = site.said(Summary)
    assert [(each.begin % 600, each.end - each.begin) for each in summaries] == [(0.0, 600.0)] * 3
    assert [each.count for each in summaries] == [30] * 3
    assert all(10.0 <= each.min <= each.mean <= each.max <= 12.0 for each in summaries)
    assert site.rows("SELECT count(*) FROM series_minutes") == [(31,)]
    assert site.said(Alert) == site.said(Record) == []


def test_silence_is_said_once_and_its_end_once(tmp_path: Path) -> None:
    site = Site(tmp_path)
    with site.daemon() as it:
        it.live(10, waving())
        it.live(30, None)
        assert site.alerts() == [("silent", "begun")]
        it.live(5, waving())
    assert site.alerts() == [("silent", "begun"), ("silent", "ended")]
    begun, ended = site.said(Alert)
    assert begun.text.startswith("main: flow: no reading for ")
    assert ended.text.startswith("main: flow: there are readings again, after 3")
    assert begun.deviation.began == ended.deviation.began
    records = site.said(Record)
    assert 20 <= len(records) <= 31, "one for each minute in which something is wrong"
    assert {each.deviations[0].reason for each in records} == {"silent"}


@pytest.mark.parametrize("killed", [False, True])
def test_a_restart_in_the_middle_of_an_outlier_does_not_say_it_twice(tmp_path: Path, killed: bool) -> None:
    site = Site(tmp_path)
    with site.daemon(killed=killed) as it:
        it.live(10, waving())
        it.live(13, None)
    site.clock.advance(100)
    with site.daemon() as it:
        it.live(20, None)
        assert site.alerts() == [("silent", "begun")]
        it.live(3, waving())
    assert site.alerts() == [("silent", "begun"), ("silent", "ended")]


@pytest.mark.parametrize("killed", [False, True])
def test_an_end_while_the_daemon_was_away_is_said(tmp_path: Path, killed: bool) -> None:
    site = Site(tmp_path)
    with site.daemon(killed=killed) as it:
        it.live(10, waving())
        it.live(13, None)
    site.clock.advance(3600)
    with site.daemon() as it:
        it.live(3, waving())
    assert site.alerts() == [("silent", "begun"), ("silent", "ended")]


def test_a_daemon_that_was_away_does_not_call_the_sensor_silent(tmp_path: Path) -> None:
    site = Site(tmp_path)
    with site.daemon() as it:
        it.live(30, waving())
    site.clock.advance(7 * 86400)
    with site.daemon() as it:
        it.live(20, waving())
    assert site.alerts() == []


def test_a_week_without_readings_is_one_silence(tmp_path: Path) -> None:
    site = Site(tmp_path, together=100)
    with site.daemon() as it:
        it.live(30, waving())
        it.live(7 * 1440, None)
        it.live(20, waving())
    assert site.alerts() == [("silent", "begun"), ("silent", "ended")]
    assert len(site.said(Record)) == pytest.approx(7 * 1440, abs=15)


def test_a_summary_goes_on_over_a_kill(tmp_path: Path) -> None:
    site = Site(tmp_path)
    with site.daemon(killed=True) as it:
        it.live(15.5, waving())
    with site.daemon() as it:
        it.live(6, waving())
    first, second = site.said(Summary)
    assert second.begin == first.end
    assert second.count in (29, 30), "all but what no commit had taken"


@pytest.mark.parametrize("jump", [3 * 3600.0, -3 * 3600.0, 40 * 86400.0, -200.0])
def test_a_clock_that_jumps_makes_nobody_silent(tmp_path: Path, jump: float) -> None:
    site = Site(tmp_path)
    with site.daemon() as it:
        it.live(30.2, waving())
        site.clock.set_wall(site.clock.now().wall + jump)
        it.live(30, waving())
        assert site.alerts() == []
        it.live(15, None)
    assert site.alerts() == [("silent", "begun")]


def test_a_clock_that_jumps_back_again_and_again_hides_no_silence(tmp_path: Path) -> None:
    site = Site(tmp_path)
    with site.daemon() as it:
        it.live(30, waving())
        for _ in range(8):
            it.live(5, None)
            site.clock.set_wall(site.clock.now().wall - 120.0)
        it.live(8, None)
    assert site.alerts() == [("silent", "begun")]


def test_without_a_clock_no_minute_is_closed_and_the_limits_still_hold(tmp_path: Path) -> None:
    site = Site(tmp_path, clock=Turned(wall=1_000_000.0, synced=False))
    with site.daemon() as it:
        assert it.live(30, waving()) == [False] * 90
        assert it.live(1, 700.0) == [True] * 3
        assert {type(event) for event in site.events} == {Reading}
        site.clock.set_wall(NOON)
        it.live(11, waving())
    assert site.said(Alert) == []
    assert [each.end for each in site.said(Summary)] == [NOON + 600]


@pytest.mark.parametrize(
    ("night", "hours"), [("2026-03-28T23:30:00+01:00", 23), ("2026-10-24T23:30:00+02:00", 25)], ids=["spring", "autumn"]
)
def test_days_of_23_and_25_hours_have_all_their_minutes(tmp_path: Path, night: str, hours: int) -> None:
    site = Site(tmp_path, together=100, clock=Turned(wall=datetime.fromisoformat(night).timestamp()))
    with site.daemon() as it:
        it.live((hours + 1) * 60, waving())
    summaries = site.said(Summary)
    assert [later.begin - earlier.end for earlier, later in pairwise(summaries)] == [0.0] * (len(summaries) - 1)
    begin, end = (datetime.fromisoformat(day).replace(tzinfo=ZoneInfo(ZONE)).timestamp() for day in DAYS[hours])
    assert sum(begin <= each.begin < end for each in summaries) == hours * 6
    assert site.alerts() == []


def test_what_no_sensor_can_measure_is_told_and_neither_summed_up_nor_kept(tmp_path: Path) -> None:
    site = Site(tmp_path)
    with site.daemon() as it:
        it.live(2, waving())
        it.live(2, lambda at: 65535.0 if int(at) % 60 >= 40 else 11.0)
        it.live(2, 65535.0)
        it.live(5, waving())
    (summary,) = site.said(Summary)
    assert summary.count == 30 - 2 - 6
    assert summary.max <= 12.0
    assert site.rows("SELECT max(max), count(*) FROM series_minutes WHERE max <= 12") == [(summary.max, 9)]
    assert site.rows("SELECT count(*) FROM series_minutes WHERE max > 12") == [(0,)]
    records = [each for each in site.said(Record) if not each.count]
    assert [(each.mean, each.last) for each in records] == [(None, None)] * 2
    assert site.alerts() == [("out_of_range", "begun")]
    with site.daemon() as it:
        it.live(10, waving())
    assert site.alerts() == [("out_of_range", "begun"), ("out_of_range", "ended")]


def test_an_id_is_watched_from_its_first_line_on_and_known_after_a_restart(tmp_path: Path) -> None:
    site = Site(tmp_path, pattern="(?P<id>[0-9]+) (?P<flow>[0-9.]+)")
    with site.daemon() as it:
        it.live(12, waving(), sensor="main-001")
        assert {each.sensor for each in site.said(Summary)} == {"main-001"}
        it.live(12, waving(), sensor="main-002")
    assert [(each.sensor, each.deviation.state) for each in site.said(Alert)] == [("main-001", "begun")]
    with site.daemon() as it:
        it.live(12, waving(), sensor="main-002")
        it.live(12, waving(), sensor="main-001")
    told = [(each.sensor, each.deviation.state) for each in site.said(Alert)]
    assert told == [("main-001", "begun"), ("main-001", "ended"), ("main-002", "begun")]


def test_the_names_of_sensors_lead_to_no_other_folder(tmp_path: Path) -> None:
    site = Site(tmp_path, pattern="(?P<id>.+) (?P<flow>[0-9.]+)")
    with site.daemon() as it:
        it.live(2, waving(), sensor="main-../../../x")
        (watched,) = it.worker._all()
        assert watched.folder.path.parent == tmp_path / "edge-mask.db.series"
        watched.folder.add(Criteria(max=1.0, version=1))
    assert [each.name for each in tmp_path.glob("edge-mask.db.series/*")] == ["main-..%2F..%2F..%2Fx.flow.m3%2Fh"]


NOTHING = """
import sys
from contextlib import ExitStack
from edge_mask.app.assembly import Assembly
from edge_mask.rules.rule_set import RuleSet
from edge_mask.runtime.clock import SystemClock
from edge_mask.runtime.door import Door
from edge_mask.settings.load import parse
text = open(sys.argv[1]).read()
with ExitStack() as undo:
    house = Assembly(parse(text, "t", {}), RuleSet.load([]), SystemClock(), Door(lambda: None), undo).house()
    names = [worker.job.name for worker in house.workers]
ours = ("edge_mask.series", "edge_mask.app.series.")
print("series" in names, sorted(name for name in sys.modules if name.startswith(ours)))
"""


@pytest.mark.parametrize("is_on", [False, True])
def test_without_series_nothing_of_them_is_imported_and_no_thread_runs(tmp_path: Path, is_on: bool) -> None:
    config = tmp_path / "c.yaml"
    sensor = f"{{name: t, kind: replay, path: {tmp_path / 'r.csv'}{', outliers: {}' if is_on else ''}}}"
    config.write_text(f"outbox: {{path: {tmp_path / 'db'}}}\nmqtt: {{transport: none}}\nsensors: [{sensor}]\n")
    done = subprocess.run(
        [sys.executable, "-c", NOTHING, config], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    is_there, _, modules = done.stdout.partition(" ")
    assert (is_there == "True", modules.strip() != "[]") == (is_on, is_on)
