"""The history and its figures, in the site's own hours."""

from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from tests.ledger.rows import BOOT, batch, moment, visit

from edge_mask.errors import DatabaseError
from edge_mask.ledger.bounds import Bounds
from edge_mask.ledger.figures import Which
from edge_mask.ledger.reader import Reader
from edge_mask.ledger.writer import Ledger
from edge_mask.units import Moment, Seconds, Unix


def at(text: str) -> Moment:
    return Moment(Seconds(0.0), Unix(datetime.fromisoformat(text).timestamp()))


def record(path: Path, *visits: tuple[str, str]) -> None:
    events = tuple((f"v{n}", visit(at(when), verdict)) for n, (when, verdict) in enumerate(visits))
    with closing(Ledger(path, Bounds(), BOOT)) as ledger:
        ledger.open()
        ledger.commit(batch(events=events), moment())


def test_visits_come_oldest_first_and_between_the_limits(tmp_path: Path) -> None:
    record(
        tmp_path / "db",
        ("2026-11-20T09:00:00+00:00", "pass"), ("2026-11-20T08:00:00+00:00", "no_pass"),
        ("2026-11-20T10:00:00+00:00", "pass"),
    )  # fmt: skip
    reader = Reader(tmp_path / "db")
    assert [v["verdict"] for v in reader.visits()] == ["no_pass", "pass", "pass"]
    limited = reader.visits(at("2026-11-20T09:00:00+00:00").wall, at("2026-11-20T10:00:00+00:00").wall)
    assert [v["id"] for v in limited] == ["v0"]


def test_hours_of_the_day_are_the_sites_own(tmp_path: Path) -> None:
    record(tmp_path / "db", ("2026-11-20T15:30:00+00:00", "pass"), ("2026-11-20T15:59:00+00:00", "no_pass"))
    stats = Reader(tmp_path / "db").stats(ZoneInfo("Asia/Seoul"))
    assert (stats["judged"], stats["passed"], stats["refused"]) == (2, 1, 1)
    assert stats["by_hour"][0] == {"hour": 0, "passed": 1, "refused": 1}
    assert stats["by_date"] == [{"date": "2026-11-21", "passed": 1, "refused": 1}]


def test_the_hour_that_comes_twice_on_a_day_of_25_hours_is_counted_once_for_each_visit(tmp_path: Path) -> None:
    record(tmp_path / "db", ("2026-10-25T00:30:00+00:00", "pass"), ("2026-10-25T01:30:00+00:00", "pass"))
    stats = Reader(tmp_path / "db").stats(ZoneInfo("Europe/Berlin"))
    assert stats["by_hour"][2]["passed"] == 2
    assert Reader(tmp_path / "db").stats(UTC)["by_hour"][0]["passed"] == 1


def test_visitors_are_counted_from_a_moment_on(tmp_path: Path) -> None:
    record(
        tmp_path / "db",
        ("2026-11-20T14:59:59+00:00", "pass"), ("2026-11-20T15:00:00+00:00", "pass"),
        ("2026-11-20T16:00:00+00:00", "no_pass"), ("2026-11-20T17:00:00+00:00", "pass"),
    )  # fmt: skip
    reader = Reader(tmp_path / "db")
    assert reader.judged(at("2026-11-21T00:00:00+09:00").wall) == {"passed": 2, "refused": 1}
    assert reader.judged(at("2026-11-22T00:00:00+09:00").wall) == {"passed": 0, "refused": 0}


def test_a_database_that_is_not_there_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(DatabaseError, match="appears when the daemon first runs"):
        list(Reader(tmp_path / "none.db").visits())


def test_what_is_asked_together_sees_one_state_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "db"
    record(path, ("2026-11-20T09:00:00+00:00", "pass"))
    with Reader(path).held() as reader:
        before = reader.summary(Which())["judged"]
        with closing(Ledger(path, Bounds(), BOOT)) as ledger:
            ledger.open()
            ledger.commit(batch(events=(("later", visit(at("2026-11-20T10:00:00+00:00"), "pass")),)), moment())
        assert (before, reader.summary(Which())["judged"]) == (1, 1)
    assert Reader(path).summary(Which())["judged"] == 2


def test_a_database_that_takes_the_place_of_another_is_read_from_then_on(tmp_path: Path) -> None:
    path, other = tmp_path / "db", tmp_path / "other"
    record(path, ("2026-11-20T09:00:00+00:00", "pass"))
    record(other, ("2026-11-20T09:00:00+00:00", "pass"), ("2026-11-20T10:00:00+00:00", "pass"))
    reader = Reader(path)
    assert reader.summary(Which())["judged"] == 1
    other.replace(path)
    assert reader.summary(Which())["judged"] == 2


def test_the_same_name_in_another_folder_is_another_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number, folder in enumerate((tmp_path / "a", tmp_path / "b"), 1):
        folder.mkdir()
        record(folder / "db", *[("2026-11-20T09:00:00+00:00", "pass")] * number)
        monkeypatch.chdir(folder)
        assert Reader(Path("db")).summary(Which())["judged"] == number
