"""Judged, passed, refused: as counted one by one, whatever the period, the zone and the damage."""

import random
import sqlite3
from collections import Counter
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from tests.ledger.rows import BOOT, batch, moment, older, visit

from edge_mask.ledger.bounds import Bounds
from edge_mask.ledger.figures import Which
from edge_mask.ledger.reader import Reader
from edge_mask.ledger.schema import MIGRATIONS
from edge_mask.ledger.site_time import Unit, begin_of
from edge_mask.ledger.writer import Ledger
from edge_mask.messages import Visit
from edge_mask.units import Moment, Seconds, Unix


def seen(at: float, camera: str = "front", *reasons: str) -> Visit:
    plain = visit(Moment(Seconds(0.0), Unix(at)), "no_pass" if reasons else "pass")
    return replace(plain, camera=camera, reasons=reasons)


def reader(folder: Path, *visits: Visit) -> Reader:
    with closing(Ledger(folder / "db", Bounds(), BOOT)) as ledger:
        ledger.open()
        ledger.commit(batch(events=tuple((f"v{n}", each) for n, each in enumerate(visits))), moment())
    return Reader(folder / "db")


def test_a_summary_says_how_many_why_and_where(tmp_path: Path) -> None:
    kept = reader(
        tmp_path, seen(1.7e9), seen(1.7e9 + 1, "back", "no_mask"), seen(1.7e9 + 2, "back", "no_mask", "fever")
    )
    assert kept.summary(Which()) == {
        "judged": 3, "passed": 1, "refused": 2, "by_reason": {"no_mask": 2, "fever": 1},
        "by_camera": {"back": {"passed": 0, "refused": 2}, "front": {"passed": 1, "refused": 0}},
    }  # fmt: skip
    assert kept.summary(Which(since=1.7e9 + 1, until=1.7e9 + 2))["judged"] == 1
    assert kept.summary(Which(camera="front"))["judged"] == kept.summary(Which(is_pass=True))["judged"] == 1
    assert kept.summary(Which(reason="fever"))["by_reason"] == {"no_mask": 1, "fever": 1}
    assert kept.summary(Which(reason="eve"))["judged"] == 0


@pytest.mark.parametrize("unit", ["hour", "day", "week"])
@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"])
def test_any_visits_are_counted_as_one_by_one(tmp_path: Path, zone: str, unit: Unit) -> None:
    site, dice = ZoneInfo(zone), random.Random(zone)
    since = datetime(2026, 10, 1, tzinfo=site)
    length = timedelta(days=36)
    visits = [
        seen(
            since.timestamp() + dice.uniform(-1e5, length.total_seconds() + 1e5),
            "front",
            *dice.choice([(), ("fever",)]),
        )
        for _ in range(400)
    ]
    until = since + length
    bars = reader(tmp_path, *visits).bars(site, Which(since=since.timestamp(), until=until.timestamp()), unit)
    inside = [each for each in visits if since.timestamp() <= each.at.wall < until.timestamp()]
    expected = Counter((begin_of(unit, each.at.wall, site).isoformat(), each.verdict) for each in inside)
    counted = Counter[tuple[str, str]]()
    for bar in bars:
        counted[bar.begins.isoformat(), "pass"] += bar.passed
        counted[bar.begins.isoformat(), "no_pass"] += bar.refused
    assert +counted == expected
    begins = [bar.begins.timestamp() for bar in bars]
    assert begins == sorted(set(begins))


def test_hours_in_which_nobody_came_are_bars_too(tmp_path: Path) -> None:
    site = ZoneInfo("Europe/Berlin")
    midnight = datetime(2026, 10, 25, tzinfo=site)
    bars = reader(tmp_path, seen(midnight.timestamp() + 3 * 3600 + 60)).bars(
        site, Which(since=midnight.timestamp(), until=(midnight + timedelta(days=1)).timestamp()), "hour"
    )
    assert len(bars) == 25
    assert [bar.begins.isoformat() for bar in bars if bar.passed] == ["2026-10-25T02:00:00+01:00"]


def test_damaged_rows_are_told_by_number_and_stop_nothing(tmp_path: Path) -> None:
    kept = reader(tmp_path, *(seen(1.7e9 + n, "front", "fever") for n in range(7)))
    with closing(sqlite3.connect(tmp_path / "db")) as connection:
        for number, damage in enumerate(
            (
                "wall = 'soon'",
                "wall = 9e99",
                "ispass = 7",
                "camera = x'ff'",
                "reasons = '['",
                "reasons = '[[1], \"é\"]'",
            )
        ):
            connection.execute(f"UPDATE visits SET {damage} WHERE id = 'v{number}'")
        connection.commit()
    summary = kept.summary(Which())
    assert (summary["judged"], summary["damaged"]) == (3, 4)
    assert summary["by_reason"] == {"fever": 1, "é": 1}
    stats = kept.stats(UTC)
    assert (stats["judged"], stats["damaged"]) == (3, 4)
    assert sum(bar.refused for bar in kept.bars(UTC, Which(since=1.7e9, until=1.7e9 + 60), "hour")) == 3


def test_stats_summary_and_cameras_count_the_same(tmp_path: Path) -> None:
    dice = random.Random(3)
    kept = reader(
        tmp_path,
        *(seen(1.7e9 + dice.uniform(0, 1e6), dice.choice("ab"), *dice.choice([(), ("fever",)])) for _ in range(200)),
    )
    summary, stats = kept.summary(Which()), kept.stats(UTC)
    cameras = kept.camera_hours(UTC)
    for key in ("passed", "refused"):
        assert summary[key] == stats[key] == sum(getattr(each.counts, key) for each in cameras)
        assert summary[key] == sum(date[key] for date in stats["by_date"])


def test_figures_read_the_index_and_not_the_table(tmp_path: Path) -> None:
    reader(tmp_path)
    with closing(sqlite3.connect(tmp_path / "db")) as connection:
        for query in (
            "SELECT camera, reasons, sum(ispass = 1) FROM visits WHERE wall >= 1 GROUP BY camera, reasons",
            "SELECT sensor, quantity, avg(value), quality FROM readings WHERE wall >= 1 GROUP BY sensor, quantity",
        ):
            plan = connection.execute(f"EXPLAIN QUERY PLAN {query}").fetchall()
            assert any("COVERING INDEX" in step[3] for step in plan), plan


@pytest.mark.parametrize("version", [1, 5, len(MIGRATIONS) - 1])
def test_a_database_of_an_earlier_version_is_read_as_it_is_and_brought_up_to_date(tmp_path: Path, version: int) -> None:
    new = tmp_path / "new"
    new.mkdir()
    reader(new, seen(1.7e9), seen(1.7e9 + 1, "front", "fever"))
    older(new / "db", tmp_path / "db", version)
    kept = Reader(tmp_path / "db")
    before = kept.summary(Which())
    assert (before["judged"], len(kept.visit_page(Which()).rows), kept.event_page("alerts").rows) == (2, 2, [])
    assert kept.event_page("faults", unseen=True).rows == []
    with closing(Ledger(tmp_path / "db", Bounds(), BOOT)) as ledger:
        ledger.open()
    assert kept.summary(Which()) == before
    assert kept.unseen("alerts") == 0
