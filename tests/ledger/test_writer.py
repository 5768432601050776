"""One transaction: what commit returned for is on the disk, what it raised for is not."""

import errno
import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError
from tests.ledger.rows import BOOT, batch, moment, visit, waiting

from edge_mask.errors import DatabaseError
from edge_mask.ledger import connections, open_file
from edge_mask.ledger.bounds import Bounds
from edge_mask.ledger.outbox import Outbox
from edge_mask.ledger.reader import Reader
from edge_mask.ledger.rows import Batch, OutboxRow, Settlement
from edge_mask.ledger.schema import MIGRATIONS, migrate
from edge_mask.ledger.writer import Ledger
from edge_mask.messages import Message, Outcome, Priority, Receipt
from edge_mask.units import Bytes, Moment, Seconds, Unix


def rows(path: Path, sql: str) -> list[Any]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(sql).fetchall()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "edge-mask.db"


def opened(path: Path, bounds: Bounds | None = None, boot: str = BOOT) -> Ledger:
    ledger = Ledger(path, bounds or Bounds(), boot)
    ledger.open()
    return ledger


def test_a_commit_writes_the_event_and_its_messages_together(path: Path) -> None:
    with closing(opened(path)) as ledger:
        ledger.commit(batch(waiting(1), waiting(2), events=(("v1", visit()),)), moment())
        assert rows(path, "SELECT id, ispass, temperature FROM visits") == [("v1", 1, 36.5)]
        assert rows(path, "SELECT message_id FROM outbox ORDER BY id") == [("id-1",), ("id-2",)]
        assert rows(path, "SELECT messages FROM totals ORDER BY state") == [(2,), (0,)]


@pytest.mark.parametrize("outcome", [Outcome.DELIVERED, Outcome.REFUSED])
def test_a_receipt_that_was_on_its_way_when_the_file_was_replaced_leaves_the_new_row_of_that_number(
    path: Path, outcome: Outcome
) -> None:
    with closing(opened(path)) as ledger:
        ledger.commit(batch(waiting(7)), moment())
        ledger.settle([Settlement(1, "id-of-the-old-file", Receipt(outcome, "no"))], moment())
        assert rows(path, "SELECT message_id, state FROM outbox") == [("id-7", 0)]
        ledger.settle([Settlement(1, "id-7", Receipt(outcome, "no"))], moment())
        assert rows(path, "SELECT count(*) FROM outbox WHERE state = 0") == [(0,)]


def test_a_commit_that_fails_writes_nothing(path: Path) -> None:
    with closing(opened(path)) as ledger:
        ledger.commit(batch(waiting(0)), moment())
        with closing(sqlite3.connect(path)) as other:
            other.execute("CREATE TRIGGER no BEFORE INSERT ON outbox BEGIN SELECT RAISE(ABORT, 'full'); END")
        with pytest.raises(DatabaseError, match="full"):
            ledger.commit(batch(waiting(1), events=(("v1", visit()),)), moment())
        assert rows(path, "SELECT count(*) FROM visits") == [(0,)]
        assert rows(path, "SELECT message_id FROM outbox") == [("id-0",)]


def test_the_file_is_written_with_wal_and_full_synchronisation(path: Path) -> None:
    with closing(opened(path)) as ledger:
        connection = ledger.file.connection
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2
        assert connection.exec_driver_sql("PRAGMA auto_vacuum").scalar() == 2
        connection.rollback()


def test_a_second_daemon_on_the_same_database_is_refused_with_a_sentence(path: Path) -> None:
    with closing(opened(path)):
        second = Ledger(path, Bounds(), BOOT)
        with pytest.raises(DatabaseError, match=r"in use by another edge-mask daemon \(process \d+\)"):
            second.open()
    with closing(opened(path)):
        pass


def test_a_second_daemon_that_calls_the_same_file_by_a_symbolic_link_is_refused_too(path: Path) -> None:
    link = path.with_name("elsewhere.db")
    link.symlink_to(path.name)
    with closing(opened(path)), pytest.raises(DatabaseError, match="in use by another edge-mask daemon"):
        opened(link)


def test_the_ballast_lies_on_the_disk_of_the_file_and_not_beside_a_symbolic_link(path: Path) -> None:
    disk = path.with_name("disk")
    disk.mkdir()
    path.symlink_to(disk / "real.db")
    with closing(opened(path)):
        assert (disk / "real.db.ballast").exists()
    assert not path.with_name(f"{path.name}.ballast").exists()


def test_a_file_that_is_a_folder_is_refused_with_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "edge-mask.db").mkdir()
    with pytest.raises(DatabaseError, match="is a folder"):
        Ledger(tmp_path / "edge-mask.db", Bounds(), BOOT).open()


def test_a_delivered_message_goes_and_a_refused_one_is_set_aside_with_its_reason(path: Path) -> None:
    with closing(opened(path)) as ledger:
        ledger.commit(batch(waiting(1), waiting(2), waiting(3)), moment())
        with closing(Outbox(path, "mqtt")) as outbox:
            first, second, _third = outbox.after({}, 10)
        settled = [
            Settlement(first.row, first.message.id, Receipt(Outcome.DELIVERED)),
            Settlement(second.row, second.message.id, Receipt(Outcome.REFUSED, "not authorised")),
        ]
        ledger.commit(Batch(settlements=settled), moment())
        status = Reader(path).outbox_status(moment(7), BOOT)
        assert (status["pending"], status["refused"], status["oldest_s"]) == (1, 1, 7.0)
        assert [row["reason"] for row in Reader(path).outbox(refused_only=True)] == ["not authorised"]


def test_urgent_leaves_first_then_evidence_then_telemetry_each_by_age(path: Path) -> None:
    with closing(opened(path)) as ledger:
        order = [Priority.TELEMETRY, Priority.EVIDENCE, Priority.URGENT, Priority.TELEMETRY, Priority.URGENT]
        ledger.commit(batch(*(waiting(n, priority) for n, priority in enumerate(order))), moment())
        with closing(Outbox(path, "mqtt")) as outbox:
            assert [p.message.id for p in outbox.after({}, 10)] == ["id-2", "id-4", "id-1", "id-0", "id-3"]
            assert [p.message.id for p in outbox.after({Priority.URGENT: 3}, 2)] == ["id-4", "id-1"]


def test_over_budget_the_oldest_telemetry_goes_first_then_evidence_then_urgent(path: Path) -> None:
    # Each row costs 1000 + payload + overhead bytes; the budget holds three.
    with closing(opened(path, Bounds(max_bytes=Bytes(3500)))) as ledger:
        ledger.commit(batch(waiting(1, Priority.URGENT, size=1000), waiting(2, Priority.EVIDENCE, size=1000)), moment())
        for number in (3, 4):
            ledger.commit(batch(waiting(number, size=1000)), moment())
        assert rows(path, "SELECT message_id FROM outbox ORDER BY id") == [("id-1",), ("id-2",), ("id-4",)]
        ledger.commit(batch(waiting(5, Priority.URGENT, size=1000), waiting(6, Priority.URGENT, size=1000)), moment())
        assert rows(path, "SELECT message_id FROM outbox ORDER BY id") == [("id-1",), ("id-5",), ("id-6",)]
        ledger.commit(batch(waiting(7, Priority.URGENT, size=1000)), moment())
        assert rows(path, "SELECT message_id FROM outbox ORDER BY id") == [("id-5",), ("id-6",), ("id-7",)]
        assert Reader(path).outbox_status(moment(), BOOT)["dropped"] == {"age": 0, "space": 4, "refused": 0}


def test_what_is_older_than_the_age_bound_goes_and_is_counted(path: Path) -> None:
    with closing(opened(path, Bounds(max_age=Seconds(60)))) as ledger:
        ledger.commit(batch(waiting(1, at=moment(0)), waiting(2, at=moment(50))), moment(50))
        ledger.commit(Batch(), moment(61))
        assert rows(path, "SELECT message_id FROM outbox") == [("id-2",)]
        assert Reader(path).outbox_status(moment(61), BOOT)["dropped"]["age"] == 1


def jumped(at: float, by: float) -> Moment:
    """`at` seconds later, by a wall clock that was put forward."""
    then = moment(at)
    return Moment(then.mono, Unix(then.wall + by), synced=True)


def test_nothing_of_this_boot_expires_because_the_clock_jumped(path: Path) -> None:
    year = 365 * 86400.0
    with closing(opened(path, Bounds(max_age=Seconds(60), history=Seconds(3600)))) as ledger:
        ledger.commit(batch(waiting(1), events=(("v1", visit()),)), moment())
        ledger.commit(batch(waiting(2, at=jumped(10, year))), jumped(10, year))
        ledger.housekeeping(jumped(10, year))
        assert rows(path, "SELECT message_id FROM outbox") == [("id-1",), ("id-2",)]
        assert rows(path, "SELECT id FROM visits") == [("v1",)]
        ledger.commit(Batch(), jumped(65, -year))
        assert rows(path, "SELECT message_id FROM outbox") == [("id-2",)]


def test_what_an_earlier_boot_saw_ages_by_the_wall_clock_once_that_is_set(path: Path) -> None:
    with closing(opened(path, Bounds(max_age=Seconds(60)))) as ledger:
        ledger.commit(batch(waiting(1)), moment())
    with closing(opened(path, Bounds(max_age=Seconds(60)), boot="boot-2")) as ledger:
        ledger.commit(batch(waiting(2, at=moment(70, synced=False))), moment(70, synced=False))
        assert rows(path, "SELECT message_id FROM outbox") == [("id-1",), ("id-2",)]
        ledger.commit(Batch(), moment(75))
        assert rows(path, "SELECT message_id FROM outbox") == [("id-2",)]


def test_a_message_from_before_the_clock_was_set_is_not_taken_for_old_and_gets_its_true_time(path: Path) -> None:
    with closing(opened(path, Bounds(max_age=Seconds(60)))) as ledger:
        ledger.commit(batch(waiting(1, at=moment(5, synced=False))), moment(6, synced=False))
        ledger.commit(Batch(), moment(30))
        with closing(Outbox(path, "mqtt")) as outbox:
            (pending,) = outbox.after({}, 10)
        assert pending.wall == moment(5).wall
        assert pending.restamped


def test_a_message_of_an_earlier_boot_without_a_clock_is_left_as_it_was(path: Path) -> None:
    with closing(opened(path)) as ledger:
        ledger.commit(batch(waiting(1, at=moment(5, synced=False))), moment(6, synced=False))
    with closing(opened(path, boot="boot-2")) as ledger:
        ledger.commit(Batch(), moment(30))
        with closing(Outbox(path, "mqtt")) as outbox:
            (pending,) = outbox.after({}, 10)
        assert not pending.clock_was_set


def test_seq_counts_on_over_restarts(path: Path) -> None:
    for first in (1, 4, 7):
        with closing(opened(path)) as ledger:
            assert [ledger.sequences.next("visits", live=False) for _ in range(3)] == list(range(first, first + 3))
            ledger.commit(Batch(), moment())


def test_a_live_seq_counts_on_after_a_stop_and_jumps_but_never_repeats_after_a_power_cut(path: Path) -> None:
    with closing(opened(path)) as ledger:
        assert [ledger.sequences.next("health", live=True) for _ in range(5)] == [1, 2, 3, 4, 5]
        ledger.commit(Batch(), moment())
    ledger = opened(path)
    assert ledger.sequences.next("health", live=True) == 6
    ledger.commit(Batch(), moment())
    used = [ledger.sequences.next("health", live=True) for _ in range(500)][-1]
    ledger.file._disconnect()  # as after a power cut: nothing more is written
    ledger.file._lock.release()
    with closing(opened(path)) as ledger:
        assert ledger.sequences.next("health", live=True) > used


def test_space_goes_back_to_the_file_system(path: Path) -> None:
    with closing(opened(path)) as ledger:
        for number in range(30):
            ledger.commit(batch(*(waiting(n, size=4000) for n in range(number * 100, number * 100 + 100))), moment())
        with closing(Outbox(path, "mqtt")) as outbox:
            done = [Settlement(p.row, p.message.id, Receipt(Outcome.DELIVERED)) for p in outbox.after({}, 5000)]
        rows(path, "PRAGMA wal_checkpoint(TRUNCATE)")
        full = path.stat().st_size
        ledger.commit(Batch(settlements=done), moment())
        turns = 1
        while ledger.housekeeping(moment()):  # a part at a time, as recording waits meanwhile
            turns += 1
        assert turns > 1
        rows(path, "PRAGMA wal_checkpoint(TRUNCATE)")
        assert path.stat().st_size < full / 4


def test_a_database_of_a_newer_program_is_refused_with_a_sentence(path: Path) -> None:
    opened(path).close()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 99")
    with pytest.raises(DatabaseError, match="written by a newer edge-mask"):
        Ledger(path, Bounds(), BOOT).open()


def test_migrations_go_step_by_step_and_a_failing_step_leaves_the_version_before_it(path: Path) -> None:
    ledger = opened(path)
    connection = ledger.file.connection
    connection.rollback()
    good = (*MIGRATIONS, ("ALTER TABLE visits ADD COLUMN note TEXT",))
    bad = (*good, ("CREATE TABLE half (a)", "THIS IS NOT SQL"))
    with pytest.raises(OperationalError):
        migrate(connection, bad)
    assert connection.exec_driver_sql("PRAGMA user_version").scalar() == len(MIGRATIONS) + 1
    connection.rollback()
    assert rows(path, "SELECT name FROM sqlite_master WHERE name = 'half'") == []
    ledger.close()


def out_of_room(monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on no file can be opened for writing, as on a full disk: no index can be made beside it."""

    def refuse(_path: Path) -> Connection:
        error = sqlite3.OperationalError("disk I/O error")
        error.sqlite_errorcode = sqlite3.SQLITE_IOERR_SHMSIZE
        raise DatabaseError("disk I/O error") from error

    monkeypatch.setattr(open_file, "open_writer", refuse)


@pytest.mark.parametrize("was_killed", [False, True])
def test_a_start_on_a_full_disk_knows_what_was_numbered_and_opens_when_there_is_room(
    path: Path, monkeypatch: pytest.MonkeyPatch, was_killed: bool
) -> None:
    first = opened(path)
    first.sequences.next("visits", live=False)
    first.commit(batch(waiting(1)), moment())
    if was_killed:  # what it wrote last is only in the journal then, whose index is lost as well
        part = path.with_name("copy")
        part.mkdir()
        for name in (path.name, f"{path.name}-wal"):
            shutil.copy(path.with_name(name), part / name)
        path = part / path.name
    first.close()
    with monkeypatch.context() as crowded:
        out_of_room(crowded)
        ledger = opened(path)
        assert ledger.sequences.next("visits", live=False) == 2
        with pytest.raises(DatabaseError, match="disk I/O error"):
            ledger.commit(batch(waiting(2)), moment())
        with pytest.raises(DatabaseError):
            ledger.file.reopen()
    with closing(ledger):
        ledger.file.reopen()
        ledger.commit(batch(waiting(2)), moment())
        assert rows(path, "SELECT message_id FROM outbox") == [("id-1",), ("id-2",)]
        assert rows(path, "SELECT seq FROM topics") == [(2,)]


def test_a_first_start_on_a_full_disk_waits_for_room(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as crowded:
        out_of_room(crowded)
        ledger = opened(path)
    with closing(ledger):
        ledger.file.reopen()
        ledger.commit(batch(waiting(1)), moment())


def test_the_ballast_makes_room_for_a_start_on_a_full_disk(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened(path).close()
    ballast = path.with_name(f"{path.name}.ballast")
    assert ballast.exists()
    real = connections.open_writer

    def open_writer(path: Path) -> Connection:
        if not ballast.exists():
            return real(path)
        error = sqlite3.OperationalError("database or disk is full")
        error.sqlite_errorcode = sqlite3.SQLITE_FULL
        raise DatabaseError("database or disk is full") from error

    monkeypatch.setattr(open_file, "open_writer", open_writer)
    with closing(opened(path)) as ledger:
        ledger.commit(batch(waiting(1)), moment())


def test_to_open_a_sound_file_writes_nothing_so_that_it_opens_on_a_full_disk(path: Path) -> None:
    with closing(opened(path)) as ledger:
        ledger.commit(batch(waiting(1)), moment())
        assert ledger.file.connection.exec_driver_sql("PRAGMA auto_vacuum").scalar() == 2, "INCREMENTAL"
        ledger.file.connection.rollback()
    assert not path.with_name(f"{path.name}-wal").exists()
    with closing(opened(path)):
        assert path.with_name(f"{path.name}-wal").stat().st_size == 0


def test_a_lock_file_that_finds_no_room_for_the_process_id_locks_all_the_same(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "pwrite", refuse)
    with closing(opened(path)), pytest.raises(DatabaseError, match="in use by another edge-mask daemon"):
        opened(path)


def test_what_goes_with_a_message_counts_in_the_budget(path: Path) -> None:
    """An HTTP row keeps its headers and what led to it in its properties, which may be larger than the body."""
    cause = {"headers": [["X", "y" * 1000]], "payload": b"z" * 3000}
    call = Message(topic="http://a/b", payload=b"", priority=Priority.TELEMETRY, qos=1, properties=cause)
    row = OutboxRow("http:http://a", call, moment())
    with closing(opened(path, Bounds(max_bytes=Bytes(12000)))) as ledger:
        ledger.commit(batch(row), moment())
        assert Reader(path).outbox_status(moment(), BOOT)["bytes"] > 5000
        ledger.commit(batch(row, row), moment())
        assert rows(path, "SELECT id FROM outbox") == [(2,), (3,)]
