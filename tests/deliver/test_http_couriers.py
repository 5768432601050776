"""HTTP from a real outbox to real servers: in order, at least once, and nobody held up by somebody else's outage."""

import logging
import random
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from tests.broker import HOST, free_port
from tests.deliver.web_server import Answer, Asked, NonsenseServer, WebServer
from tests.waiting import PATIENCE

from edge_mask.deliver.http_couriers import HttpCouriers
from edge_mask.ledger.bounds import Bounds
from edge_mask.ledger.outbox import Destinations
from edge_mask.ledger.rows import Batch, OutboxRow, Settlement
from edge_mask.ledger.writer import Ledger
from edge_mask.messages import Fault, Message, Priority
from edge_mask.runtime.clock import Clock, ManualClock, SystemClock
from edge_mask.runtime.outage import Backoff
from edge_mask.runtime.worker import Worker
from edge_mask.units import Seconds

BOOT = "boot-1"
ROOT = Path(__file__).parents[2]


@dataclass
class Office:
    """The couriers at work in its own thread, and the ledger it settles with."""

    path: Path
    ledger: Ledger
    clock: Clock
    couriers: HttpCouriers
    faults: list[Fault] = field(default_factory=list)
    changed: threading.Condition = field(default_factory=threading.Condition)

    def record(
        self, url: str, *ids: str, body: bytes = b"{}", priority: Priority = Priority.EVIDENCE, **more: Any
    ) -> None:
        rows = [OutboxRow(destination(url), message(url, i, body, priority, **more), self.clock.now()) for i in ids]
        with self.changed:
            self.ledger.commit(Batch(outgoing=rows), self.clock.now())
        self.couriers.poke()

    def settle(self, settlements: list[Settlement]) -> "Future[None]":
        with self.changed:
            self.ledger.commit(Batch(settlements=settlements), self.clock.now())
            self.changed.notify_all()
        done: Future[None] = Future()
        done.set_result(None)
        return done

    def rows(self) -> list[tuple[str, int, str | None]]:
        query = "SELECT message_id, state, reason FROM outbox ORDER BY id"
        with self.changed:  # the couriers' thread settles on the same connection
            found = self.ledger.file.connection.exec_driver_sql(query).all()
            self.ledger.file.connection.rollback()
        return [(row[0], row[1], row[2]) for row in found]

    def wait_until_sent(self) -> None:
        """Nothing pending any more (set aside is not pending)."""
        with self.changed:
            done = self.changed.wait_for(lambda: not [row for row in self.rows() if row[1] == 0], PATIENCE)
            assert done, self.rows()

    def wait_for_fault(self) -> None:
        with self.changed:
            assert self.changed.wait_for(lambda: self.faults, PATIENCE)

    def report(self, fault: Fault) -> None:
        with self.changed:
            self.faults.append(fault)
            self.changed.notify_all()


def destination(url: str) -> str:
    return "http:" + "/".join(url.split("/")[:3])


def message(url: str, message_id: str, body: bytes, priority: Priority, headers: Any = ()) -> Message:
    properties = {"headers": [list(header) for header in headers]}
    return Message(topic=url, payload=body, priority=priority, qos=1, id=message_id, properties=properties)


def office(path: Path, clock: Clock | None = None) -> Office:
    clock = clock or SystemClock(lambda: True)
    ledger = Ledger(path, Bounds(), BOOT)
    ledger.open()
    made: list[Office] = []
    couriers = HttpCouriers(
        path,
        lambda settlements: made[0].settle(settlements),
        lambda fault: made[0].report(fault),
        clock,
        boot=BOOT,
        drain_rate=10_000.0,
        timeout=Seconds(5.0),
        backoff=lambda: Backoff(base=0.02, cap=0.1, settled_after=0.0, rng=random.Random(1)),
    )
    made.append(Office(path, ledger, clock, couriers))
    return made[0]


@contextmanager
def at_work(path: Path, before: Callable[[Office], None] = lambda _it: None) -> Iterator[Office]:
    it = office(path)
    before(it)
    worker = Worker(
        it.couriers,
        it.clock,
        lambda failed: it.report(Fault(at=it.clock.now(), component="x", code="x", text=repr(failed.failure))),
    )
    worker.start()
    yield it
    worker.request_stop()
    assert worker.join(PATIENCE)
    assert worker.failure is None
    it.ledger.close()


def test_what_was_recorded_arrives_in_order_and_leaves_the_outbox(tmp_path: Path) -> None:
    with WebServer() as server, at_work(tmp_path / "db") as it:
        ids = [str(number) for number in range(50)]
        it.record(f"{server.url}/in", *ids, headers=[("X-Gate", "front")])
        it.wait_until_sent()
        assert [asked.key for asked in server.asked] == ids
        assert {asked.headers["X-Gate"] for asked in server.asked} == {"front"}
        assert it.rows() == []
        assert it.faults == []


def test_rows_of_an_earlier_run_are_found_without_being_told_of(tmp_path: Path) -> None:
    with WebServer() as server, at_work(tmp_path / "db", lambda it: it.record(f"{server.url}/", "old")) as it:
        it.wait_until_sent()
        assert [asked.key for asked in server.asked] == ["old"]


def test_a_database_that_is_gone_for_a_while_fails_nobody(tmp_path: Path) -> None:
    clock = ManualClock()
    it = office(tmp_path / "db", clock)
    with WebServer() as server:
        it.record(f"{server.url}/", "a")
        step_until(it, lambda: it.rows() == [])
        (tmp_path / "db").rename(tmp_path / "aside")
        it.couriers.poke()
        for _ in range(5):
            it.couriers.step(threading.Event())
            clock.advance(0.2)
        assert not it.couriers.is_idle
        (tmp_path / "aside").rename(tmp_path / "db")
        it.record(f"{server.url}/", "b")
        clock.advance(2.0)
        step_until(it, lambda: it.rows() == [])
        assert [asked.key for asked in server.asked] == ["a", "b"]
        it.couriers.end()
    it.ledger.close()


def test_a_server_that_is_away_gets_everything_when_it_is_back_and_the_outage_is_reported_once(tmp_path: Path) -> None:
    server = WebServer()
    with at_work(tmp_path / "db") as it:
        it.record(f"{server.url}/in", "1", "2", "3")
        it.wait_for_fault()
        assert [row[0] for row in it.rows()] == ["1", "2", "3"]
        with server:
            it.wait_until_sent()
        assert [asked.key for asked in server.asked] == ["1", "2", "3"]
        assert [(fault.component, fault.code) for fault in it.faults] == [(server.url, "offline")]


def test_a_server_that_dies_between_two_messages_loses_none(tmp_path: Path) -> None:
    with WebServer() as server, at_work(tmp_path / "db") as it:
        it.record(f"{server.url}/in", "1")
        it.wait_until_sent()
        server.stop()
        it.record(f"{server.url}/in", "2")
        it.wait_for_fault()
        server.start()
        it.wait_until_sent()
        assert [asked.key for asked in server.asked] == ["1", "2"]


def test_five_hundred_then_two_hundred_is_the_same_message_twice_and_the_next_one_after_it(tmp_path: Path) -> None:
    answers = iter([Answer(500), Answer(503), Answer(200), Answer(200)])
    with WebServer(lambda _asked: next(answers)) as server, at_work(tmp_path / "db") as it:
        it.record(f"{server.url}/in", "1", "2")
        it.wait_until_sent()
        assert [asked.key for asked in server.asked] == ["1", "1", "1", "2"]
        assert it.rows() == []


def test_a_refused_message_is_set_aside_with_its_reason_and_the_next_ones_go_on(tmp_path: Path) -> None:
    def no_to_two(asked: Asked) -> Answer:
        return Answer(404, b"no such hook") if asked.key == "2" else Answer()

    with WebServer(no_to_two) as server, at_work(tmp_path / "db") as it:
        it.record(f"{server.url}/in", "1", "2", "3")
        it.wait_until_sent()
        assert [asked.key for asked in server.asked] == ["1", "2", "3"]
        assert it.rows() == [("2", 1, "answered 404 Not Found: no such hook")]


def test_a_slow_server_does_not_hold_up_the_other_ones(tmp_path: Path) -> None:
    gate = threading.Event()

    def slow(_asked: Asked) -> Answer:
        gate.wait(PATIENCE)
        return Answer()

    with WebServer(slow) as snail, WebServer() as server, at_work(tmp_path / "db") as it:
        it.record(f"{snail.url}/", "slow")
        snail.wait_for(1)
        it.record(f"{server.url}/", *"abc")
        server.wait_for(3)
        gate.set()
        it.wait_until_sent()


def test_a_dead_address_does_not_hold_up_the_other_ones(tmp_path: Path) -> None:
    dead = f"http://{HOST}:{free_port()}"
    with WebServer() as server, at_work(tmp_path / "db") as it:
        it.record(f"{dead}/", "lost")
        it.wait_for_fault()
        it.record(f"{server.url}/", *"abc")
        server.wait_for(3)
        assert it.rows()[0][0] == "lost"
        assert [fault.component for fault in it.faults] == [dead]


def test_an_alert_leaves_before_the_telemetry_that_waits(tmp_path: Path) -> None:
    server = WebServer()
    with at_work(tmp_path / "db") as it:
        it.record(f"{server.url}/", *"abc", priority=Priority.TELEMETRY)
        it.wait_for_fault()
        it.record(f"{server.url}/", "alert", priority=Priority.URGENT)
        with server:
            it.wait_until_sent()
        keys = [asked.key for asked in server.asked]
        assert [key for key in keys if key != "alert"] == ["a", "b", "c"]
        assert keys.index("alert") <= 1  # "a" may have been under way


def test_kill_minus_nine_before_the_answer_means_sent_again_under_the_same_key(tmp_path: Path) -> None:
    gate = threading.Event()

    def hold(_asked: Asked) -> Answer:
        gate.wait(PATIENCE)
        return Answer()

    with WebServer(hold) as server:
        it = office(tmp_path / "db")
        it.record(f"{server.url}/in", "the one", body=b'{"n":1}')
        it.ledger.close()
        child = subprocess.Popen(
            [sys.executable, "-m", "tests.deliver.http_couriers_child", str(tmp_path / "db")], cwd=ROOT
        )
        try:
            server.wait_for(1)
        finally:
            child.kill()
            child.wait(PATIENCE)
        gate.set()
        with at_work(tmp_path / "db") as again:
            again.wait_until_sent()
        first, second = server.asked
        assert (first.key, first.body) == (second.key, second.body) == ("the one", b'{"n":1}')


def test_what_waited_long_says_so_in_a_header(tmp_path: Path) -> None:
    clock = ManualClock()
    it = office(tmp_path / "db", clock)
    with WebServer() as server:
        it.record(f"{server.url}/", "a", body=b'{"n":1}')
        clock.advance(11.0)
        it.couriers.step(threading.Event())
        (asked,) = server.wait_for(1)
        assert asked.headers["Edge-Mask-Late"] == "true"
        assert asked.body == b'{"n":1}'
        it.couriers.end()
    it.ledger.close()


def test_it_is_idle_when_nothing_waits_and_away_when_nobody_who_is_waited_for_is_there(tmp_path: Path) -> None:
    clock = ManualClock()
    it = office(tmp_path / "db", clock)
    server = WebServer()
    assert not it.couriers.is_idle  # it has not looked yet
    step_until(it, lambda: it.couriers.is_idle)
    it.record(f"{server.url}/", "a")
    assert not it.couriers.is_idle
    step_until(it, lambda: bool(it.faults))
    clock.advance(5.0)
    assert not it.couriers.is_idle
    assert it.couriers.away_for(clock.now().mono) >= 5.0
    with server:
        step_until(it, lambda: it.couriers.is_idle)
    assert it.couriers.away_for(clock.now().mono) == 0.0
    it.couriers.end()
    it.ledger.close()


def test_a_courier_with_nothing_to_do_is_let_go_and_comes_back_when_it_is_needed(tmp_path: Path) -> None:
    clock = ManualClock()
    it = office(tmp_path / "db", clock)
    with WebServer() as server:
        it.record(f"{server.url}/", "a")
        step_until(it, lambda: it.rows() == [] and it.couriers.is_idle)
        step_until(it, lambda: True)
        clock.advance(61.0)
        step_until(it, lambda: not it.couriers._posts)
        it.record(f"{server.url}/", "b")
        step_until(it, lambda: it.rows() == [])
        assert [asked.key for asked in server.asked] == ["a", "b"]
        it.couriers.end()
    it.ledger.close()


def step_until(it: Office, is_done: Callable[[], bool]) -> None:
    """Turn the couriers by hand, with a clock that stands still but for its backoff."""
    for _ in range(2000):
        it.couriers._wake.wait(0.02)  # what happens in the senders' threads; the clock is turned by hand
        it.couriers._wake.set()
        it.couriers.step(threading.Event())
        it.clock.wait(threading.Event(), Seconds(0.001))
        if is_done():
            return
    raise AssertionError("it never came to pass")


def test_stopping_does_not_wait_for_servers_that_never_answer(tmp_path: Path) -> None:
    gate = threading.Event()

    def never(_asked: Asked) -> Answer | None:
        gate.wait(PATIENCE)
        return None

    clock = ManualClock()
    it = office(tmp_path / "db", clock)
    servers = [WebServer(never) for _ in range(5)]
    for server in servers:
        server.start()
        it.record(f"{server.url}/", "a")
    it.couriers.step(threading.Event())
    for server in servers:
        server.wait_for(1)
    it.couriers.interrupt()
    before = len(it.rows())
    clock.advance(0.95)
    threading.Timer(0.1, lambda: clock.advance(1.0)).start()
    it.couriers.end()
    assert len(it.rows()) == before == 5
    gate.set()
    for server in servers:
        server.stop()
    it.ledger.close()


def test_a_password_in_the_address_is_in_no_log_and_no_report(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with WebServer(lambda _asked: Answer(403)) as server, at_work(tmp_path / "db") as it:
        address = server.url.replace("//", "//gate:hunter2secret@")
        row = message(f"{address}/", "1", b"{}", Priority.EVIDENCE, [("Authorization", "Bearer abcdef123")])
        with it.changed:
            it.ledger.commit(Batch(outgoing=[OutboxRow(destination(server.url), row, it.clock.now())]), it.clock.now())
        it.couriers.poke()
        it.wait_until_sent()
        server.stop()
        it.record(f"{server.url}/", "2")
        it.wait_for_fault()
        said = caplog.text + repr(it.faults) + repr(it.rows())
        assert "answered 403" in said
        assert "hunter2secret" not in said
        assert "abcdef123" not in said


def test_only_destinations_with_something_to_send_are_found_however_much_waits(tmp_path: Path) -> None:
    it = office(tmp_path / "db")
    for url in ("http://b.example", "http://a.example:8080", "https://c.example"):
        it.record(f"{url}/x", *(str(number) for number in range(300)))
    mqtt = Message(topic="t", payload=b"{}", priority=Priority.EVIDENCE, qos=1, id="m")
    it.ledger.commit(Batch(outgoing=[OutboxRow("mqtt", mqtt, it.clock.now())]), it.clock.now())
    connection = it.ledger.file.connection
    with connection.begin():
        connection.exec_driver_sql("UPDATE outbox SET state = 1 WHERE destination = 'http:http://b.example'")
    looking = Destinations(tmp_path / "db", "http:")
    assert looking.waiting() == ["http:http://a.example:8080", "http:https://c.example"]
    steps = 0

    def count() -> int:
        nonlocal steps
        steps += 1
        return 0

    reader = looking._view._connection
    assert reader is not None
    driver: Any = reader.connection.dbapi_connection
    driver.set_progress_handler(count, 1)
    looking.waiting()
    assert steps < 400  # instructions of SQLite's machine for 900 rows: it leaps
    looking.close()
    it.ledger.close()


def test_a_server_whose_answers_break_the_protocol_is_one_line_and_one_outage(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    nonsense = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\nhello\r\n"
    with NonsenseServer(nonsense) as server, at_work(tmp_path / "db") as it:
        it.record(f"{server.url}/", "1", "2")
        it.wait_for_fault()
        server.wait_for(7)
        assert [fault.code for fault in it.faults] == ["offline"]
        assert "Traceback" not in caplog.text
        lines = [each for each in caplog.records if each.levelno >= logging.WARNING]
        assert [each.getMessage().count("something that is not HTTP") for each in lines] == [1]
        assert [row[0] for row in it.rows()] == ["1", "2"]


def test_a_message_on_which_a_server_breaks_does_not_stop_those_behind_it(tmp_path: Path) -> None:
    clock = ManualClock()
    it = office(tmp_path / "db", clock)
    with WebServer(lambda asked: Answer(500 if asked.key == "2" else 200)) as server:
        it.record(f"{server.url}/", *"123456")

        def minutes_pass() -> bool:
            clock.advance(1.0)
            return [row[1] for row in it.rows()] == [1]

        step_until(it, minutes_pass)
        ((key, _, reason),) = it.rows()
        assert key == "2"
        assert reason is not None
        assert reason.startswith("it failed ")
        assert reason.endswith("times while others were taken: answered 500 Internal Server Error")
        assert list(dict.fromkeys(asked.key for asked in server.asked)) == list("123456")
        it.couriers.end()
    it.ledger.close()


def test_addresses_that_are_away_do_not_keep_another_one_waiting_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge_mask.deliver.http_couriers.MOST", 2)
    clock = ManualClock()
    it = office(tmp_path / "db", clock)
    for _ in range(2):
        it.record(f"http://{HOST}:{free_port()}/", "lost")
    step_until(it, lambda: len(it.faults) == 2)
    with WebServer() as server:
        it.record(f"{server.url.replace(HOST, 'localhost')}/", "found")  # its name comes after the others'
        step_until(it, lambda: clock.advance(1.0) is not None and bool(server.asked))
        assert [row[0] for row in it.rows()].count("lost") == 2
        assert len(it.faults) == 2
        it.couriers.end()
    it.ledger.close()
