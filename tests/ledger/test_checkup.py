"""The doctor's look: what a daemon could not use is said, and nothing is changed by looking."""

import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from tests.ledger.rows import BOOT, batch, moment, visit, waiting

from edge_mask.errors import DatabaseError
from edge_mask.ledger.bounds import Bounds
from edge_mask.ledger.database import InUse, Lock
from edge_mask.ledger.schema import MIGRATIONS
from edge_mask.ledger.upkeep import check_up
from edge_mask.ledger.writer import Ledger


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A database of ours, with rows, in a folder of its own."""
    made = tmp_path / "site" / "edge-mask.db"
    with closing(Ledger(made, Bounds(), BOOT)) as ledger:
        ledger.open()
        ledger.commit(batch(*(waiting(n, size=300) for n in range(200)), events=(("v1", visit()),)), moment())
    return made


def contents(folder: Path) -> dict[str, bytes]:
    return {str(file): file.read_bytes() for file in sorted(folder.rglob("*")) if file.is_file()}


def strangers(path: Path, version: int = 0) -> Path:
    with closing(sqlite3.connect(path)) as database:
        database.executescript(f"CREATE TABLE recipes (name TEXT); PRAGMA user_version = {version}")
    return path


def test_a_sound_database_is_left_as_it_is(path: Path) -> None:
    before = contents(path.parent)
    assert check_up(path) == str(path)
    assert contents(path.parent) == before


def test_a_journal_that_a_killed_daemon_left_is_read_and_stays(path: Path, tmp_path: Path) -> None:
    copy = tmp_path / "killed"
    with closing(Ledger(path, Bounds(), BOOT)) as ledger:
        ledger.open()
        ledger.commit(batch(waiting(1000)), moment())
        shutil.copytree(path.parent, copy)
    journal = (copy / "edge-mask.db-wal").read_bytes()
    database = (copy / "edge-mask.db").read_bytes()
    assert journal
    assert check_up(copy / "edge-mask.db")
    assert (copy / "edge-mask.db-wal").read_bytes() == journal
    assert (copy / "edge-mask.db").read_bytes() == database


def test_an_empty_file_and_an_old_version_do_not_grow(tmp_path: Path) -> None:
    empty, old = tmp_path / "empty.db", tmp_path / "old.db"
    empty.touch()
    with closing(sqlite3.connect(old)) as database:
        for statement in MIGRATIONS[0]:
            database.execute(statement)
        database.executescript("PRAGMA user_version = 1")
    before = contents(tmp_path)
    assert check_up(empty) == str(empty)
    assert check_up(old) == str(old)
    assert contents(tmp_path) == before


def test_one_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    assert check_up(tmp_path / "new" / "x.db").endswith("will be made at the first start")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("version", [0, 1, 2])
def test_another_programs_database_is_refused_and_left_as_it_is(tmp_path: Path, version: int) -> None:
    path = strangers(tmp_path / "recipes.db", version)
    before = path.read_bytes()
    with pytest.raises(DatabaseError, match=r"recipes\.db: belongs to another program \(it has the tables recipes\)"):
        check_up(path)
    with pytest.raises(DatabaseError, match="belongs to another program"):
        Ledger(path, Bounds(), BOOT).open()
    assert path.read_bytes() == before


def test_a_newer_programs_database_is_refused(path: Path) -> None:
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA user_version = 99")
    with pytest.raises(DatabaseError, match=r"edge-mask\.db: the database has version 99"):
        check_up(path)


@pytest.mark.parametrize("start", [0, 5], ids=["no database", "broken pages"])
def test_a_damaged_one_is_named_with_its_remedy(path: Path, start: int) -> None:
    with path.open("r+b") as file:
        file.seek(start * 4096)
        file.write(b"\xff" * 8192)
    with pytest.raises(DatabaseError, match=r"edge-mask\.db: .*; try: edge-mask outbox repair$"):
        check_up(path)


def test_one_below_a_file_is_a_fault_not_a_promise(tmp_path: Path) -> None:
    (tmp_path / "photo.jpg").write_bytes(b"x")
    with pytest.raises(DatabaseError, match="Not a directory"):
        check_up(tmp_path / "photo.jpg" / "x.db")


def test_a_running_daemon_is_told_from_a_lock_that_may_not_be_opened(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = Lock(path)
    lock.acquire()
    with pytest.raises(InUse, match=f"in use by another edge-mask daemon \\(process {os.getpid()}\\)"):
        check_up(path)
    lock.release()
    assert check_up(path)

    def refuse(*_anything: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(DatabaseError, match="cannot open its lock file: Permission denied") as caught:
        check_up(path)
    assert not isinstance(caught.value, InUse)


@pytest.mark.parametrize("closed", ["site", "edge-mask.db", "edge-mask.db.lock"])
def test_what_may_not_be_written_is_named(path: Path, monkeypatch: pytest.MonkeyPatch, closed: str) -> None:
    monkeypatch.setattr(os, "access", lambda part, rights: Path(part).name != closed)
    with pytest.raises(DatabaseError, match=f"{closed} may not be written"):
        check_up(path)
