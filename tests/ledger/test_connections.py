"""Reading where little is allowed: sentences instead of tracebacks, and no more rights than reading needs."""

import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from tests.ledger.rows import BOOT, batch, moment, visit

from edge_mask.errors import DatabaseError
from edge_mask.ledger.bounds import Bounds
from edge_mask.ledger.connections import ReadView
from edge_mask.ledger.reader import Reader
from edge_mask.ledger.upkeep import purge, repair
from edge_mask.ledger.writer import Ledger

POWERLESS = ("setpriv", "--bounding-set", "-all", "--inh-caps", "-all")


def filled(path: Path) -> Path:
    with closing(Ledger(path, Bounds(), BOOT)) as ledger:
        ledger.open()
        ledger.commit(batch(events=(("v1", visit()),)), moment())
    return path


def look(path: Path) -> None:
    with ReadView(path).transaction():
        pass


@pytest.mark.parametrize(
    "use",
    [
        lambda path: list(Reader(path).visits()),
        lambda path: Reader(path).outbox_status(moment(), BOOT),
        lambda path: purge(path, refused_only=False),
        repair,
        look,
        lambda path: Ledger(path, Bounds(), BOOT).open(),
    ],
    ids=["history", "status", "purge", "repair", "view", "daemon"],
)
def test_a_database_that_cannot_even_be_looked_for_is_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, use: Callable[[Path], object]
) -> None:
    (tmp_path / "photo.jpg").write_bytes(b"x")
    with pytest.raises(DatabaseError, match=r"(Not a directory|File exists)$"):
        use(tmp_path / "photo.jpg" / "x.db")
    with pytest.raises(DatabaseError, match="File name too long"):
        use(tmp_path / ("x" * 5000))
    with pytest.raises(DatabaseError, match="is not a path"):
        use(tmp_path / "a\0b")

    def refuse(*_anything: object, **_more: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "stat", refuse)
    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(DatabaseError, match="Permission denied"):
        use(tmp_path / "closed" / "x.db")


@pytest.mark.skipif(not Path("/usr/bin/setpriv").exists(), reason="needs setpriv to give up root's rights")
def test_history_of_a_stopped_daemon_can_be_read_where_nothing_may_be_written(tmp_path: Path) -> None:
    path = filled(tmp_path / "db")
    before = {file.name: file.stat().st_mtime_ns for file in tmp_path.iterdir()}
    code = (
        "import sys; from pathlib import Path; from edge_mask.ledger.reader import Reader;"
        "print([visit['id'] for visit in Reader(Path(sys.argv[1])).visits()])"
    )
    tmp_path.chmod(0o555)
    try:
        done = subprocess.run(
            [*POWERLESS, sys.executable, "-c", code, path], capture_output=True, text=True, check=False
        )
    finally:
        tmp_path.chmod(0o755)
    assert (done.stdout, done.stderr) == ("['v1']\n", "")
    assert {file.name: file.stat().st_mtime_ns for file in tmp_path.iterdir()} == before


ANOTHER_PROGRAM = """
import sqlite3, sys
database = sqlite3.connect(sys.argv[1])
print(database.execute("SELECT count(*) FROM visits").fetchone()[0])
database.close()
"""


def test_a_program_that_closes_the_database_beside_the_daemon_takes_no_journal_away(tmp_path: Path) -> None:
    """Its own looks at the file must not free the locks by which others see that it is in use."""
    path = tmp_path / "edge-mask.db"
    with closing(Ledger(path, Bounds(), BOOT)) as ledger:
        ledger.open()  # makes the file
        ledger.commit(batch(events=(("v1", visit()),)), moment())
        Reader(path).outbox_status(moment(), BOOT)
        journal = path.with_name("edge-mask.db-wal").stat().st_ino
        for count in ("1", "2"):
            done = subprocess.run(
                [sys.executable, "-c", ANOTHER_PROGRAM, str(path)], capture_output=True, text=True, check=True
            )
            assert done.stdout.strip() == count
            assert path.with_name("edge-mask.db-wal").stat().st_ino == journal
            ledger.commit(batch(events=(("v2", visit()),)), moment())
            look(path)
