"""Senders that find no room in the recorder's inbox."""

import threading
import time
from collections.abc import Callable
from typing import TypeVar

import pytest
from tests.waiting import waits_on_purpose

from edge_mask.messages import Event, Fault
from edge_mask.recording import mail
from edge_mask.recording.mail import Entry, Inbox, post
from edge_mask.recording.requests import Barrier
from edge_mask.runtime.clock import ManualClock, SystemClock
from edge_mask.runtime.handoff import Mailbox
from edge_mask.runtime.worker import Job, Worker
from edge_mask.units import Seconds

CLOCK = SystemClock(lambda: True)
T = TypeVar("T")


class Sender(Job):
    """Has one thing to say."""

    name = "sender"
    patience = Seconds(1.5)

    def __init__(self, inbox: Inbox) -> None:
        self._inbox = inbox

    def step(self, stop: threading.Event) -> None:
        self._inbox.emit(Fault(at=CLOCK.now(), component="a", code="b", text="c"))
        stop.wait(10)


def filled(inbox: Inbox) -> None:
    while inbox.mailbox.put(Barrier(), 0.0):
        pass


def test_a_worker_that_waits_for_room_in_the_mailbox_is_not_stuck_and_its_event_comes() -> None:
    inbox = Inbox()
    filled(inbox)
    clock = ManualClock()
    worker = Worker(Sender(inbox), clock, lambda _worker: None)
    worker.start()
    waits_on_purpose(worker, clock)
    assert len(inbox.mailbox.take_many(5000, 0.0)) == 1000
    assert [type(entry) for entry in inbox.mailbox.take_many(5000, 10.0)] == [Fault]
    worker.request_stop()
    assert worker.join(10)


def test_a_worker_that_waits_for_room_hears_the_stop_and_says_what_it_could_not_tell(
    caplog: pytest.LogCaptureFixture,
) -> None:
    inbox = Inbox()
    filled(inbox)
    worker = Worker(Sender(inbox), CLOCK, lambda _worker: None)
    worker.start()
    worker.request_stop()
    assert worker.join(10)
    assert "the mailbox is full at the stop; not recorded: Fault" in caplog.text


class Talker(Sender):
    """Has five things to say."""

    def step(self, stop: threading.Event) -> None:
        stop.wait(10)
        for _ in range(5):
            self._inbox.emit(Fault(at=CLOCK.now(), component="a", code="b", text="c"))


def test_at_the_stop_one_event_waits_for_room_and_those_behind_it_do_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    waits: list[float | None] = []

    def noted(mailbox: Mailbox[Entry], event: Event, timeout: float | None = None) -> bool:
        waits.append(timeout)
        return post(mailbox, event, timeout)

    monkeypatch.setattr(mail, "post", noted)
    inbox = Inbox()
    filled(inbox)
    for room, expected in ((False, [0.5, 0.0, 0.0, 0.0, 0.0]), (True, [0.0, 0.5, 0.5, 0.5, 0.5])):
        if room:
            inbox.mailbox.take_many(10, 0.0)
        worker = Worker(Talker(inbox), CLOCK, lambda _worker: None)
        worker.start()
        worker.request_stop()
        assert worker.join(10)
        assert waits == expected
        waits.clear()


def test_a_sender_that_was_not_asked_to_stop_goes_on_waiting_when_another_has_given_up() -> None:
    inbox = Inbox()
    filled(inbox)
    stopped, other = (Worker(Sender(inbox), CLOCK, lambda _worker: None) for _ in range(2))
    stopped.start()
    stopped.request_stop()
    assert stopped.join(10)
    tries = inbox.mailbox._not_full = Counting(inbox.mailbox._lock)
    other.start()
    time.sleep(0.6)
    assert tries.waits <= 5  # it does not turn in a circle
    inbox.mailbox.take_many(5000, 0.0)
    assert [type(entry) for entry in inbox.mailbox.take_many(5000, 10.0)] == [Fault]
    other.request_stop()
    assert other.join(10)


class Counting(threading.Condition):
    """Counts how often somebody began to wait."""

    waits = 0

    def wait_for(self, predicate: Callable[[], T], timeout: float | None = None) -> T:
        self.waits += 1
        return super().wait_for(predicate, timeout)
