"""The gate's own output: what opens it, for how long, and everything that closes it."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.act.trees import brightness, led
from tests.waiting import until

from edge_mask.act.actions import Done, NotDone
from edge_mask.act.gate_output import HUNG_AFTER, GateOutput, OpenPolicy
from edge_mask.act.led import Led
from edge_mask.errors import TryLater
from edge_mask.messages import Fault
from edge_mask.rules.effects import HoldOutput, PulseOutput
from edge_mask.runtime.clock import ManualClock, SystemClock
from edge_mask.runtime.worker import Job, Worker
from edge_mask.units import Seconds

POLICY = OpenPolicy(open_for=Seconds(3.0), at_most=Seconds(8.0))


class Line:
    """An output that writes down what is done with it, and can fail."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.is_on = False
        self.trouble = ""
        self.changed = threading.Event()

    def look(self) -> str:
        return "line"

    def open(self) -> None:
        self.set(on=False)

    def set(self, *, on: bool) -> None:
        if self.trouble:
            raise TryLater(self.trouble)
        self.is_on = on
        self.done.append("on" if on else "off")
        self.changed.set()

    def close(self) -> None:
        self.is_on = False
        self.done.append("closed")


class Gate:
    """The worker's job, turned by hand: every step takes what waits, at a moment of the test's choice."""

    def __init__(self) -> None:
        self.clock, self.line, self.faults = ManualClock(), Line(), list[Fault]()
        self.job = GateOutput("gate", self.line, POLICY, self.faults.append, self.clock)
        self.job._patience = lambda: 0.0  # type: ignore[method-assign]
        self.job.begin()

    def step(self, seconds: float = 0.0) -> bool:
        self.clock.advance(seconds)
        self.job.step(threading.Event())
        return self.line.is_on

    def let_pass(self, seconds: float = 0.0) -> bool:
        self.clock.advance(seconds)
        self.job.open(self.clock.now())
        return self.step()

    def codes(self) -> list[str]:
        return [fault.code for fault in self.faults]


def test_it_is_off_from_the_start_on_for_a_pass_and_off_after_its_time() -> None:
    gate = Gate()
    assert gate.line.done == ["off"]
    assert gate.let_pass()
    assert gate.step(2.9)
    assert not gate.step(0.2)


def test_another_pass_prolongs_it_up_to_the_maximum_and_one_after_that_opens_anew() -> None:
    gate = Gate()
    opened = [gate.let_pass(), gate.let_pass(2), gate.let_pass(2), gate.let_pass(2)]
    assert opened == [True] * 4
    assert gate.step(1.9)  # 7.9 s
    assert not gate.step(0.2)  # 8.1 s, and not 9
    assert gate.let_pass(0.5)
    assert gate.step(2.9)
    assert not gate.step(0.2)


def test_a_verdict_of_long_ago_opens_nothing() -> None:
    gate = Gate()
    judged = gate.clock.now()
    gate.clock.advance(3.5)
    gate.job.open(judged)
    assert not gate.step()


def test_a_rule_may_close_it_at_once_hold_it_and_let_go_of_it() -> None:
    gate = Gate()
    gate.let_pass()
    off = gate.job.switch(HoldOutput(rule="r", line="gate", on=False))
    assert not gate.step()
    assert off.result(0) == Done()
    gate.job.switch(HoldOutput(rule="r", line="gate", on=True))
    assert gate.step()
    assert gate.step(100)
    gate.job.switch(HoldOutput(rule="r", line="gate", on=False))
    assert not gate.step()
    gate.job.switch(PulseOutput(rule="r", line="gate", lasting=Seconds(1.0)))
    assert gate.step()
    assert not gate.step(1.1)


def test_when_vision_makes_no_progress_it_is_switched_off_whoever_wants_it_on_and_that_is_told_once() -> None:
    gate = Gate()
    held_up = 0.0
    gate.job.held_up_for = lambda _now: held_up
    gate.job.switch(HoldOutput(rule="r", line="gate", on=True))
    gate.let_pass()
    held_up = HUNG_AFTER + 0.1
    assert not gate.step()
    assert not gate.step(1)
    refused = gate.job.switch(HoldOutput(rule="r", line="gate", on=True))
    assert not gate.step()
    assert isinstance(refused.result(0), NotDone)
    assert gate.codes() == ["hung"]
    held_up = 0.0
    gate.step(6)
    assert gate.let_pass()


def test_a_line_that_fails_is_one_message_and_one_recovery(caplog: pytest.LogCaptureFixture) -> None:
    gate = Gate()
    caplog.set_level("INFO")
    gate.line.trouble = "no such chip"
    for _ in range(3):
        assert not gate.let_pass(1)
    gate.line.trouble = ""
    assert not gate.step(1)  # it is not opened by itself later
    gate.step(6)
    assert gate.let_pass()
    assert gate.codes() == ["failed"]
    assert sum("output gate: back after" in each for each in caplog.messages) == 1


def test_a_line_that_stays_on_is_tried_until_it_is_off() -> None:
    gate = Gate()
    gate.let_pass()
    gate.line.trouble = "held by somebody"
    gate.step(3.1)
    gate.step(0.5)
    assert gate.codes() == ["stuck"]
    assert gate.line.is_on
    gate.line.trouble = ""
    assert not gate.step(0.5)
    gate.step(6)
    assert gate.codes() == ["stuck"]


def test_a_line_that_is_away_at_the_start_is_claimed_later() -> None:
    line, faults, clock = Line(), list[Fault](), ManualClock()
    line.trouble = "away"
    job = GateOutput("gate", line, POLICY, faults.append, clock)
    job._patience = lambda: 0.0  # type: ignore[method-assign]
    job.begin()
    assert [fault.code for fault in faults] == ["unavailable"]
    line.trouble = ""
    clock.advance(6)
    job.step(threading.Event())
    assert line.done == ["off"]


# -- in its own thread -------------------------------------------------------------------------------------


class Stuck(Job):
    """A lane whose model never answers."""

    name = "vision"

    def __init__(self) -> None:
        self.free = threading.Event()
        self.is_hung = threading.Event()

    def step(self, stop: threading.Event) -> None:
        self.is_hung.set()
        self.free.wait(60)


@contextmanager
def running(job: Job) -> Iterator[Worker]:
    worker = Worker(job, SystemClock(lambda: True), lambda _worker: None)
    worker.start()
    try:
        yield worker
    finally:
        worker.request_stop()
        assert worker.join(10)


def test_a_hung_lane_does_not_keep_a_gate_open(tmp_path: Path) -> None:
    lamp = led(tmp_path, "gate")
    faults: list[Fault] = []
    clock = SystemClock(lambda: True)
    lane = Stuck()
    job = GateOutput("gate", Led(lamp), OpenPolicy(Seconds(60), Seconds(60)), faults.append, clock)
    with running(lane) as vision:
        job.held_up_for = lambda now: vision.held_up_for(now) * 20  # a quarter of a second, not five
        with running(job):
            lane.is_hung.wait(10)
            job.open(clock.now())
            until(lambda: faults)
            until(lambda: brightness(lamp) == "0")
        assert [fault.code for fault in faults] == ["hung"]
        lane.free.set()


def test_a_stop_closes_it_at_once_in_the_middle_of_a_pass(tmp_path: Path) -> None:
    lamp = led(tmp_path, "gate")
    clock = SystemClock(lambda: True)
    job = GateOutput("gate", Led(lamp), OpenPolicy(Seconds(60), Seconds(60)), lambda _fault: None, clock)
    with running(job):
        job.open(clock.now())
        until(lambda: brightness(lamp) == "255")
    assert brightness(lamp) == "0"
    job.open(clock.now())  # vision may say so meanwhile
    assert isinstance(job.switch(HoldOutput(rule="r", line="gate", on=True)).result(0), NotDone)
    assert brightness(lamp) == "0"
