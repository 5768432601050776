"""Whether the intervals of the cameras are kept: what health tells, and the two lines of the log."""

import logging
import re
from types import SimpleNamespace
from typing import cast

import pytest

from edge_mask.app.pace import PaceWatch
from edge_mask.app.part_states import PartStates
from edge_mask.capture.camera import Camera
from edge_mask.runtime.clock import ManualClock
from edge_mask.units import Seconds
from edge_mask.vision.shared import Seen


def test_the_interval_that_is_told_is_the_one_that_was_reached() -> None:
    seen, clock = Seen(), ManualClock(mono=0.0)
    states = PartStates(seen, clock)
    camera = SimpleNamespace(state="ok")
    states.cameras = {"hall": cast("Camera", camera)}

    def told() -> float | None:
        interval: float | None = states(30.0)["cameras"]["hall"]["interval_s"]
        return interval

    seen.note("hall", clock.advance(1.0))
    assert told() is None, "one look has no interval"
    assert told() is None
    seen.note("hall", clock.advance(60.0))
    assert told() == 60.0
    clock.advance(30.0)
    assert told() == 60.0, "no look is due yet"
    clock.advance(90.0)
    assert told() == 120.0, "the next one is overdue"
    camera.state = "ended"
    assert told() == 60.0, "nothing more is due"


class Scene:
    """One camera that hands on a frame each `interval`, and a device that looks at some of them."""

    def __init__(self, interval: float) -> None:
        self.clock = ManualClock(mono=0.0)
        self.seen = Seen()
        self.camera = SimpleNamespace(handed_on=0)
        cameras = {"hall": cast("Camera", self.camera)}
        self.watch = PaceWatch(self.seen, cameras, {"hall": Seconds(interval)})
        self.interval = interval

    def run(self, seconds: float, looked_at: float) -> None:
        """`looked_at`: the part of the frames that are."""
        start, looks = self.camera.handed_on, 0
        for _ in range(round(seconds / self.interval)):
            now = self.clock.advance(self.interval)
            self.camera.handed_on += 1
            if looks < looked_at * (self.camera.handed_on - start):
                looks += 1
                self.seen.note("hall", now)
            self.watch.check(now.mono)


def test_a_device_that_is_too_slow_says_so_once_and_once_when_it_is_fast_enough_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    scene = Scene(0.25)
    scene.run(100.0, looked_at=1.0)
    assert not caplog.messages
    scene.run(300.0, looked_at=0.5)
    [said] = caplog.messages
    assert re.match(r"camera hall: looked at each 0\.\d+ s, not each 0.25 s: the device is too slow", said)
    scene.run(300.0, looked_at=0.95)
    assert caplog.messages[1:] == ["camera hall: its interval of 0.25 s is kept again"]


def test_a_device_that_looks_at_nothing_for_half_a_minute_is_too_slow(caplog: pytest.LogCaptureFixture) -> None:
    Scene(0.25).run(40.0, looked_at=0.0)
    assert len(caplog.messages) == 1


def test_a_busy_second_and_a_camera_that_is_away_are_no_slow_device(caplog: pytest.LogCaptureFixture) -> None:
    scene = Scene(1.0)
    for _ in range(10):
        scene.run(27.0, looked_at=1.0)
        scene.run(3.0, looked_at=0.0)
    for _ in range(100):
        scene.watch.check(scene.clock.advance(2.0).mono)
    assert not caplog.messages


def test_a_long_interval_is_judged_over_several_looks(caplog: pytest.LogCaptureFixture) -> None:
    scene = Scene(60.0)
    scene.run(240.0, looked_at=0.5)
    assert not caplog.messages
    scene.run(600.0, looked_at=0.5)
    [said] = caplog.messages
    assert re.match(r"camera hall: looked at each 1\d\d\.\d s, not each 60 s", said)


def test_frames_that_a_closer_look_loses_are_no_slow_device(caplog: pytest.LogCaptureFixture) -> None:
    scene = Scene(10.0)
    scene.interval = 0.25
    scene.run(300.0, looked_at=0.5)
    assert not caplog.messages
