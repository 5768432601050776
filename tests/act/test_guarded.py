"""The gate's line in a process of its own: off when the daemon is gone or silent, and nobody waits for its driver."""

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
from tests.act.test_gate_output import running
from tests.act.trees import brightness, led
from tests.waiting import until

from edge_mask.act import guard, guarded
from edge_mask.act.gate_output import GateOutput, OpenPolicy
from edge_mask.act.guarded import GuardedLine
from edge_mask.act.led import Led
from edge_mask.errors import Refused, TryLater
from edge_mask.messages import Fault
from edge_mask.runtime.clock import SystemClock
from edge_mask.units import Seconds


@pytest.fixture
def lamp(tmp_path: Path) -> Path:
    return led(tmp_path, "relay")


@pytest.fixture
def line(tmp_path: Path, lamp: Path) -> Iterator[GuardedLine]:
    made = GuardedLine("led", path="relay", sysfs=tmp_path)
    yield made
    made.close()
    assert brightness(lamp) == "0" or (lamp / "brightness").is_fifo()


def guard_of(line: GuardedLine) -> psutil.Process:
    assert line._guard is not None
    return psutil.Process(line._guard.pid)


def hang(lamp: Path) -> None:
    """Whoever opens it waits until somebody reads."""
    os.mkfifo(lamp / "new")
    (lamp / "new").replace(lamp / "brightness")


def heal(lamp: Path) -> None:
    (lamp / "new").write_text("255")
    (lamp / "new").replace(lamp / "brightness")


def test_it_is_switched_like_any_other_line_and_off_when_it_is_closed(line: GuardedLine, lamp: Path) -> None:
    line.open()
    line.set(on=True)
    assert brightness(lamp) == "255"
    line.keep()
    line.set(on=False)
    assert brightness(lamp) == "0"
    line.set(on=True)
    its_guard = guard_of(line)
    line.close()
    assert brightness(lamp) == "0"
    assert not its_guard.is_running()
    line.close()


def test_what_the_driver_says_is_what_the_caller_hears(line: GuardedLine, lamp: Path) -> None:
    (lamp / "brightness").unlink()
    with pytest.raises(TryLater, match=r"brightness: is not there; `ls .*` shows what there is"):
        line.open()
    heal(lamp)
    line.open()


def test_without_what_it_needs_it_is_refused_before_anything_is_started() -> None:
    with pytest.raises(Refused, match="an output of kind led cannot be made of this"):
        GuardedLine("led")


def test_a_machine_that_has_no_room_for_a_guard_is_told_and_tried_again(
    line: GuardedLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(sys, "executable", "/no/such/python")
        with pytest.raises(TryLater, match=r"its guard cannot be started \(No such file or directory\)"):
            line.open()
    with monkeypatch.context() as patch:
        patch.setattr(sys, "executable", "/bin/false")
        with pytest.raises(TryLater, match="its guard does not start"):
            line.open()
    line.open()


def test_a_driver_that_hangs_keeps_nobody_waiting_and_works_again_later(
    line: GuardedLine, lamp: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guarded, "ANSWERS_WITHIN", 0.3)
    line.open()
    its_guard = guard_of(line)
    hang(lamp)
    with pytest.raises(TryLater, match=r"the driver has not answered for 0\.3 s; its process was ended"):
        line.set(on=True)
    assert not its_guard.is_running()
    with pytest.raises(TryLater, match="the driver does not answer; it is tried again within 10 s"):
        line.set(on=True)
    assert line._guard is None, "it is not tried again and again"
    heal(lamp)
    line._hung_until = 0.0
    line.open()
    assert brightness(lamp) == "0"


def test_a_guard_that_is_killed_is_told_and_the_line_switched_off_by_another(line: GuardedLine, lamp: Path) -> None:
    faults: list[Fault] = []
    clock = SystemClock(lambda: True)
    job = GateOutput("relay", line, OpenPolicy(Seconds(60), Seconds(60)), faults.append, clock, keep=line.keep)
    with running(job):
        job.open(clock.now())
        until(lambda: brightness(lamp) == "255")
        guard_of(line).kill()
        until(lambda: brightness(lamp) == "0")
    assert [(fault.component, fault.code, fault.text) for fault in faults] == [
        ("output relay", "failed", "its guard has ended")
    ]


def test_a_guard_outlives_what_a_service_manager_sends_to_all(line: GuardedLine, lamp: Path) -> None:
    line.open()
    line.set(on=True)
    guard_of(line).terminate()
    line.keep()
    assert brightness(lamp) == "255"


@contextmanager
def served(lamp: Path) -> Iterator[tuple[int, int]]:
    """The guard's own loop, in a thread: where to ask, and where it answers."""
    (asked, ask), (answers, answer) = os.pipe(), os.pipe()
    thread = threading.Thread(target=guard.serve, args=(Led(lamp), asked, answer))
    thread.start()
    assert os.read(answers, 64) == guard.READY
    yield ask, answers
    os.close(ask)
    thread.join(10)
    assert not thread.is_alive()
    for end in (asked, answers, answer):
        os.close(end)


def test_a_daemon_that_says_nothing_while_the_line_is_on_finds_it_off(
    lamp: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guard, "SILENT_FOR", 0.2)
    with served(lamp) as (ask, answers):
        for _ in range(3):
            os.write(ask, b"on\n")
            assert os.read(answers, 999) == b"{}\n"
        until(lambda: brightness(lamp) == "0")
        os.write(ask, b"keep\n")
        assert b"it was switched off" in os.read(answers, 999)


def test_a_line_that_cannot_be_switched_off_is_tried_until_it_can(lamp: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "SILENT_FOR", 0.05)
    monkeypatch.setattr(guard, "_AGAIN", 0.05)
    with served(lamp) as (ask, answers):
        os.write(ask, b"on\n")
        assert os.read(answers, 999) == b"{}\n"
        (lamp / "brightness").unlink()
        os.write(ask, b"off\n")
        assert b"is not there" in os.read(answers, 999)
        heal(lamp)
        until(lambda: brightness(lamp) == "0")
