"""The record of a visit lies in the visit's row: it is counted, carried and erased with it."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from tests.ledger.rows import BOOT, batch, moment, older, visit, waiting

from edge_mask.ledger.bounds import Bounds
from edge_mask.ledger.erasure import Erasure
from edge_mask.ledger.reader import Reader
from edge_mask.ledger.rows import Batch
from edge_mask.ledger.schema import MIGRATIONS
from edge_mask.ledger.upkeep import erase_people, repair
from edge_mask.ledger.writer import Ledger
from edge_mask.messages import Alert
from edge_mask.units import Seconds

RECORD = b"\x01 what was seen" * 40
BEFORE_RECORDS = 4
"""The version of the database that had none."""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "edge-mask.db"


def opened(path: Path, bounds: Bounds | None = None) -> Ledger:
    ledger = Ledger(path, bounds or Bounds(), BOOT)
    ledger.open()
    return ledger


def filled(path: Path, count: int = 3) -> None:
    with closing(opened(path)) as ledger:
        for number in range(count):
            ledger.commit(batch(events=((f"v{number}", visit(moment(number), record=RECORD)),)), moment(number))


def size_of(path: Path) -> int:
    with closing(sqlite3.connect(path)) as connection:
        (size,) = connection.execute("SELECT bytes FROM history WHERE name = 'visits'").fetchone()
    return int(size)


def record_of(path: Path, name: str) -> bytes | None:
    found = Reader(path).visit(name)
    assert found is not None
    return found[1]


def test_a_record_is_read_with_its_visit_and_shown_by_no_list(path: Path) -> None:
    filled(path)
    assert record_of(path, "v1") == RECORD
    assert Reader(path).visit("v9") is None
    assert all("record" not in row for row in Reader(path).visits())


def test_a_record_counts_for_the_size_of_the_history(path: Path) -> None:
    with closing(opened(path)) as ledger:
        ledger.commit(batch(events=(("v0", visit()),)), moment())
        bare = size_of(path)
        ledger.commit(batch(events=(("v1", visit(record=RECORD)),)), moment())
        assert size_of(path) == 2 * bare + len(RECORD)
        ledger.erase(Erasure(visit="v1"), moment(200))
        assert size_of(path) == bare


@pytest.mark.parametrize("version", range(1, len(MIGRATIONS)))
def test_visits_of_an_older_database_have_no_record_and_new_ones_do(tmp_path: Path, path: Path, version: int) -> None:
    filled(path)
    old = tmp_path / "old.db"
    older(path, old, version)
    with closing(opened(old)) as ledger:
        ledger.commit(batch(events=(("new", visit(record=RECORD)),)), moment(10))
    assert record_of(old, "v1") == (RECORD if version > BEFORE_RECORDS else None)
    assert record_of(old, "new") == RECORD


@pytest.mark.parametrize("version", range(1, len(MIGRATIONS)))
def test_an_older_database_can_be_read_before_a_daemon_has_opened_it(tmp_path: Path, path: Path, version: int) -> None:
    filled(path)
    old = tmp_path / "old.db"
    older(path, old, version)
    shown = list(Reader(old).visits())
    assert [row["id"] for row in shown] == ["v0", "v1", "v2"]
    assert shown[0]["time_to_verdict_ms"] is None
    assert record_of(old, "v1") == (RECORD if version > BEFORE_RECORDS else None)


def test_a_visit_that_is_erased_takes_its_record_along_out_of_the_file(path: Path) -> None:
    filled(path)
    with closing(opened(path)) as ledger:
        alert = Alert(at=moment(1), kind="fever", text="38.1 C", camera="front")
        ledger.commit(batch(waiting(1), events=(("a", alert),)), moment(1))
    erase_people(path, Erasure(visit="v1"))
    assert Reader(path).visit("v1") is None
    assert record_of(path, "v2") == RECORD
    erase_people(path, Erasure(before=moment(100).wall))
    assert not any(RECORD in file.read_bytes() for file in path.parent.glob("edge-mask.db*"))


def test_a_visit_that_is_too_old_takes_its_record_along(path: Path) -> None:
    filled(path)
    with closing(opened(path, Bounds(history=Seconds(60.0)))) as ledger:
        ledger.housekeeping(moment(1000))
    assert Reader(path).visit("v1") is None


def test_a_salvage_carries_records_over(path: Path) -> None:
    filled(path, 400)
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(size // 2 // 4096 * 4096)
        file.write(b"\xff" * 4096)
    assert repair(path) is not None
    kept = [row["id"] for row in Reader(path).visits()]
    assert len(kept) > 200
    assert {record_of(path, name) for name in kept} == {RECORD}


@pytest.mark.parametrize("value", ["'text'", "5", "9e999"])
def test_something_else_in_the_place_of_a_record_is_damage_and_no_traceback(path: Path, value: str) -> None:
    filled(path)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"UPDATE visits SET record = {value} WHERE id = 'v1'")
        connection.commit()
    assert record_of(path, "v1") == b""
    with closing(opened(path)) as ledger:
        ledger.commit(Batch(), moment(5))
