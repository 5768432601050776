"""`kill -9` between any two statements, and the worst power cut: what was committed is there, nothing is half there."""

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from edge_mask.ledger.bounds import Bounds
from edge_mask.ledger.writer import Ledger

CHILD = Path(__file__).with_name("recording_child.py")
ROOT = CHILD.parents[2]


def child(database: Path, **environment: str) -> "subprocess.Popen[str]":
    """It records until it is killed."""
    return subprocess.Popen(
        [sys.executable, str(CHILD), str(database)],
        stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
    )  # fmt: skip


def contents(database: Path) -> dict[str, Any]:
    """What is in the file after our own opening of it, as the restarted daemon would see it."""
    ledger = Ledger(database, Bounds(), "boot")
    ledger.open()
    assert ledger.file.salvaged is None
    ledger.close()
    with closing(sqlite3.connect(database)) as connection:

        def query(sql: str) -> list[Any]:
            return connection.execute(sql).fetchall()

        return {
            "held": {row[0] for row in query("SELECT id FROM held")},
            "visits": {row[0] for row in query("SELECT id FROM visits")},
            "readings": {row[0] for row in query("SELECT id FROM readings")},
            "messages": {row[0] for row in query("SELECT message_id FROM outbox")},
            "seqs": {
                topic: [row[0] for row in query(f"SELECT json_extract(CAST(payload AS TEXT), '$.seq') FROM outbox "
                                                f"WHERE topic = '{topic}' ORDER BY id")]
                for topic in ("t/visits", "t/temperature")
            },
            "stored": dict(query("SELECT topic, seq FROM topics")),
            "totals": [row[0] for row in query("SELECT messages FROM totals ORDER BY state")],
            "counted": [query(f"SELECT count(*) FROM outbox WHERE state = {state}")[0][0] for state in (0, 1)],
        }  # fmt: skip


def assert_whole(found: dict[str, Any], said: str) -> None:
    """Every commit is all there or not there at all."""
    held = {line.split()[1] for line in said.splitlines() if line.startswith("held ")}
    committed = {line for line in said.splitlines() if line and not line.startswith("held ")}
    assert committed <= found["visits"]
    assert held <= found["held"] ^ found["visits"]
    assert found["messages"] == found["visits"] | found["readings"]
    assert len(found["visits"]) == len(found["readings"])
    assert found["totals"] == found["counted"]
    for topic, seqs in found["seqs"].items():
        assert seqs == list(range(1, len(seqs) + 1))
        assert found["stored"].get(topic, 0) == len(seqs)


def test_killed_before_any_statement_of_the_recording_path(tmp_path: Path) -> None:
    forking = [sys.executable, str(CHILD), str(tmp_path), "60"]
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(forking, stdout=subprocess.PIPE, text=True, env=environ, check=True)
    *killed, last = map(int, done.stdout.split())
    assert last == 0, "the child never reached its end: raise the number"
    assert set(killed) == {-signal.SIGKILL}
    assert len(killed) >= 15  # four commits of at least four statements each
    for kill_at in range(1, len(killed) + 2):
        assert_whole(contents(tmp_path / f"{kill_at}.db"), (tmp_path / f"{kill_at}.said").read_text())


@pytest.mark.parametrize("after", [1, 7, 40])
def test_killed_from_outside_while_recording(tmp_path: Path, after: int) -> None:
    process = child(tmp_path / "db")
    assert process.stdout is not None
    committed = "".join(process.stdout.readline() for _ in range(after))
    process.kill()
    committed += process.stdout.read()
    process.wait(30)
    process.stdout.close()
    assert_whole(contents(tmp_path / "db"), committed)


@pytest.fixture(scope="module")
def power_cut_shim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The preload library that keeps only what was there at each file's last fsync."""
    built = tmp_path_factory.mktemp("shim") / "power_cut.so"
    source = Path(__file__).with_name("shims") / "power_cut.c"
    subprocess.run(["cc", "-shared", "-fPIC", "-o", built, source, "-ldl", "-lpthread"], check=True, timeout=60)
    return built


def test_the_worst_power_cut_loses_nothing_that_was_committed(tmp_path: Path, power_cut_shim: Path) -> None:
    before, after = tmp_path / "before", tmp_path / "after"
    before.mkdir()
    after.mkdir()
    process = child(
        before / "db", LD_PRELOAD=str(power_cut_shim), SHADOW_SRC=str(before), SHADOW_DST=str(after)
    )  # fmt: skip
    assert process.stdout is not None
    committed = "".join(process.stdout.readline() for _ in range(60))
    process.kill()
    process.wait(30)
    process.stdout.close()
    survived = tmp_path / "survived"
    shutil.copytree(after, survived)
    assert (survived / "db").exists()
    assert_whole(contents(survived / "db"), committed)
