"""One damaged value in any column of any row: it costs that row, and nothing else."""

import shutil
import sqlite3
import threading
from collections.abc import Iterator
from concurrent.futures import wait
from contextlib import closing, contextmanager
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from tests.ledger import damage
from tests.ledger.rows import BOOT, batch, message, moment, reading, visit

from edge_mask.cli import main
from edge_mask.ledger.bounds import Bounds
from edge_mask.ledger.inspection import Inspection
from edge_mask.ledger.outbox import Destinations, Outbox
from edge_mask.ledger.rows import OutboxRow, Settlement
from edge_mask.ledger.writer import Ledger
from edge_mask.messages import Alert, Fault, Look, Message, Outcome, Priority, Receipt
from edge_mask.recording.inspector import Inspector
from edge_mask.recording.intake import Intake
from edge_mask.recording.mail import Inbox
from edge_mask.recording.recorder import Recorder
from edge_mask.recording.requests import Barrier, Purge, ReadShadow, UpdateShadow
from edge_mask.runtime.clock import SystemClock
from edge_mask.runtime.worker import Worker
from edge_mask.units import Seconds
from edge_mask.wire.topics import Topics
from edge_mask.wire.uuid7 import IdMaker

CLOCK = SystemClock(lambda: True)
COMMANDS = (
    ("outbox", "list"), ("outbox", "list", "--json"), ("outbox", "list", "--refused"), ("outbox", "export"),
    ("outbox", "status"), ("outbox", "status", "--json"), ("history",), ("history", "--csv"), ("history", "--json"),
    ("stats",), ("stats", "--json"), ("shadow", "--list"),
)  # fmt: skip
NUMBERS = {priority: range(10 * priority, 10 * priority + 3) for priority in (0, 1, 2)}


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three rows of each kind, and a configuration beside them."""
    folder = tmp_path_factory.mktemp("sound")
    (folder / "r.csv").write_text("0,36.5\n", encoding="utf-8")
    (folder / "c.yaml").write_text(
        f"device: {{thing_name: gate-01}}\noutbox: {{path: {folder}/db}}\nmqtt: {{transport: none}}\n"
        f"sensors: [{{name: s, kind: replay, path: {folder}/r.csv, quantity: temperature, unit: C}}]\n",
        encoding="utf-8",
    )
    with closing(Ledger(folder / "db", Bounds(), BOOT)) as ledger:
        ledger.open()
        for n in range(3):
            at = moment(n)
            events = (
                (f"v{n}", visit(at)), (f"r{n}", reading(at=at)),
                (f"l{n}", Look(at=at, camera="front", faces=1, no_mask=0, streak=0)),
                (f"a{n}", Alert(at=at, kind="fever", text="hot", camera="front")),
                (f"f{n}", Fault(at=at, component="c", code="x", text="t")),
            )  # fmt: skip
            made = [OutboxRow("mqtt", message(NUMBERS[p][n], Priority(p)), at) for p in NUMBERS]
            made.append(OutboxRow("http:http://127.0.0.1:1", message(90 + n), at))
            ledger.sequences.next(f"topic-{n}", live=False)
            ledger.shadows.update("gate-01", f"s{n}", {"state": {"reported": {"n": n}}}, 1)
            ledger.commit(batch(*made, events=events), at)
    with closing(sqlite3.connect(folder / "db")) as connection:
        connection.executemany("INSERT INTO counters VALUES (?, 1)", [(f"dropped_{c}",) for c in ("age", "space")])
        connection.commit()
    return folder


class Desk:
    """The parts of a daemon that use the database."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.inbox = Inbox()
        self.failures: list[Worker] = []
        ledger = Ledger(path, Bounds(), BOOT)
        ledger.open()
        intake = Intake(
            thing="gate-01", topics=Topics("edge-mask/{thing}", "gate-01"), sequences=ledger.sequences,
            shadows=ledger.shadows, boot=BOOT, new_id=IdMaker().make,
        )  # fmt: skip
        self.sent: SimpleQueue[Message] = SimpleQueue()
        self.recorder = Recorder(
            ledger, intake, self.inbox.mailbox, CLOCK, commit_interval=Seconds(0.0), on_live=self.sent.put
        )
        self.inspector = Inspector(Inspection(path), self.inbox.ask, CLOCK, first_after=Seconds(0.0))
        self.workers = [Worker(job, CLOCK, self.failures.append) for job in (self.recorder, self.inspector)]
        for worker in self.workers:
            worker.start()

    def inspected(self) -> None:
        pause = threading.Event()
        while not self.inspector.has_looked():
            assert not self.failures
            pause.wait(0.005)

    def recorded(self) -> None:
        barrier = Barrier()
        assert self.inbox.ask(barrier)
        assert not wait([barrier.answer], 20).not_done

    def delivered(self) -> set[str]:
        """The ids of what couriers find, all of which is settled."""
        found = []
        with closing(Destinations(self.path, "http:")) as destinations:
            names = ["mqtt", *destinations.waiting()]
        for name in names:
            with closing(Outbox(self.path, name, self.inspector.look_now)) as outbox:
                found += outbox.after({}, 10_000)
        receipts = [Settlement(p.row, p.message.id, Receipt(Outcome.DELIVERED)) for p in found]
        assert not wait([self.recorder.settle(receipts)], 20).not_done
        return {pending.message.id for pending in found}


@contextmanager
def desk(path: Path) -> Iterator[Desk]:
    it = Desk(path)
    yield it
    for worker in reversed(it.workers):
        worker.request_stop()
        assert worker.join(20)
    assert not it.failures


def ask(path: Path, sql: str) -> list[Any]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(sql).fetchall()


def check_one(sound: Path, folder: Path, place: tuple[str, str, int], row: int, value: str) -> bool:
    """Whether that value could be put there; all that is promised is asserted."""
    table, column, _ = place
    path = folder / "db"
    shutil.copytree(sound, folder, dirs_exist_ok=True)
    config = folder / "c.yaml"
    config.write_text(config.read_text(encoding="utf-8").replace(str(sound), str(folder)), encoding="utf-8")
    before = {name for (name,) in ask(path, "SELECT message_id FROM outbox")}
    hit = ask(path, f"SELECT message_id FROM outbox ORDER BY id LIMIT 1 OFFSET {row}")[0] if table == "outbox" else ()
    if not damage.put(path, table, column, row, value):
        return False
    for command in COMMANDS:
        assert main([*command, "--config", str(config)]) == 0
    with desk(path) as it:
        it.inbox.emit(visit(CLOCK.now()))
        it.recorded()
        it.inspected()
        assert it.delivered() >= before - set(hit)
        update = UpdateShadow("gate-01", "s9", {"state": {"desired": {"a": 1}}})
        read = ReadShadow("gate-01", "s9")
        purge = Purge(refused_only=False, before=1.0)
        assert all(it.inbox.ask(each) for each in (update, read, purge))
        assert read.answer.result(20) is not None
        assert update.answer.result(20) is not None
        it.recorded()
    for command in COMMANDS:
        assert main([*command, "--config", str(config)]) == 0
    told = ask(path, "SELECT count(*) FROM faults WHERE code = 'damaged_rows'")[0][0]
    left = ask(path, "SELECT count(*) FROM outbox WHERE state = 1")[0][0]
    assert told <= 1
    assert left <= told <= 1, "what was set aside is told"
    assert ask(path, "SELECT state, messages FROM totals ORDER BY state") == [
        (state, ask(path, f"SELECT count(*) FROM outbox WHERE state = {state}")[0][0]) for state in (0, 1)
    ]
    assert ask(path, "SELECT sum(events) FROM history")[0][0] == sum(
        ask(path, f"SELECT count(*) FROM {each}")[0][0] for each in ("visits", "looks", "alerts", "readings", "faults")
    )
    with desk(path) as again:
        again.inspected()
        again.recorded()
    assert ask(path, "SELECT count(*) FROM faults WHERE code = 'damaged_rows'")[0][0] == told, "once"
    return True


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_one_damaged_value_costs_one_row(sound: Path, tmp_path_factory: pytest.TempPathFactory, data: Any) -> None:
    place = data.draw(st.sampled_from([place for place in damage.places(sound / "db") if place[2]]))
    row = data.draw(st.integers(0, place[2] - 1))
    value = data.draw(st.sampled_from(sorted(damage.VALUES)))
    assume(check_one(sound, tmp_path_factory.mktemp("damaged"), place, row, value))


@pytest.mark.parametrize("value", sorted(damage.VALUES))
def test_the_first_number_of_a_sequence_is_damaged_and_the_daemon_starts(
    sound: Path, tmp_path: Path, value: str
) -> None:
    check_one(sound, tmp_path / "damaged", ("topics", "seq", 3), 0, value)
