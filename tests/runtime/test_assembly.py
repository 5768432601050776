"""What the composition root adds: senders that find no room, and a health message without a database."""

import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import TypeVar

import pytest

from edge_mask.app import Assembly
from edge_mask.ledger.bounds import Bounds
from edge_mask.messages import Event, Fault, Health
from edge_mask.recording import mail
from edge_mask.recording.mail import Entry, post
from edge_mask.recording.requests import Barrier
from edge_mask.rules.rule_set import RuleSet
from edge_mask.runtime.clock import SystemClock
from edge_mask.runtime.door import Blueprint, Door
from edge_mask.runtime.handoff import Mailbox
from edge_mask.runtime.worker import Job, Worker
from edge_mask.settings.load import parse
from edge_mask.units import Bytes, Seconds

CLOCK = SystemClock(lambda: True)
T = TypeVar("T")


def no_plan() -> Blueprint:
    raise AssertionError("nobody asks for another house here")


DOOR = Door(no_plan)


def assembly(folder: Path) -> Assembly:
    sensor = f"{{name: forehead, kind: replay, path: {folder / 'readings.csv'}}}"
    text = (
        f"device: {{thing_name: t1}}\nmqtt: {{transport: none}}\nsensors: [{sensor}]\n"
        f"outbox: {{path: {folder / 'edge-mask.db'}}}\n"
    )
    return Assembly(parse(text, "test.yaml", {}), RuleSet.load([]), CLOCK, DOOR, ExitStack())


def test_the_bounds_of_the_database_are_those_of_the_configuration(tmp_path: Path) -> None:
    more = f"outbox: {{path: {tmp_path / 'db'}, max_bytes: 2MB, max_age: 3d}}\nhistory: {{keep: 4d, max_bytes: 5MB}}\n"
    settings = parse(more + "sensors: [{name: t, kind: replay, path: t.csv}]\n", "test.yaml", {})
    with ExitStack() as undo:
        recorder = Assembly(settings, RuleSet.load([]), CLOCK, DOOR, undo)._make_recorder()
        assert recorder._ledger._bounds == Bounds(
            Bytes(2_000_000), Seconds(3 * 86400.0), Seconds(4 * 86400.0), Bytes(5_000_000)
        )


class Sender(Job):
    """Has one thing to say."""

    name = "sender"
    patience = Seconds(1.5)

    def __init__(self, house: Assembly) -> None:
        self._house = house

    def step(self, stop: threading.Event) -> None:
        self._house._mail.emit(Fault(at=CLOCK.now(), component="a", code="b", text="c"))
        stop.wait(10)


def filled(house: Assembly) -> None:
    while house._mail.mailbox.put(Barrier(), 0.0):
        pass


def test_a_worker_that_waits_for_room_in_the_mailbox_is_not_stuck_and_its_event_comes(tmp_path: Path) -> None:
    house = assembly(tmp_path)
    filled(house)
    worker = Worker(Sender(house), CLOCK, lambda _worker: None)
    worker.start()
    began = time.monotonic()
    while time.monotonic() - began < 3.0:
        assert not worker.is_stuck(CLOCK.now().mono)
        time.sleep(0.05)
    assert len(house._mail.mailbox.take_many(5000, 0.0)) == 1000
    assert [type(entry) for entry in house._mail.mailbox.take_many(5000, 10.0)] == [Fault]
    worker.request_stop()
    assert worker.join(10)


def test_a_worker_that_waits_for_room_hears_the_stop_and_says_what_it_could_not_tell(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    house = assembly(tmp_path)
    filled(house)
    worker = Worker(Sender(house), CLOCK, lambda _worker: None)
    worker.start()
    worker.request_stop()
    assert worker.join(10)
    assert "the mailbox is full at the stop; not recorded: Fault" in caplog.text


class Talker(Sender):
    """Has five things to say."""

    def step(self, stop: threading.Event) -> None:
        stop.wait(10)
        for _ in range(5):
            self._house._mail.emit(Fault(at=CLOCK.now(), component="a", code="b", text="c"))


def test_at_the_stop_one_event_waits_for_room_and_those_behind_it_do_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float | None] = []

    def noted(mailbox: Mailbox[Entry], event: Event, timeout: float | None = None) -> bool:
        waits.append(timeout)
        return post(mailbox, event, timeout)

    monkeypatch.setattr(mail, "post", noted)
    house = assembly(tmp_path)
    filled(house)
    for room, expected in ((False, [0.5, 0.0, 0.0, 0.0, 0.0]), (True, [0.0, 0.5, 0.5, 0.5, 0.5])):
        if room:
            house._mail.mailbox.take_many(10, 0.0)
        worker = Worker(Talker(house), CLOCK, lambda _worker: None)
        worker.start()
        worker.request_stop()
        assert worker.join(10)
        assert waits == expected
        waits.clear()


def test_a_sender_that_was_not_asked_to_stop_goes_on_waiting_when_another_has_given_up(tmp_path: Path) -> None:
    house = assembly(tmp_path)
    filled(house)
    stopped, other = (Worker(Sender(house), CLOCK, lambda _worker: None) for _ in range(2))
    stopped.start()
    stopped.request_stop()
    assert stopped.join(10)
    tries = house._mail.mailbox._not_full = Counting(house._mail.mailbox._lock)
    other.start()
    time.sleep(0.6)
    assert tries.waits <= 5  # it does not turn in a circle
    house._mail.mailbox.take_many(5000, 0.0)
    assert [type(entry) for entry in house._mail.mailbox.take_many(5000, 10.0)] == [Fault]
    other.request_stop()
    assert other.join(10)


class Counting(threading.Condition):
    """Counts how often somebody began to wait."""

    waits = 0

    def wait_for(self, predicate: Callable[[], T], timeout: float | None = None) -> T:
        self.waits += 1
        return super().wait_for(predicate, timeout)


def test_health_is_told_without_figures_of_the_outbox_while_the_database_cannot_be_read(tmp_path: Path) -> None:
    house = assembly(tmp_path)
    house._health.step(threading.Event())
    [health] = house._mail.mailbox.take_many(10, 10.0)
    assert isinstance(health, Health)
    assert health.values["outbox"] == {"pending": None, "bytes": None, "oldest_s": None, "dropped": None}
    assert health.values["clock_synced"]


def test_the_secrets_of_the_configuration_are_kept_out_of_the_texts_of_faults(tmp_path: Path) -> None:
    text = f"mqtt: {{host: h, username: u, password: '${{WORD}}'}}\noutbox: {{path: {tmp_path / 'db'}}}\n"
    settings = parse(text + "sensors: [{name: t, kind: replay, path: t.csv}]\n", "test.yaml", {"WORD": "hunter2"})
    with ExitStack() as undo:
        house = Assembly(settings, RuleSet.load([]), CLOCK, DOOR, undo)
        intake = house._make_recorder()._intake
        admitted = intake.admit(Fault(at=CLOCK.now(), component="mqtt", code="refused", text="no entry with hunter2"))
    assert admitted.events[0].values["text"] == "no entry with ***"
    assert b"hunter2" not in admitted.outgoing[0].message.payload
