"""The history of a running daemon stays within `history.max_bytes`."""

import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest
from tests.end_to_end.daemon import Daemon, edge_mask, lines, write_config, write_readings
from tests.ledger.rows import batch, moment, visit

from edge_mask.ledger.bounds import Bounds
from edge_mask.ledger.writer import Ledger
from edge_mask.messages import Look

LOOKS = 20_000


def count(path: Path, table: str) -> int:
    with closing(sqlite3.connect(path)) as connection:
        (found,) = connection.execute(f"SELECT count(*) FROM {table}").fetchone()
    return int(found)


@pytest.mark.timeout(120)
def test_the_oldest_looks_go_while_it_runs_and_the_visits_stay(tmp_path: Path) -> None:
    sensor = {"name": "hall", "kind": "replay", "path": str(write_readings(tmp_path / "t.csv", [21.0] * 10))}
    config = write_config(
        tmp_path, None, cameras=[], sensors=[{**sensor, "interval": "0.1s", "loop": True}], history={"max_bytes": "1MB"}
    )
    path = tmp_path / "edge-mask.db"
    looks = [(f"a-{n:05}", Look(at=moment(n / 10), camera="hall", faces=1, no_mask=0, streak=0)) for n in range(LOOKS)]
    with closing(Ledger(path, Bounds(), "boot-0")) as ledger:
        ledger.open()
        ledger.commit(batch(events=(("v", visit(moment(0))), *looks)), moment(LOOKS))
    with Daemon(config) as daemon:
        while count(path, "looks") == LOOKS or not count(path, "readings"):
            assert daemon.process.poll() is None, daemon.stderr
            time.sleep(0.2)
        assert daemon.stop() == 0
    assert 0 < count(path, "looks") < LOOKS
    assert "history: it takes more than the 1 MB of history.max_bytes" in daemon.stderr
    shown = edge_mask("history", "--json", "--config", config, cwd=tmp_path)
    assert [each["verdict"] for each in lines(shown.out)] == ["pass"], shown


def test_a_history_smaller_than_the_allowed_is_a_sentence(tmp_path: Path) -> None:
    shown = edge_mask("check", "--config", write_config(tmp_path, None, history={"max_bytes": "1kB"}), cwd=tmp_path)
    assert shown.code == 2
    assert "history.max_bytes" in shown.err
    assert "1MB" in shown.err
