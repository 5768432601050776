"""What each camera saw, by hours of the site: also those that come twice, never, or begin at half past."""

import random
import sqlite3
from collections import Counter
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from tests.ledger.rows import BOOT, batch, moment, older, visit

from edge_mask.cli import main
from edge_mask.ledger.bounds import Bounds
from edge_mask.ledger.hours import Counts, by_camera
from edge_mask.ledger.reader import Reader
from edge_mask.ledger.writer import Ledger
from edge_mask.messages import Alert, Event, Look
from edge_mask.units import Moment, Seconds, Unix

BERLIN = ZoneInfo("Europe/Berlin")


def at(text: str | float) -> Moment:
    return Moment(Seconds(0.0), Unix(datetime.fromisoformat(text).timestamp() if isinstance(text, str) else text))


def look(when: str | float, camera: str = "hall", bare: int = 0) -> Look:
    return Look(at=at(when), camera=camera, faces=bare, no_mask=bare, streak=bare)


def alert(when: str, camera: str | None = "hall") -> Alert:
    return Alert(at=at(when), kind="no_mask", text="somebody", camera=camera, streak=6)


def reader(folder: Path, *events: Event) -> Reader:
    with closing(Ledger(folder / "db", Bounds(), BOOT)) as ledger:
        ledger.open()
        ledger.commit(batch(events=tuple((f"e{n}", event) for n, event in enumerate(events))), moment())
    return Reader(folder / "db")


def test_each_camera_is_counted_by_hours_of_the_site(tmp_path: Path) -> None:
    kept = reader(
        tmp_path,
        look("2026-11-20T08:59:59+09:00"), look("2026-11-20T09:00:00+09:00", bare=2),
        look("2026-11-20T09:59:59+09:00", bare=1), look("2026-11-20T09:30:00+09:00", camera="yard"),
        alert("2026-11-20T09:59:59+09:00"), alert("2026-11-20T09:00:00+09:00", camera=None),
        visit(at("2026-11-20T09:10:00+09:00"), "pass"), visit(at("2026-11-21T09:20:00+09:00"), "no_pass"),
    )  # fmt: skip
    hours = kept.camera_hours(ZoneInfo("Asia/Seoul"))
    assert [(each.camera, each.begins.isoformat(), each.counts) for each in hours] == [
        ("front", "2026-11-20T09:00:00+09:00", Counts(passed=1)),
        ("front", "2026-11-21T09:00:00+09:00", Counts(refused=1)),
        ("hall", "2026-11-20T08:00:00+09:00", Counts(looks=1)),
        ("hall", "2026-11-20T09:00:00+09:00", Counts(looks=2, no_mask_looks=2, alerts=1)),
        ("yard", "2026-11-20T09:00:00+09:00", Counts(looks=1)),
    ]
    front, hall, _ = by_camera(hours)
    assert (front["camera"], front["passed"], front["refused"]) == ("front", 1, 1)
    assert front["by_hour"][9] == {
        "hour": 9, "looks": 0, "no_mask_looks": 0, "alerts": 0, "passed": 1, "refused": 1,
    }  # fmt: skip
    assert [hall["by_hour"][hour]["looks"] for hour in (7, 8, 9, 10)] == [0, 1, 2, 0]


def test_the_hour_that_comes_twice_is_two_hours_of_the_calendar_and_one_of_the_day(tmp_path: Path) -> None:
    kept = reader(tmp_path, look("2026-10-25T00:10:00Z"), look("2026-10-25T00:50:00Z"), look("2026-10-25T01:10:00Z"))
    hours = kept.camera_hours(BERLIN)
    assert [(each.begins.isoformat(), each.counts.looks) for each in hours] == [
        ("2026-10-25T02:00:00+02:00", 2),
        ("2026-10-25T02:00:00+01:00", 1),
    ]
    [hall] = by_camera(hours)
    assert hall["by_hour"][2]["looks"] == 3


def test_the_hour_that_never_comes_stays_empty(tmp_path: Path) -> None:
    kept = reader(tmp_path, look("2026-03-29T00:59:59Z"), look("2026-03-29T01:00:00Z"))
    assert [each.begins.hour for each in kept.camera_hours(BERLIN)] == [1, 3]


@pytest.mark.parametrize(
    ("zone", "begins"),
    [
        ("Asia/Kolkata", ["2026-11-20T05:00:00+05:30", "2026-11-20T06:00:00+05:30"]),
        ("Asia/Kathmandu", ["2026-11-20T06:00:00+05:45"]),
        ("UTC", ["2026-11-20T00:00:00+00:00"]),
    ],
)
def test_hours_of_zones_that_are_off_by_a_half_or_a_quarter(tmp_path: Path, zone: str, begins: list[str]) -> None:
    kept = reader(tmp_path, look("2026-11-20T00:29:59Z"), look("2026-11-20T00:30:00Z"))
    assert [each.begins.isoformat() for each in kept.camera_hours(ZoneInfo(zone))] == begins


def test_only_the_period_is_counted_to_the_second(tmp_path: Path) -> None:
    kept = reader(tmp_path, *(look(f"2026-11-20T09:00:0{second}Z") for second in range(5)))
    [hour] = kept.camera_hours(UTC, at("2026-11-20T09:00:01Z").wall, at("2026-11-20T09:00:04Z").wall)
    assert hour.counts.looks == 3


def test_damaged_rows_are_not_counted_and_stop_nothing(tmp_path: Path) -> None:
    kept = reader(tmp_path, look(1.7e9), look(1.7e9 + 1), look(1.7e9 + 2), look(1.7e9 + 3), visit(at(1.7e9)))
    with closing(sqlite3.connect(tmp_path / "db")) as connection:
        connection.execute("UPDATE looks SET wall = 'soon' WHERE id = 'e0'")
        connection.execute("UPDATE looks SET wall = 9e99 WHERE id = 'e1'")
        connection.execute("UPDATE looks SET no_mask = x'00' WHERE id = 'e2'")
        connection.execute("UPDATE visits SET ispass = 7")
        connection.commit()
    assert [(each.camera, each.counts) for each in kept.camera_hours(UTC)] == [("hall", Counts(looks=1))]


def test_any_looks_are_counted_as_one_by_one(tmp_path: Path) -> None:
    dice = random.Random(7)
    around = datetime(2026, 10, 25, tzinfo=BERLIN).timestamp()
    looks = [
        look(around + dice.uniform(-9e4, 9e4), dice.choice(["hall", "yard"]), dice.randrange(2)) for _ in range(500)
    ]
    expected = Counter((each.camera, datetime.fromtimestamp(each.at.wall, BERLIN).isoformat()[:13]) for each in looks)
    counted: Counter[tuple[str, str]] = Counter()
    for hour in reader(tmp_path, *looks).camera_hours(BERLIN):
        counted[hour.camera, hour.begins.isoformat()[:13]] += hour.counts.looks
    assert counted == expected


def test_a_database_of_an_earlier_version_is_counted_as_it_is(tmp_path: Path) -> None:
    reader(tmp_path, look(1.7e9))
    older(tmp_path / "db", tmp_path / "old", 4)
    assert [each.counts.looks for each in Reader(tmp_path / "old").camera_hours(UTC)] == [1]


def test_counting_reads_the_index_and_not_the_table(tmp_path: Path) -> None:
    """A year of looks is read in seconds that way (docs/outbox.md)."""
    reader(tmp_path)
    with closing(sqlite3.connect(tmp_path / "db")) as connection:
        plan = connection.execute(
            "EXPLAIN QUERY PLAN SELECT camera, CAST(wall / 900 AS INTEGER) AS quarter, count(*), sum(no_mask > 0)"
            " FROM looks WHERE wall BETWEEN 0 AND 2.5e11 GROUP BY quarter, camera"
        ).fetchall()
    assert any("COVERING INDEX looks_wall" in step[3] for step in plan), plan


def test_the_figures_as_a_person_and_as_a_spreadsheet_reads_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    reader(
        tmp_path,
        look("2026-10-25T00:10:00Z", bare=1), look("2026-10-25T01:10:00Z"), alert("2026-10-25T01:10:00Z"),
        visit(at("2026-10-25T02:10:00Z")),
    )  # fmt: skip
    config = tmp_path / "config.yaml"
    config.write_text(
        "device: {thing_name: t, timezone: Europe/Berlin}\nmqtt: {transport: none}\n"
        f"cameras: [{{name: hall, source: 'usb:0', role: cctv}}]\noutbox: {{path: '{tmp_path / 'db'}'}}\n"
    )
    assert main(["stats", "--config", str(config)]) == 0
    shown = capsys.readouterr().out.splitlines()
    assert [line.split() for line in shown[shown.index("camera front:") :]] == [
        ["camera", "front:"], ["hour", "passed"], ["03", "1"], ["all", "1"],
        ["camera", "hall:"], ["hour", "looks", "without", "a", "mask", "alerts"], ["02", "2", "1", "1"],
        ["all", "2", "1", "1"],
    ]  # fmt: skip
    assert main(["stats", "--csv", "--since", "2026-10-25T02:05", "--config", str(config)]) == 0
    assert capsys.readouterr().out == (
        "hour,camera,looks,no_mask_looks,alerts,passed,refused\n"
        "2026-10-25T03:00:00+01:00,front,0,0,0,1,0\n"
        "2026-10-25T02:00:00+02:00,hall,1,1,0,0,0\n"
        "2026-10-25T02:00:00+01:00,hall,1,0,1,0,0\n"
    )
