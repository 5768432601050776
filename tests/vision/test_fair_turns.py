"""Cameras share a detector that is too slow for them: each gets its turn, whatever its interval and kind."""

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.vision.test_lanes import Scripted, picture_of
from tests.waiting import PATIENCE

from edge_mask.decide.cctv import CctvWatch
from edge_mask.messages import Detections, Event, Face, Frame
from edge_mask.runtime.clock import ManualClock, SystemClock
from edge_mask.runtime.handoff import HandOff, Latest, Line, Tray
from edge_mask.runtime.worker import Worker
from edge_mask.track.tracker import Tracker
from edge_mask.vision.lane import Lane
from edge_mask.vision.shared import CameraState, Vision

CAMERAS = ("front", "hall", "film", "yard")


@given(st.lists(st.sampled_from([*CAMERAS, "take"]), max_size=60), st.sets(st.sampled_from(CAMERAS)))
def test_no_camera_waits_for_more_than_one_turn_of_each_other(steps: Sequence[str], films: set[str]) -> None:
    tray: Tray[str] = Tray()
    ends: Mapping[str, HandOff[str]] = {
        name: Line(tray, name) if name in films else Latest(tray, name) for name in CAMERAS
    }
    waiting: dict[str, Counter[str]] = {}
    for step in steps:
        if step != "take":
            ends[step].put(step, 0.0)
            waiting.setdefault(step, Counter())
        elif (taken := tray.take(0.0)) is not None:
            del waiting[taken[1]]
            for others in waiting.values():
                others[taken[1]] += 1
                assert others[taken[1]] == 1, "somebody came twice while another one waited"


class Busy:
    """The detector of several lanes: a look ends only when the test lets it."""

    def __init__(self) -> None:
        self.begun = threading.Semaphore(0)
        self.is_over = False
        self._gates: list[threading.Event] = []

    def look(self, _number: int) -> list[Face]:
        gate = threading.Event()
        self._gates.append(gate)
        self.begun.release()
        assert self.is_over or gate.wait(PATIENCE)
        return []

    def wait_for_a_look(self) -> None:
        assert self.begun.acquire(timeout=PATIENCE)

    def let_go(self) -> None:
        """End all looks that have begun."""
        gates, self._gates = self._gates, []
        for gate in gates:
            gate.set()


class Site:
    """Cameras before one tray, and lanes that look at what they hand on."""

    def __init__(self, lanes: int) -> None:
        self.tray: Tray[Frame] = Tray()
        self.detector = Busy()
        self.looked_at: list[str] = []
        cameras = {name: CameraState(Tracker(), CctvWatch(name)) for name in CAMERAS}
        self.vision = Vision(self.tray, cameras, self._note, ManualClock(), publish="all")
        made = [Lane(self.vision, self.tray, Scripted(self.detector.look), number) for number in range(lanes)]
        self.workers = [Worker(lane, SystemClock(), lambda _worker: None) for lane in made]

    def _note(self, event: Event) -> None:
        if isinstance(event, Detections):
            self.looked_at.append(event.camera)


@contextmanager
def running(lanes: int) -> Iterator[Site]:
    site = Site(lanes)
    for worker in site.workers:
        worker.start()
    try:
        yield site
    finally:
        for worker in site.workers:
            worker.request_stop()
        site.detector.is_over = True
        site.detector.let_go()
        for worker in site.workers:
            assert worker.join(PATIENCE)


def frame(camera: str) -> Frame:
    seen = picture_of(1)
    return Frame(camera, 1, seen.image, seen.at)


@pytest.mark.parametrize(
    ("lanes", "shown", "expected"),
    [
        (1, {"front": 1, "hall": 1}, {"front": 60, "hall": 60}),
        (2, {"front": 1, "hall": 1}, {"front": 60, "hall": 60}),
        (1, {"front": 1, "hall": 1, "yard": 1}, {"front": 40, "hall": 40, "yard": 40}),
        (2, {"front": 1, "hall": 1, "yard": 1}, {"front": 40, "hall": 40, "yard": 40}),
        (4, {"front": 1, "hall": 1, "yard": 1, "film": 1}, {"front": 30, "hall": 30, "yard": 30, "film": 30}),
        (1, {"front": 1, "hall": 10}, {"front": 108, "hall": 12}),
        (1, {"front": 1, "film": 1}, {"front": 60, "film": 60}),
        (2, {"front": 1, "film": 1, "hall": 10}, {"front": 54, "film": 54, "hall": 12}),
    ],
)
def test_a_slow_detector_looks_at_each_camera_in_turn(
    lanes: int, shown: Mapping[str, int], expected: Mapping[str, int]
) -> None:
    """`shown`: a camera has a new frame after each so many looks, a film too if its last one was taken."""
    with running(lanes) as site:
        ends = {name: (Line if name == "film" else Latest)(site.tray, name) for name in shown}
        for look in range(120):
            for name, every in shown.items():
                if look % every == 0:
                    ends[name].put(frame(name), 0.0)
            if look and look % lanes == 0:  # those that look side by side are ready together
                site.detector.let_go()
            site.detector.wait_for_a_look()
        site.detector.let_go()
        wait_until(lambda: len(site.looked_at) >= 120)
        counted = Counter(site.looked_at[:120])
    assert counted.keys() == expected.keys()
    assert all(abs(counted[name] - expected[name]) <= lanes + 1 for name in expected), counted


def wait_until(is_so: Callable[[], bool]) -> None:
    waited = threading.Event()
    for _ in range(round(PATIENCE / 0.01)):
        if is_so():
            return
        waited.wait(0.01)
    raise AssertionError("it never came")
