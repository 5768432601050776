"""What rules want done on the device, through the real thing: a thread, a file tree of LEDs, a folder of pictures."""

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from tests.act.trees import brightness, frame, led
from tests.waiting import PATIENCE, until

from edge_mask.act.actions import Actions, Done, NotDone
from edge_mask.act.album import Album, Wishes
from edge_mask.act.folder import Bounds
from edge_mask.act.line import line_for
from edge_mask.act.outputs import Outputs
from edge_mask.act.picture_file import Style
from edge_mask.act.snapshots import SnapshotStore
from edge_mask.messages import Fault, Priority, Shot
from edge_mask.rules.effects import (
    EdgeAction,
    HoldOutput,
    Incoming,
    KeepPicture,
    LogLevel,
    LogLine,
    PulseOutput,
)
from edge_mask.rules.rule_set import RuleSet
from edge_mask.runtime.clock import ManualClock, SystemClock
from edge_mask.runtime.worker import Worker
from edge_mask.sql.rule_input import Context
from edge_mask.units import Bytes, Seconds


@dataclass
class Heard:
    """The faults that were emitted."""

    faults: list[Fault] = field(default_factory=list)
    changed: threading.Condition = field(default_factory=threading.Condition)

    def __call__(self, fault: Fault) -> None:
        with self.changed:
            self.faults.append(fault)
            self.changed.notify_all()

    def wait_for(self, count: int) -> list[Fault]:
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.faults) >= count, PATIENCE), self.faults
            return list(self.faults)

    @property
    def said(self) -> list[tuple[str, str]]:
        return [(fault.component, fault.code) for fault in self.faults]


@dataclass
class Device:
    """A device with two LEDs, one camera and a folder for pictures."""

    root: Path
    clock: Any = field(default_factory=lambda: SystemClock(lambda: True))
    heard: Heard = field(default_factory=Heard)
    newest: Callable[[str], Shot | None] = lambda camera: Shot(frame(camera="front"), []) if camera == "front" else None

    def __post_init__(self) -> None:
        self.lamp, self.gate = led(self.root, "lamp", 1), led(self.root, "gate", 1)
        self.pictures = self.root / "pictures"
        lines = {name: line_for("led", path=name, sysfs=self.root) for name in ("lamp", "gate")}
        bounds = Bounds(Seconds(7 * 86400.0), Seconds(3600.0), Bytes(10**8))
        store = SnapshotStore(self.pictures, bounds, Style(thing="gate-01"), self.clock)
        album = Album(store, Wishes(), self.heard, self.clock)
        self.actions = Actions(album, Outputs(lines), self.newest, self.heard, self.clock)

    @contextmanager
    def at_work(self) -> Iterator[None]:
        worker = Worker(self.actions, self.clock, lambda _worker: None)
        worker.start()
        yield
        worker.request_stop()
        assert worker.join(PATIENCE)
        assert worker.failure is None

    def do(self, *actions: EdgeAction) -> None:
        """Everything in a thread of its own, to its end."""
        with self.at_work():
            for action in actions:
                self.actions.perform(action)


def log_line(text: str, level: LogLevel = "info", rule: str = "r") -> LogLine:
    return LogLine(rule=rule, level=level, text=text)


def picture(camera: str, reason: str = "x", rule: str = "r") -> KeepPicture:
    return KeepPicture(rule=rule, camera=camera, reason=reason)


def switch_on(line: str, rule: str = "r") -> HoldOutput:
    return HoldOutput(rule=rule, line=line, on=True)


def pulse(line: str, seconds: float) -> PulseOutput:
    return PulseOutput(rule="r", line=line, lasting=Seconds(seconds))


@pytest.fixture
def device(tmp_path: Path) -> Device:
    return Device(tmp_path)


@pytest.mark.parametrize("level", ["info", "warning", "error"])
def test_a_log_line_has_its_level_and_says_which_rule(
    device: Device, caplog: pytest.LogCaptureFixture, level: LogLevel
) -> None:
    caplog.set_level(logging.DEBUG)
    device.do(log_line("37.9 °C at the gate", level, rule="hot"))
    (record,) = [each for each in caplog.records if each.name == "edge_mask.rules.action"]
    assert record.getMessage() == "rule hot: 37.9 °C at the gate"
    assert record.levelname.lower() == level


def test_a_line_is_switched_on_and_off_at_the_end(device: Device) -> None:
    seen: list[str] = []
    with device.at_work():
        device.actions.perform(switch_on("lamp"))
        device.actions.perform(log_line("x"))
        until(lambda: brightness(device.lamp) == "1")
        seen.append(brightness(device.lamp))
    assert seen == ["1"]
    assert brightness(device.lamp) == "0"
    assert device.heard.faults == []


def test_a_pulse_ends_while_nothing_else_happens(device: Device) -> None:
    with device.at_work():
        device.actions.perform(pulse("gate", 0.05))
        until(lambda: device.actions._outputs.next_change(Seconds(0.0)) is not None)
        until(lambda: device.actions._outputs.next_change(Seconds(0.0)) is None)
        assert brightness(device.gate) == "0"


def test_a_pulse_ends_with_the_daemon(device: Device) -> None:
    device.do(pulse("gate", 60.0))
    assert brightness(device.gate) == "0"


def test_a_snapshot_keeps_the_newest_picture_of_the_camera(device: Device) -> None:
    device.do(picture("front", "no mask in 6 looks"))
    (kept,) = device.pictures.iterdir()
    assert kept.name.endswith("Z-front-no-mask-in-6-looks.jpg")
    assert not kept.name.startswith("temp-")


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        (switch_on("lmap"), 'there is no output "lmap"; there are: lamp, gate'),
        (picture("back"), 'there is no picture of a camera "back" (yet)'),
    ],
)
def test_an_action_that_cannot_be_is_one_fault_with_a_sentence(device: Device, wrong: EdgeAction, text: str) -> None:
    device.do(wrong, wrong, wrong)
    (fault,) = device.heard.faults
    assert (fault.component, fault.code, fault.text) == ("rule r", "action_failed", text)


def test_a_failing_action_is_reported_again_after_it_worked_once(device: Device) -> None:
    wrong, right = switch_on("lmap"), switch_on("lamp")
    device.do(wrong, wrong, right, wrong)
    assert device.heard.said == [("rule r", "action_failed")] * 2


def test_each_rule_is_reported_for_itself(device: Device) -> None:
    device.do(*(switch_on("lmap", rule) for rule in ("a", "b", "a")))
    assert device.heard.said == [("rule a", "action_failed"), ("rule b", "action_failed")]


def test_a_fault_of_our_own_is_a_fault_and_not_the_end(tmp_path: Path) -> None:
    def broken(_camera: str) -> None:
        raise ZeroDivisionError

    device = Device(tmp_path, newest=broken)
    device.do(picture("front"), switch_on("lamp"))
    (fault,) = device.heard.faults
    assert fault.text.startswith("internal fault: ZeroDivisionError")


def test_a_folder_that_cannot_be_written_is_one_fault_of_the_rule(device: Device) -> None:
    device.pictures.write_text("a file is in the way")
    one = picture("front")
    device.do(one, one)
    faults = [fault for fault in device.heard.faults if fault.component == "rule r"]
    assert len(faults) == 1
    assert "no picture can be written" in faults[0].text


def test_whoever_asks_learns_what_came_of_it(device: Device) -> None:
    with device.at_work():
        asked = [
            device.actions.perform(each)
            for each in (picture("front"), picture("back"), switch_on("lamp"), switch_on("lmap"), log_line("x"))
        ]
        kept, unknown, switched, misnamed, logged = [each.result(PATIENCE) for each in asked]
        assert isinstance(kept, Done)
        assert kept.snapshot in {path.name for path in device.pictures.iterdir()}
        assert unknown == NotDone("failed", 'there is no picture of a camera "back" (yet)')
        assert (switched, logged) == (Done(), Done())
        assert isinstance(misnamed, NotDone)
        assert misnamed.text.startswith('there is no output "lmap"')
    assert device.actions.perform(switch_on("lamp")).result(0) == NotDone("stopping", "the daemon is stopping")


def test_a_line_that_is_not_there_at_the_start_is_reported_and_used_when_it_comes(device: Device) -> None:
    away = device.lamp.rename(device.root / "away")
    with device.at_work():
        (fault,) = device.heard.wait_for(1)
        assert (fault.component, fault.code) == ("output lamp", "unavailable")
        away.rename(device.lamp)
        device.actions.perform(switch_on("lamp"))
        until(lambda: brightness(device.lamp) == "1")
    assert len(device.heard.faults) == 1


def test_whoever_asks_never_waits_and_what_is_too_much_is_counted_and_reported(tmp_path: Path) -> None:
    device = Device(tmp_path, clock=ManualClock())
    for number in range(300):  # nobody takes them yet
        device.actions.perform(log_line(str(number)))
    assert device.actions.dropped == 44
    with device.at_work():
        (fault,) = device.heard.wait_for(1)
    assert (fault.component, fault.code) == ("actions", "dropped")
    assert fault.text.startswith("44 actions")


def test_a_disk_that_hangs_holds_up_no_gate(tmp_path: Path) -> None:
    hung, go_on = threading.Event(), threading.Event()

    def hangs(_camera: str) -> Shot:
        hung.set()
        go_on.wait(PATIENCE)
        return Shot(frame(), [])

    device = Device(tmp_path, newest=hangs)
    with device.at_work():
        for _ in range(40):
            device.actions.perform(picture("front"))
        assert hung.wait(PATIENCE)
        device.actions.perform(switch_on("gate"))
        until(lambda: brightness(device.gate) == "1")
        assert device.heard.wait_for(1)[0].code == "dropped"
        go_on.set()
    assert device.actions.dropped == 40 - len(list(device.pictures.iterdir()))


def test_what_comes_after_the_stop_is_let_go(device: Device, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    device.do()
    device.actions.perform(switch_on("gate"))
    assert brightness(device.gate).startswith("0")
    assert "came after the stop" in caplog.text


def test_temporary_pictures_are_swept_without_anybody_asking(tmp_path: Path) -> None:
    device = Device(tmp_path)
    device.pictures.mkdir()
    (device.pictures / "temp-20200101T000000.000Z-front.jpg").write_bytes(b"x")
    with device.at_work():
        until(lambda: not list(device.pictures.iterdir()))


def test_a_rule_about_errors_whose_action_fails_does_not_go_round_in_circles(tmp_path: Path) -> None:
    """A fault becomes an `errors` message, the rule matches it, its action fails again: once is enough."""
    file = tmp_path / "rules.yaml"
    file.write_text(
        "watch:\n  sql: \"SELECT * FROM 'errors'\"\n  awsIotSqlVersion: '2016-03-23'\n"
        "  actions: [{edgeMask: {output: {line: lmap, pulse: 1s}}}]\n"
    )
    rules = RuleSet.load([file])
    device = Device(tmp_path)

    def admit() -> None:
        incoming = Incoming(
            topic="errors", payload=b'{"code": "x"}', priority=Priority.EVIDENCE, context=Context(timestamp=1)
        )
        for effect in rules.apply(incoming):
            assert isinstance(effect, EdgeAction)
            device.actions.perform(effect)

    def record(fault: Fault) -> None:
        device.heard(fault)
        admit()

    device.actions._emit = record
    with device.at_work():
        admit()
        device.heard.wait_for(1)
        device.actions.perform(switch_on("lamp", "other"))
        until(lambda: brightness(device.lamp) == "1")
    assert len(device.heard.faults) == 1
