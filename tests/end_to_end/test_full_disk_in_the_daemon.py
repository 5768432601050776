"""Wishes, SIGHUP and `reload` while the database cannot be written: the daemon judges on, and loses nothing."""

import json
import os
import resource
import signal
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest
from tests.end_to_end.daemon import write_readings
from tests.waiting import until
from tests.web.served import Client, Served, served


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 6 MB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", str(disk)], capture_output=True).returncode:
        pytest.skip("only root can mount a disk that is full")
    try:
        yield disk
    finally:
        subprocess.run(["umount", "--lazy", str(disk)], check=True)


@contextmanager
def gate(folder: Path, disk: Path) -> Iterator[Served]:
    """A gate and a sensor that both have something to record all the time."""
    readings = write_readings(folder / "readings.csv", [36.5, 36.6])
    sensor = {"name": "hall", "kind": "replay", "path": str(readings), "loop": True}
    with served(folder / "house", outbox={"path": str(disk / "edge-mask.db")}, sensors=[sensor]) as house:
        until(lambda: visits(disk) > 0)
        yield house


def visits(disk: Path) -> int:
    with closing(sqlite3.connect(f"file:{disk}/edge-mask.db?mode=ro", uri=True)) as connection:
        found: int = connection.execute("SELECT count(*) FROM visits").fetchone()[0]
        return found


def is_full(disk: Path) -> bool:
    """It is from now on."""
    with (disk / "filler").open("ab", buffering=0) as file, suppress(OSError):
        while True:
            file.write(bytes(4096))
    return True


def is_waiting(house: Served) -> bool:
    return "recording waits" in house.daemon.stderr


def wish(program: Client) -> str:
    body, kind = json.dumps({"gate": {"votes": 4}}), {"Content-Type": "application/merge-patch+json"}
    answer = program.ask("PATCH", "/api/v1/config", body, kind)
    return f"{answer.status} {answer.body.decode()}"


def nothing_is_lost(house: Served) -> bool:
    return "lost" not in house.daemon.stderr.replace("would be lost", "")


def is_refused(house: Served, ask: Callable[[], str], sentence: str) -> None:
    """With that sentence, and nothing is stopped for it."""
    assert sentence in ask()
    assert house.daemon.stderr.count("app.plan: ") == 1, "one house was built"
    assert house.client().get("/healthz").status == 200
    assert nothing_is_lost(house)


def test_on_a_full_disk_a_wish_and_sighup_are_refused_and_the_gate_judges_on(tmp_path: Path, disk: Path) -> None:
    with gate(tmp_path, disk) as house:
        program = house.with_token("control")

        def hang_up() -> str:
            house.daemon.send(signal.SIGHUP)
            until(lambda: "would be lost" in house.daemon.stderr)
            return house.daemon.stderr

        until(lambda: is_full(disk) and is_waiting(house))
        is_refused(house, lambda: wish(program), "the wish cannot be kept: No space left on device")
        is_refused(house, hang_up, "the old one stays: the database cannot be written")
        (disk / "filler").unlink()
        until(lambda: "database: back" in house.daemon.stderr)
        assert wish(program).startswith("200"), house.daemon.stderr
        before = visits(disk)
        until(lambda: visits(disk) > before)
        assert nothing_is_lost(house)


def test_a_wish_is_refused_while_the_database_cannot_grow_and_what_waits_is_written_later(tmp_path: Path) -> None:
    with gate(tmp_path, tmp_path) as house:
        program, pid = house.with_token("control"), house.daemon.process.pid
        before = resource.prlimit(pid, resource.RLIMIT_FSIZE)
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (32 * 1024, before[1]))
        until(lambda: is_waiting(house))
        is_refused(house, lambda: wish(program), "what waits to be recorded would be lost")
        assert not list(tmp_path.glob("*.overlay.json*"))
        resource.prlimit(pid, resource.RLIMIT_FSIZE, before)
        until(lambda: "database: back" in house.daemon.stderr)
        assert wish(program).startswith("200"), house.daemon.stderr
        assert house.daemon.stop() == os.EX_OK
        assert nothing_is_lost(house)
