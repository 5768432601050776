"""The recording worker: groups, promptness, and patience with a disk that says no."""

import json
import os
import sqlite3
import threading
import time
from collections.abc import Iterator
from concurrent.futures import wait
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from tests.ledger import rows
from tests.ledger.rows import BOOT
from tests.waiting import until

from edge_mask.errors import DatabaseError
from edge_mask.ledger.bounds import Bounds
from edge_mask.ledger.outbox import Outbox
from edge_mask.ledger.reader import Reader
from edge_mask.ledger.rows import Batch, Settlement
from edge_mask.ledger.writer import Ledger
from edge_mask.messages import Detections, Fault, Health, Look, Message, Outcome, Priority, Reading, Receipt, Visit
from edge_mask.recording.intake import Intake
from edge_mask.recording.mail import Entry, post
from edge_mask.recording.recorder import Recorder
from edge_mask.recording.requests import Barrier
from edge_mask.rules.rule_set import RuleSet
from edge_mask.runtime.clock import SystemClock
from edge_mask.runtime.handoff import Mailbox
from edge_mask.runtime.worker import Worker
from edge_mask.units import Bytes, Seconds
from edge_mask.wire.topics import Topics
from edge_mask.wire.uuid7 import IdMaker

CLOCK = SystemClock(lambda: True)
CALLED = "http:http://127.0.0.1:1"


def reading(value: float = 36.5) -> Reading:
    return rows.reading(value, CLOCK.now())


def visit() -> Visit:
    return rows.visit(CLOCK.now())


@dataclass
class Desk:
    """A running recorder and what it did."""

    path: Path
    mailbox: Mailbox[Entry]
    worker: Worker
    recorder: Recorder
    live: list[Message] = field(default_factory=list)
    commits: list[float] = field(default_factory=list)

    def rows(self, sql: str) -> list[Any]:
        with closing(sqlite3.connect(self.path)) as connection:
            return connection.execute(sql).fetchall()

    def settle(self) -> None:
        """Wait until everything put so far is on the disk."""
        barrier = Barrier()
        self.mailbox.put(barrier)
        assert not wait([barrier.answer], 20).not_done


@contextmanager
def desk(
    path: Path,
    *,
    interval: float = 0.05,
    destination: str | None = "mqtt",
    capacity: int = 1000,
    rules: RuleSet | None = None,
    bounds: Bounds | None = None,
) -> Iterator[Desk]:
    ledger = Ledger(path, bounds or Bounds(), BOOT)
    ledger.open()
    ids = IdMaker()
    intake = Intake(
        thing="gate-01", topics=Topics("edge-mask/{thing}", "gate-01"), sequences=ledger.sequences,
        shadows=ledger.shadows, boot=BOOT, new_id=ids.make, destination=destination, rules=rules,
    )  # fmt: skip
    mailbox: Mailbox[Entry] = Mailbox(capacity)
    live: list[Message] = []
    commits: list[float] = []
    recorder = Recorder(
        ledger, intake, mailbox, CLOCK, commit_interval=Seconds(interval), on_live=live.append,
        on_commit=lambda: commits.append(CLOCK.now().mono),
    )  # fmt: skip
    worker = Worker(recorder, CLOCK, lambda _worker: None)
    worker.start()
    yield Desk(path, mailbox, worker, recorder, live, commits)
    worker.request_stop()
    assert worker.join(20)
    assert worker.failure is None


def test_a_visit_is_in_the_history_and_in_the_outbox_under_one_id(tmp_path: Path) -> None:
    with desk(tmp_path / "db") as it:
        it.mailbox.put(visit())
        it.settle()
        ((visit_id,),) = it.rows("SELECT id FROM visits")
        ((topic, message_id, payload),) = it.rows("SELECT topic, message_id, payload FROM outbox")
        assert (topic, message_id) == ("edge-mask/gate-01/visits", visit_id)
        assert visit_id.encode() in payload


def test_telemetry_is_committed_in_groups(tmp_path: Path) -> None:
    with desk(tmp_path / "db", interval=5.0) as it:
        for n in range(200):
            it.mailbox.put(reading(n))
        it.settle()
        assert it.rows("SELECT count(*) FROM readings") == [(200,)]
        assert len(it.commits) <= 2


def test_a_visit_does_not_wait_for_the_group(tmp_path: Path) -> None:
    with desk(tmp_path / "db", interval=3600.0) as it:
        committed = threading.Event()
        it.recorder._on_commit = committed.set
        it.mailbox.put(reading())
        it.mailbox.put(visit())
        assert committed.wait(20)
        assert it.rows("SELECT count(*) FROM visits") == [(1,)]
        assert it.rows("SELECT count(*) FROM readings") == [(1,)]


def test_live_messages_never_touch_the_disk(tmp_path: Path) -> None:
    with desk(tmp_path / "db") as it:
        for _ in range(3):
            it.mailbox.put(Health(at=CLOCK.now(), values={"cpu": 1.0}))
        seen = Detections(at=CLOCK.now(), camera="front", frame=1, tracks=(), inference_ms=1.0, model="m")
        it.mailbox.put(seen)
        it.settle()
        assert it.rows("SELECT count(*) FROM outbox") == [(0,)]
        assert [m.topic.rpartition("/")[2] for m in it.live] == ["health", "health", "health", "detections"]


def test_stopping_drains_what_was_put_before(tmp_path: Path) -> None:
    with desk(tmp_path / "db", interval=3600.0) as it:
        for n in range(50):
            it.mailbox.put(reading(n))
    assert it.rows("SELECT count(*) FROM readings") == [(50,)]


def test_without_a_destination_events_are_kept_and_nothing_waits(tmp_path: Path) -> None:
    with desk(tmp_path / "db", destination=None) as it:
        it.mailbox.put(visit())
        it.settle()
        assert it.rows("SELECT count(*) FROM visits") == [(1,)]
        assert it.rows("SELECT count(*) FROM outbox") == [(0,)]


def test_a_disk_that_is_full_loses_nothing_and_is_reported_once(tmp_path: Path) -> None:
    path = tmp_path / "db"
    with desk(path, interval=0.0) as it:
        it.mailbox.put(visit())
        it.settle()
        with closing(sqlite3.connect(path)) as other:  # stands for the full disk: every write says no
            other.execute("CREATE TRIGGER no BEFORE INSERT ON outbox BEGIN SELECT RAISE(ABORT, 'disk is full'); END")
        for n in range(20):
            it.mailbox.put(reading(n))
        while not it.recorder._trouble.is_open:
            it.worker.join(0.01)
        assert it.rows("SELECT count(*) FROM readings") == [(0,)]
        with closing(sqlite3.connect(path, timeout=20)) as other:
            other.execute("DROP TRIGGER no")
        it.settle()
        assert it.rows("SELECT count(*) FROM readings") == [(20,)]
        assert it.rows("SELECT component, code FROM faults") == [("database", "write_failed")]


def test_a_value_that_no_database_can_hold_takes_nothing_else_along(tmp_path: Path) -> None:
    with desk(tmp_path / "db") as it:
        it.mailbox.put(reading(1.0))
        it.mailbox.put(Look(at=CLOCK.now(), camera="front", faces=2**70, no_mask=0, streak=0))
        it.mailbox.put(visit())
        it.settle()
        assert it.rows("SELECT value FROM readings") == [(1.0,)]
        assert it.rows("SELECT count(*) FROM visits") == [(1,)]
        assert it.rows("SELECT count(*) FROM looks") == [(0,)]
        [(code, text)] = it.rows("SELECT code, text FROM faults")
        assert code == "unwritable"
        assert text.startswith("1 row was given up that holds what no database can (OverflowError")


def test_a_value_that_no_database_can_hold_is_given_up_alone_also_when_it_is_alone(tmp_path: Path) -> None:
    with desk(tmp_path / "db", destination=None) as it:
        it.mailbox.put(Look(at=CLOCK.now(), camera="front", faces=2**70, no_mask=0, streak=0))
        it.settle()
        assert it.rows("SELECT code FROM faults") == [("unwritable",)]


def test_a_disk_that_fills_up_while_such_a_value_is_looked_for_costs_no_other_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = threading.Event()
    real = Ledger.can_hold

    def once_full(ledger: Ledger, batch: Batch) -> bool:
        if not asked.is_set():
            asked.set()
            raise DatabaseError("database or disk is full") from sqlite3.OperationalError()
        return real(ledger, batch)

    monkeypatch.setattr(Ledger, "can_hold", once_full)
    with desk(tmp_path / "db") as it:
        it.mailbox.put(reading(1.0))
        it.mailbox.put(Look(at=CLOCK.now(), camera="front", faces=2**70, no_mask=0, streak=0))
        it.settle()
        assert asked.is_set()
        assert it.rows("SELECT value FROM readings") == [(1.0,)]


def test_a_fault_about_a_file_whose_name_is_not_utf8_is_recorded_with_the_name_escaped(tmp_path: Path) -> None:
    name = os.fsdecode(b"caf\xe9.jpg")
    with desk(tmp_path / "db") as it:
        it.mailbox.put(Fault(at=CLOCK.now(), component="camera front", code="bad_picture", text=f"{name}: is empty"))
        it.settle()
        assert it.rows("SELECT text FROM faults") == [(r"caf\udce9.jpg: is empty",)]


def test_a_password_in_the_text_of_a_fault_is_neither_kept_nor_sent(tmp_path: Path) -> None:
    with desk(tmp_path / "db") as it:
        it.mailbox.put(
            Fault(at=CLOCK.now(), component="mqtt", code="lost", text="mqtt://u:hunter2@host cannot be reached")
        )
        it.settle()
        kept = it.rows("SELECT text FROM faults") + it.rows("SELECT payload FROM outbox")
        assert len(kept) == 2
        assert "hunter2" not in str(kept)


def test_a_locked_database_is_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "db"
    with desk(path, interval=0.0) as it, closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        it.mailbox.put(reading())
        other.execute("COMMIT")
        it.settle()
        assert it.rows("SELECT count(*) FROM readings") == [(1,)]


def test_a_database_file_broken_while_running_is_set_aside_and_recording_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "db"
    with desk(path) as it:
        for n in range(300):
            it.mailbox.put(reading(n))
        it.settle()
        with closing(sqlite3.connect(path)) as other:
            other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        with path.open("r+b") as file:
            file.write(b"\xff" * 4096 * 4)
        it.recorder._ledger.file._disconnect()
        it.mailbox.put(visit())
        it.settle()
    assert [v["verdict"] for v in Reader(path).visits()] == ["pass"]
    assert len(list(tmp_path.glob("db.damaged-*"))) >= 1
    assert ("database", "damaged") in it.rows("SELECT component, code FROM faults")


def test_seq_of_each_topic_has_no_gap_over_a_restart(tmp_path: Path) -> None:
    for _ in range(2):
        with desk(tmp_path / "db") as it:
            for n in range(5):
                it.mailbox.put(reading(n))
                it.mailbox.put(Fault(at=CLOCK.now(), component="c", code="x", text="y"))
    seqs = it.rows("SELECT topic, json_extract(CAST(payload AS TEXT), '$.seq') FROM outbox ORDER BY topic, id")
    for topic in ("temperature", "errors"):
        assert [seq for name, seq in seqs if name.endswith(topic)] == list(range(1, 11))


@pytest.mark.parametrize("capacity", [1, 2, 7])
def test_a_full_mailbox_slows_the_sender_and_loses_nothing(tmp_path: Path, capacity: int) -> None:
    with desk(tmp_path / "db", capacity=capacity) as it:
        for n in range(100):
            it.mailbox.put(reading(n))
        it.settle()
        assert it.rows("SELECT count(*) FROM readings") == [(100,)]


def test_on_a_full_disk_what_was_sent_is_settled_and_the_fault_is_told_live(tmp_path: Path) -> None:
    path = tmp_path / "db"
    with desk(path, interval=0.0) as it:
        for n in range(300):
            it.mailbox.put(reading(n))
        it.settle()
        with closing(Outbox(path, "mqtt")) as outbox:
            sent = outbox.after({}, 280)
        assert path.with_name("db.ballast").exists()
        connection = it.recorder._ledger.file.connection.connection.cursor()
        ((pages,),) = connection.execute("PRAGMA page_count").fetchall()
        connection.execute(f"PRAGMA max_page_count = {pages}").fetchall()  # from now on SQLite finds the disk full
        for n in range(40):
            it.mailbox.put(reading(n))
        while not it.recorder._trouble.is_open:
            it.worker.join(0.01)
        settled = it.recorder.settle([Settlement(p.row, p.message.id, Receipt(Outcome.DELIVERED)) for p in sent])
        it.settle()  # what was settled made room for what waited
        assert settled.result(20) is None
        assert not path.with_name("db.ballast").exists()
        assert it.rows("SELECT count(*) FROM readings") == [(340,)]
        assert [m.topic.rpartition("/")[2] for m in it.live] == ["errors"]


def test_a_shadow_written_with_live_messages_is_not_committed_with_each_of_them(tmp_path: Path) -> None:
    rules = tmp_path / "rules.yaml"
    rules.write_text(
        'count: {sql: "SELECT frame AS state.reported.frame FROM \'#\'", awsIotSqlVersion: "2016-03-23",'
        ' actions: [{republish: {topic: "$$aws/things/door/shadow/update"}}]}'
    )
    with desk(tmp_path / "db", rules=RuleSet.load([rules])) as it:
        began = time.monotonic()
        for number in range(100):
            it.mailbox.put(Detections(at=CLOCK.now(), camera="a", frame=number, tracks=(), inference_ms=1.0, model="m"))
            time.sleep(0.005)
        assert len(it.commits) <= 3 + (time.monotonic() - began)
    assert Reader(tmp_path / "db").shadows()["door"].state == {"reported": {"frame": 99}}


def test_a_refusal_of_another_message_in_that_row_has_no_error_action(tmp_path: Path) -> None:
    rules = tmp_path / "rules.yaml"
    rules.write_text(
        'call: {sql: "SELECT * FROM \'edge-mask/+/temperature\'", awsIotSqlVersion: "2016-03-23",'
        ' actions: [{http: {url: "http://127.0.0.1:1"}}], errorAction: {republish: {topic: "errors"}}}'
    )
    with desk(tmp_path / "db", rules=RuleSet.load([rules])) as it, closing(Outbox(tmp_path / "db", CALLED)) as outbox:
        it.mailbox.put(reading())
        it.settle()
        (call,) = outbox.after({}, 10)
        for message_id, complaints in (("of-the-old-file", 0), (call.message.id, 1)):
            it.recorder.settle([Settlement(call.row, message_id, Receipt(Outcome.REFUSED, "404"))]).result(20)
            it.settle()
            assert it.rows("SELECT count(*) FROM outbox WHERE topic = 'errors'") == [(complaints,)]


@contextmanager
def no_room(path: Path) -> Iterator[None]:
    """Stands for the full disk: every write of a message says no."""
    with closing(sqlite3.connect(path, timeout=20)) as other:
        other.execute("CREATE TRIGGER no BEFORE INSERT ON outbox BEGIN SELECT RAISE(ABORT, 'disk is full'); END")
    yield
    with closing(sqlite3.connect(path, timeout=20)) as other:
        other.execute("DROP TRIGGER no")


def test_on_a_full_disk_live_messages_still_go_when_neither_batch_nor_mailbox_has_room(tmp_path: Path) -> None:
    path = tmp_path / "db"
    with desk(path, interval=0.0, capacity=10) as it:
        with no_room(path):
            put = 0
            while it.mailbox.put(reading(put), 1.0):
                put += 1
            assert post(it.mailbox, Health(at=CLOCK.now(), values={"cpu": 1.0}), 10.0)
            until(lambda: any(m.topic.endswith("health") for m in it.live))
            assert len(it.mailbox) == 10
            assert not post(it.mailbox, reading(), 0.0)
            assert post(it.mailbox, Fault(at=CLOCK.now(), component="mqtt", code="x", text="y"), 0.0, is_pressing=True)
        it.settle()
        assert it.rows("SELECT count(*) FROM readings") == [(put,)]
        assert ("mqtt",) in it.rows("SELECT component FROM faults")


def test_a_stop_on_a_full_disk_ends_soon_and_says_how_much_was_lost(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "db"
    with desk(path, interval=0.0, capacity=10) as it, no_room(path):
        put = 0
        while it.mailbox.put(reading(put), 1.0):
            put += 1
        began = time.monotonic()
        it.worker.request_stop()
        assert it.worker.join(20)
        assert time.monotonic() - began < 10.0
        # The outage is a row and a message, too.
        assert f"{2 * (put - 10) + 2} rows could not be written before the stop, 10 events behind" in caplog.text


def test_a_stop_is_a_last_try_even_when_the_next_one_was_far_away(tmp_path: Path) -> None:
    path = tmp_path / "db"
    with desk(path, interval=0.0) as it, no_room(path):
        it.mailbox.put(reading())
        until(lambda: it.recorder._trouble.is_open)
        for _ in range(30):
            it.recorder._trouble._backoff.next_delay()
        it.mailbox.put(reading())
        it.recorder._trouble.retry_at = CLOCK.now().mono + 3600.0
    assert it.rows("SELECT count(*) FROM readings") == [(2,)]


@pytest.mark.parametrize("is_busy", [True, False])
def test_a_database_that_is_deleted_while_running_is_made_anew_and_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_busy: bool
) -> None:
    monkeypatch.setattr("edge_mask.recording.rounds._LOOKS_FOR_THE_FILE_EVERY", 0.5)
    path = tmp_path / "db"
    with desk(path) as it, closing(Outbox(path, "mqtt")) as outbox:
        for n in range(3):
            it.mailbox.put(reading(n))
        it.settle()
        last, commits = outbox.after({}, 10)[-1].row, len(it.commits)
        for ending in ("", "-wal", "-shm"):
            path.with_name(f"db{ending}").unlink()
        if is_busy:
            it.mailbox.put(reading(3))
            it.settle()
        until(lambda: len(it.commits) > commits)
        it.settle()
        assert it.rows("SELECT code FROM faults") == [("vanished",)]
        it.mailbox.put(reading(4))
        it.settle()
        newer = outbox.after(dict.fromkeys(Priority, last), 10)
        seqs = {p.message.topic.rpartition("/")[2]: json.loads(p.message.payload)["seq"] for p in newer}
        assert seqs == {"errors": 1, "temperature": 5 if is_busy else 4}


def test_a_folder_that_was_away_for_a_while_is_no_loss(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    path = tmp_path / "disk" / "db"
    with desk(path, interval=0.0) as it:
        it.mailbox.put(reading())
        it.settle()
        path.parent.rename(tmp_path / "elsewhere")
        it.mailbox.put(reading())
        until(lambda: it.recorder._trouble.is_open)
        (tmp_path / "elsewhere").rename(path.parent)
        it.settle()
        assert it.rows("SELECT count(*) FROM readings") == [(2,)]
        assert it.rows("SELECT code FROM faults") == [("write_failed",)]


def test_one_outage_is_one_line_about_drops_though_some_commits_fit(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with (
        desk(tmp_path / "db", interval=0.0, bounds=Bounds(max_bytes=Bytes(2000))) as it,
        closing(Outbox(tmp_path / "db", "mqtt")) as outbox,
    ):
        for n in range(10):
            it.mailbox.put(reading(n))
            it.settle()
        sent = [Settlement(p.row, p.message.id, Receipt(Outcome.DELIVERED)) for p in outbox.after({}, 10)]
        assert it.recorder.settle(sent[:3]).result(20) is None
        for n in range(10):
            it.mailbox.put(reading(n))
            it.settle()
    told = [record.message for record in caplog.records if "dropping" in record.message]
    assert told == ["outbox: over its budget (outbox.max_bytes), dropping the oldest messages (seq shows the gaps)"]


def test_drops_by_age_are_not_called_a_budget_that_is_full(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with desk(tmp_path / "db", interval=0.0, bounds=Bounds(max_age=Seconds(0.1))) as it:
        it.mailbox.put(reading())
        it.settle()
        time.sleep(0.2)
        it.mailbox.put(reading())
        it.settle()
    told = [record.message for record in caplog.records if "dropping" in record.message]
    assert told == ["outbox: dropping messages older than outbox.max_age (seq shows the gaps)"]
