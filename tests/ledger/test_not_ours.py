"""`outbox.path` names what is no database of ours: a sentence, and what is there stays as it is."""

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from tests.ledger.test_salvage import filled

from edge_mask.cli import main
from edge_mask.ledger.database import APPLICATION_ID

COMMANDS = (
    ("run", "--until-idle"),
    ("outbox", "status"),
    ("outbox", "purge", "--yes"),
    ("outbox", "repair"),
    ("history",),
)


def config(folder: Path, database: str) -> Path:
    path = folder / "c.yaml"
    (folder / "r.csv").write_text("0,36.5\n", encoding="utf-8")
    path.write_text(
        f"outbox: {{path: '{database}'}}\nmqtt: {{transport: none}}\n"
        f"sensors: [{{name: s, kind: replay, path: {folder}/r.csv, quantity: temperature, unit: C, rate: max}}]\n",
        encoding="utf-8",
    )
    return path


@pytest.mark.parametrize(
    "path", [":memory:", "", ".", "..", "/", "file:x.db", "file::memory:?cache=shared", "FOLDER/.."]
)
def test_a_name_that_is_no_file_is_a_fault_of_the_configuration(
    tmp_path: Path, path: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["outbox", "status", "--config", str(config(tmp_path, path.replace("FOLDER", str(tmp_path))))]) == 2
    assert "allowed: the name of a file on this device" in capsys.readouterr().err


def test_the_configuration_itself_is_no_database(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = config(tmp_path, str(tmp_path / "c.yaml"))
    before = path.read_bytes()
    assert main(["run", "--until-idle", "--config", str(path)]) == 2
    assert "outbox.path: is this configuration itself" in capsys.readouterr().err
    assert path.read_bytes() == before


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
@pytest.mark.parametrize(
    "content", [b"a letter to a friend\n" * 100, b"\0" * 8192, b"x"], ids=["text", "zeros", "byte"]
)
def test_a_file_of_somebody_else_is_left_as_it_is(tmp_path: Path, command: tuple[str, ...], content: bytes) -> None:
    letter = tmp_path / "letter.txt"
    letter.write_bytes(content)
    for _ in range(2):  # also when the first try left something beside it
        assert main([*command, "--config", str(config(tmp_path, str(letter)))]) == 4
    assert letter.read_bytes() == content
    assert sorted(path.name for path in tmp_path.iterdir()) == ["c.yaml", "letter.txt", "r.csv"]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_pipe_is_no_database_and_nobody_waits_for_it(
    tmp_path: Path, command: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert main([*command, "--config", str(config(tmp_path, str(tmp_path / "pipe")))]) == 4
    assert "is a pipe or a device; outbox.path names a file" in capsys.readouterr().err


def test_a_damaged_database_of_another_program_is_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "recipes.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript("CREATE TABLE recipes (name TEXT); INSERT INTO recipes VALUES ('soup')")
    damaged = path.read_bytes()[:100] + b"\xff" * 8092
    path.write_bytes(damaged)
    assert main(["run", "--until-idle", "--config", str(config(tmp_path, str(path)))]) == 4
    assert path.read_bytes() == damaged


def test_our_mark_in_the_file_is_enough_without_a_lock_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "edge-mask.db"
    filled(path, 100)
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA application_id").fetchone() == (APPLICATION_ID,)
    content = path.read_bytes()
    path.write_bytes(content[:100] + b"\xff" * (len(content) - 100))
    path.with_name("edge-mask.db.lock").unlink()
    assert main(["outbox", "repair", "--config", str(config(tmp_path, str(path)))]) == 0
    assert len(list(tmp_path.glob("edge-mask.db.damaged-*"))) == 1
