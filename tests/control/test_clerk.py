"""The control worker between houses and connections, turn by turn: nothing that was taken in is lost or done twice."""

import json
import threading
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest
from tests.control.site import Site, running

from edge_mask.control.afterwards import LONGEST_WAIT, MOST_WAITING, Afterwards
from edge_mask.control.clerk import Answer, Clerk
from edge_mask.control.desk import AT_ONCE, Desk
from edge_mask.control.desk import MOST_WAITING as MOST_REQUESTS
from edge_mask.control.repeats import REMEMBERED_FOR, Repeats
from edge_mask.control.request import Rejected, Request
from edge_mask.deliver.memory import MemoryTransport
from edge_mask.kinds import Priority
from edge_mask.messages import Fault, Message
from edge_mask.runtime.clock import ManualClock
from edge_mask.wire.topics import Topics

TOPICS = Topics("root", "t1")
CLOCK = ManualClock()
NEVER = threading.Event()


class House:
    """A clerk over the desk that all houses share."""

    def __init__(self, desk: Desk, status: "Callable[[Request], Answer | Future[Answer]]") -> None:
        self.transport = MemoryTransport()
        self.faults: list[Fault] = []
        self.clerk = Clerk(desk, TOPICS, self.transport, {"status": status}, self.faults.append, CLOCK)
        self.clerk.begin()
        self.transport.open()

    def turn(self) -> None:
        """One turn, and the ends of the commands that it began."""
        self.clerk._wake.set()
        self.clerk.step(NEVER)
        for thread in self.clerk._threads:
            thread.join()
        self.clerk._wake.set()
        self.clerk.step(NEVER)

    @property
    def answers(self) -> list[dict[str, Any]]:
        return [json.loads(message.payload) for message in self.transport.delivered]


def done(_request: Request) -> Answer:
    return {"done": True}


def message(request_id: str, **more: Any) -> Message:
    payload = json.dumps({"request_id": request_id}).encode()
    return Message(topic="root/commands/status", payload=payload, priority=Priority.LIVE, qos=1, **more)


def test_a_request_that_no_house_has_read_is_carried_out_by_the_next() -> None:
    desk = Desk(Afterwards())
    first = House(desk, done)
    first.clerk.end()
    first.transport.close(0.0)  # type: ignore[arg-type]  # at once
    desk.arrived(message("between"))
    second = House(desk, done)
    second.turn()
    assert second.answers == [{"ok": True, "request_id": "between", "done": True}]


def test_an_answer_that_comes_after_its_house_has_stopped_is_sent_by_the_next() -> None:
    desk, later = Desk(Afterwards()), Future[Answer]()
    first = House(desk, lambda _request: later)
    desk.arrived(message("rebuild"))
    first.turn()
    first.clerk.end()
    first.transport.go_away()
    later.set_result({"done": True})
    second = House(desk, done)
    second.turn()
    assert (first.answers, second.answers) == ([], [{"ok": True, "request_id": "rebuild", "done": True}])
    assert desk.in_hand == 0


def test_an_answer_that_was_not_acknowledged_is_sent_again() -> None:
    house = House(desk := Desk(Afterwards()), done)
    house.transport.go_away()
    desk.arrived(message("lost"))
    house.turn()
    assert house.answers == []
    house.transport.come_back()
    house.clerk.connected(True)
    house.turn()
    assert [answer["request_id"] for answer in house.answers] == ["lost"]


def test_an_answer_that_is_refused_is_not_sent_again() -> None:
    house = House(desk := Desk(Afterwards()), done)
    house.transport.refuse(lambda _message: "the policy denies it")
    desk.arrived(message("denied"))
    house.turn()
    house.transport.refuse(lambda _message: "")
    house.turn()
    assert (house.answers, len(desk.afterwards)) == ([], 0)


def test_a_fault_of_our_own_is_an_answer_and_one_errors_message_and_the_house_stands() -> None:
    def fails(_request: Request) -> Answer:
        raise ZeroDivisionError("division by zero")

    house = House(desk := Desk(Afterwards()), fails)
    for number in range(3):
        desk.arrived(message(f"f{number}"))
        house.turn()
    assert [answer["error"] for answer in house.answers] == [
        {"code": "failed", "text": "internal fault: ZeroDivisionError: division by zero"}
    ] * 3
    assert [(fault.component, fault.code) for fault in house.faults] == [("command status", "command_failed")]


def test_what_is_busy_after_it_was_begun_may_come_again_with_its_id() -> None:
    answers: list[Answer | Rejected] = [Rejected("busy", "the model is being replaced"), {"done": True}]

    def at_second_try(_request: Request) -> Answer:
        answer = answers.pop(0)
        if isinstance(answer, Rejected):
            raise answer
        return answer

    house = House(desk := Desk(Afterwards()), at_second_try)
    for _ in range(2):
        desk.arrived(message("same"))
        house.turn()
    assert [answer["ok"] for answer in house.answers] == [False, True]
    assert house.faults == []


def test_four_at_once_thirty_two_wait_and_the_next_is_told_that_all_are_busy() -> None:
    held = [Future[Answer]() for _ in range(AT_ONCE + MOST_REQUESTS)]
    free = iter(held)
    house = House(desk := Desk(Afterwards()), lambda _request: next(free))
    for number in range(AT_ONCE + MOST_REQUESTS + 1):
        desk.arrived(message(f"n{number}"))
    house.turn()
    assert desk.in_hand == AT_ONCE
    assert [answer["error"]["code"] for answer in house.answers] == ["busy"]
    for future in held:
        future.set_result({})
        house.turn()
    assert sum(answer["ok"] for answer in house.answers) == AT_ONCE + MOST_REQUESTS


def test_more_than_memory_has_room_for_is_dropped_and_told(caplog: pytest.LogCaptureFixture) -> None:
    house = House(desk := Desk(Afterwards()), done)
    for _ in range(100):
        desk.arrived(Message(topic="root/commands/status", payload=bytes(100_000), priority=Priority.LIVE, qos=1))
    house.turn()
    assert "20 requests were not read: too many at once" in caplog.text
    assert len(house.answers) == 80


def test_what_nobody_waits_for_any_more_is_forgotten() -> None:
    afterwards = Afterwards()
    for number in range(MOST_WAITING + 5):
        afterwards.say(message(f"a{number}"), 0.0)
    assert len(afterwards) == MOST_WAITING
    assert afterwards.take(LONGEST_WAIT + 1.0) == []


def test_a_request_is_remembered_for_five_minutes() -> None:
    repeats = Repeats()
    assert [repeats.is_new("infer", "a", at) for at in (0.0, REMEMBERED_FOR - 1, REMEMBERED_FOR + 1)] == [
        True, False, True,
    ]  # fmt: skip
    assert repeats.is_new("status", "a", 0.0), "another command"
    assert all(repeats.is_new("infer", None, 0.0) for _ in range(2)), "nothing to know it by"


def test_without_a_broker_there_is_no_control_worker(tmp_path: Path) -> None:
    with running(Site(tmp_path)):
        assert [thread.name for thread in threading.enumerate() if thread.name == "control"] == []
