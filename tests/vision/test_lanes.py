"""Several lanes look at pictures at a time; what they see is judged frame after frame."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import pytest
from tests.waiting import PATIENCE

from edge_mask.decide.gate import GateWatch
from edge_mask.decide.sight import Sight, Watch
from edge_mask.detect.detector import Answer
from edge_mask.errors import Broken
from edge_mask.messages import Box, Detections, Event, Face, Fault, Frame, Image, Visit
from edge_mask.runtime.clock import ManualClock, SystemClock
from edge_mask.runtime.handoff import Line, Tray
from edge_mask.runtime.house import House
from edge_mask.runtime.worker import Worker, keep_waiting
from edge_mask.track.tracker import Tracker
from edge_mask.units import Moment, Seconds, Unix
from edge_mask.vision.lane import Lane
from edge_mask.vision.shared import CameraState, Vision

BARE = [Face("no_mask", 0.9, Box(10.0, 10.0, 200.0, 200.0))]


class Scripted:
    """A Detector that does for each picture what the test says; pictures are told apart by their first byte."""

    name, labels = "scripted 1", ("mask", "no_mask")

    def __init__(self, look: Callable[[int], list[Face]]) -> None:
        self._look = look
        self.is_closed = False

    def look(self, image: Image) -> Answer:
        try:
            return Answer(self._look(int(image[0, 0, 0])), 1.0)
        except Broken as error:
            return Answer([], 1.0, str(error))

    def close(self) -> None:
        self.is_closed = True


def picture_of(number: int) -> Frame:
    picture = np.full((480, 640, 3), number, np.uint8)
    return Frame("front", number, picture, Moment(Seconds(number / 10), Unix(1e9 + number / 10)))


class Site:
    """A tray, a vision over one gate camera, and a worker for each detector."""

    def __init__(self, *detectors: Scripted, watch: Watch | None = None) -> None:
        self.frames: Tray[Frame] = Tray()
        self.clock = ManualClock(mono=0.0)
        self.events: list[Event] = []
        self.came = threading.Condition()
        self.failed: list[Worker] = []
        camera = CameraState(Tracker(), watch or GateWatch("front"))
        self.vision = Vision(self.frames, {"front": camera}, self._note, self.clock, publish="all")
        lanes = [Lane(self.vision, self.frames, detector, number) for number, detector in enumerate(detectors)]
        self.workers = [Worker(lane, SystemClock(), self.failed.append) for lane in lanes]

    def show(self, *numbers: int) -> None:
        """Hand on one picture after the other, each when the one before was taken."""
        for number in numbers:
            assert Line(self.frames, "front").put(picture_of(number), PATIENCE)

    def fill(self, *numbers: int) -> None:
        """Hand on all of these pictures at once."""
        for number in numbers:
            assert Line(self.frames, "front", len(numbers)).put(picture_of(number), 0)

    def is_done(self) -> bool:
        return self.vision.is_done

    def looked_at(self) -> list[int]:
        return [event.frame for event in self.events if isinstance(event, Detections)]

    def wait(self, until: Callable[[], bool]) -> None:
        with self.came:
            assert self.came.wait_for(until, PATIENCE), self.events

    def _note(self, event: Event) -> None:
        with self.came:
            self.events.append(event)
            self.came.notify_all()


@contextmanager
def running(*detectors: Scripted, watch: Watch | None = None) -> Iterator[Site]:
    site = Site(*detectors, watch=watch)
    for worker in site.workers:
        worker.start()
    try:
        yield site
    finally:
        for worker in site.workers:
            worker.request_stop()
        for worker in site.workers:
            assert worker.join(PATIENCE)


def test_a_frame_that_is_ready_first_waits_for_the_one_before_it() -> None:
    second_is_seen = threading.Event()

    def look(number: int) -> list[Face]:
        if number == 1:
            assert second_is_seen.wait(PATIENCE)
        else:
            second_is_seen.set()
        return BARE

    with running(Scripted(look), Scripted(look)) as site:
        site.show(1, 2, 3, 4)
        site.wait(lambda: len(site.looked_at()) == 4)
    assert site.looked_at() == [1, 2, 3, 4]
    assert not site.failed


def test_lanes_look_at_pictures_at_the_same_time() -> None:
    together = threading.Barrier(3)

    def look(_number: int) -> list[Face]:
        together.wait(PATIENCE)  # passes only when all three lanes are in here
        return BARE

    with running(*(Scripted(look) for _ in range(3))) as site:
        site.show(1, 2, 3)
        site.wait(lambda: len(site.looked_at()) == 3)
    assert site.looked_at() == [1, 2, 3]


def test_lanes_that_find_no_room_for_what_they_say_stop_together() -> None:
    site = Site(Scripted(lambda _n: BARE), Scripted(lambda _n: BARE))
    speaks = threading.Event()

    def no_room(_event: Event) -> None:
        speaks.set()
        while keep_waiting():
            time.sleep(0.01)

    site.vision._emit = no_room
    site.fill(*range(1, 9))
    house = House(site.workers)
    house.start()
    assert speaks.wait(PATIENCE)
    while site.frames.taken < 2:  # until the other lane waits for its turn
        time.sleep(0.01)
    assert house.stop(PATIENCE, time.monotonic) == []


def test_a_picture_that_cannot_be_judged_does_not_keep_the_other_lane_waiting() -> None:
    class Fails(GateWatch):
        def observe(self, sight: Sight) -> list[Event]:
            if sight.at.mono == 0.2:
                raise ArithmeticError("no verdict")
            return super().observe(sight)

    site = Site(Scripted(lambda _n: BARE), Scripted(lambda _n: BARE), watch=Fails("front"))
    site.fill(*range(1, 9))
    for worker in site.workers:
        worker.start()
    until = time.monotonic() + PATIENCE
    while not site.failed:
        assert time.monotonic() < until
    for worker in site.workers:
        worker.request_stop()
    assert all(worker.join(PATIENCE) for worker in site.workers)
    assert [str(worker.failure) for worker in site.failed] == ["no verdict"]


def test_a_lane_whose_detector_breaks_does_not_keep_the_others_waiting_for_its_turn() -> None:
    other_is_seen = threading.Event()

    def look(number: int) -> list[Face]:
        if number == 1:
            assert other_is_seen.wait(PATIENCE)
            raise ArithmeticError("the model is gone")
        other_is_seen.set()
        return BARE

    with running(Scripted(look), Scripted(look)) as site:
        site.show(1, 2, 3)
        site.wait(lambda: len(site.looked_at()) == 2)
    assert site.looked_at() == [2, 3]
    assert [str(worker.failure) for worker in site.failed] == ["the model is gone"]


def test_a_source_that_ends_is_done_when_every_lane_has_said_what_it_saw() -> None:
    slow = threading.Event()

    def look(number: int) -> list[Face]:
        if number == 6:
            assert slow.wait(PATIENCE)
        return BARE

    with running(Scripted(look), Scripted(look)) as site:
        site.show(1, 2, 3, 4, 5, 6)
        site.vision.finish_when_empty()
        site.wait(lambda: len(site.looked_at()) == 5)
        assert not site.is_done()
        slow.set()
        while not site.is_done():
            assert not site.workers[0].join(0.01)
    assert site.looked_at() == [1, 2, 3, 4, 5, 6]
    assert len([event for event in site.events if isinstance(event, Visit)]) == 1


@pytest.mark.parametrize("lanes", [1, 3])
def test_a_stop_in_the_middle_of_a_look_says_what_was_seen_and_frees_every_model(lanes: int) -> None:
    inside, leave = threading.Event(), threading.Event()

    def look(number: int) -> list[Face]:
        if number == 5:
            inside.set()
            assert leave.wait(PATIENCE)
        return BARE

    detectors = [Scripted(look) for _ in range(lanes)]
    with running(*detectors) as site:
        site.show(1, 2, 3, 4, 5)
        assert inside.wait(PATIENCE)
        for worker in site.workers:
            worker.request_stop()
        leave.set()
    assert site.looked_at() == [1, 2, 3, 4, 5]
    assert len([event for event in site.events if isinstance(event, Visit)]) == 1
    assert all(detector.is_closed for detector in detectors)


def test_all_lanes_stop_when_one_is_asked_to() -> None:
    """They share a tray that is closed then: one that goes on would find it empty as fast as it can look."""
    with running(*(Scripted(lambda _n: BARE) for _ in range(3))) as site:
        site.show(1)
        site.wait(lambda: site.looked_at() == [1])
        site.workers[2].request_stop()
        for worker in site.workers:
            assert worker.join(PATIENCE)
    assert not site.failed


def test_a_frame_that_waits_when_the_lanes_stop_does_not_delay_them() -> None:
    inside, leave = threading.Barrier(3), threading.Event()

    def look(_number: int) -> list[Face]:
        inside.wait(PATIENCE)
        assert leave.wait(PATIENCE)
        return BARE

    with running(Scripted(look), Scripted(look)) as site:
        site.show(1, 2)
        inside.wait(PATIENCE)
        site.show(3)
        site.workers[1].request_stop()
        leave.set()
        for worker in site.workers:
            assert worker.join(PATIENCE)
    assert site.looked_at() == [1, 2]


def test_a_failure_is_heard_while_an_earlier_frame_still_hangs() -> None:
    leave = threading.Event()

    def look(number: int) -> list[Face]:
        if number == 1:
            assert leave.wait(PATIENCE)
            return BARE
        raise ArithmeticError("the model is gone")

    with running(Scripted(look), Scripted(look)) as site:
        site.show(1, 2)
        while not site.failed:
            assert not site.looked_at()
        assert [str(worker.failure) for worker in site.failed] == ["the model is gone"]
        leave.set()
        site.wait(lambda: site.looked_at() == [1])


@pytest.mark.parametrize("lanes", [1, 2])
def test_a_picture_that_the_model_breaks_on_is_passed_over_and_told_once(lanes: int) -> None:
    def look(number: int) -> list[Face]:
        if number in (2, 3, 5):
            raise Broken("logits run from -12008 to 23992")
        return BARE

    with running(*(Scripted(look) for _ in range(lanes))) as site:
        site.show(1, 2, 3, 4, 5, 6)
        site.wait(lambda: len(site.looked_at()) == 3)
    assert site.looked_at() == [1, 4, 6]
    assert not site.failed
    told = [event for event in site.events if isinstance(event, Fault)]
    assert [(each.component, each.code) for each in told] == [("model", "broken_output")] * 2
    assert told[0].text == "scripted 1: logits run from -12008 to 23992"


def test_files_are_done_though_a_live_camera_never_pauses() -> None:
    with running(Scripted(lambda _n: BARE), watch=Owing()) as site:
        site.show(1, 2, 3)
        site.vision.finish_when_empty()
        for number in range(4, 200):
            site.show(number)
            if site.is_done():
                break
        assert site.is_done()
        assert owed(site)[:3] == ["0.1", "0.2", "0.3"]


def test_a_camera_that_falls_silent_has_its_visitors_said_while_others_go_on() -> None:
    with running(Scripted(lambda _n: BARE), watch=Silent()) as site:
        site.show(1)
        site.wait(lambda: bool(site.looked_at()))
        site.clock.advance(10.0)
        site.wait(lambda: owed(site) == ["10.0"])


class Silent:
    """A Watch that says what time it is, once, when it is asked late."""

    is_occupied = False

    def __init__(self) -> None:
        self._said = False

    def observe(self, _sight: Sight) -> list[Event]:
        return []

    def tick(self, now: Moment) -> list[Event]:
        if self._said or now.mono < 5.0:
            return []
        self._said = True
        return [Fault(at=now, component="front", code="owed", text=f"{now.mono:.1f}")]

    def finish(self, _at: Moment) -> list[Event]:
        return []


class Slow:
    """A Watch that is asked two things at a time if nobody sees to it that it is not."""

    is_occupied = False

    def __init__(self) -> None:
        self._inside = threading.Lock()
        self.was_disturbed = False

    def observe(self, _sight: Sight) -> list[Event]:
        return self._alone()

    def tick(self, _now: Moment) -> list[Event]:
        return self._alone()

    def finish(self, _at: Moment) -> list[Event]:
        return self._alone()

    def _alone(self) -> list[Event]:
        if not self._inside.acquire(blocking=False):
            self.was_disturbed = True
            return []
        threading.Event().wait(0.002)
        self._inside.release()
        return []


def test_what_is_owed_is_never_said_while_a_frame_is_judged() -> None:
    """A live camera goes on sending when the files beside it have ended and vision is told to finish."""
    for _ in range(20):
        watch = Slow()
        with running(Scripted(lambda _n: BARE), Scripted(lambda _n: BARE), watch=watch) as site:
            site.vision.finish_when_empty()
            for number in range(6):
                site.show(number)
                threading.Event().wait(0.0005)
        assert not watch.was_disturbed


class Fragile(GateWatch):
    """Breaks in the middle of the second look."""

    def observe(self, sight: Sight) -> list[Event]:
        if sight.at.mono == pytest.approx(0.2):
            raise ZeroDivisionError
        return super().observe(sight)


def test_after_half_a_judgement_no_lane_goes_on_from_there() -> None:
    with running(Scripted(lambda _n: BARE), Scripted(lambda _n: BARE), watch=Fragile("front")) as site:
        site.show(1, 2, 3, 4)
        while not site.failed:
            assert len(site.looked_at()) < 3
    assert site.looked_at() == [1, 2]  # the second one's `detections` went out before it broke
    assert [type(worker.failure) for worker in site.failed] == [ZeroDivisionError]


class Owing:
    """A Watch that says everything at the end, and each thing once."""

    is_occupied = False

    def __init__(self) -> None:
        self._owed: list[Event] = []

    def observe(self, sight: Sight) -> list[Event]:
        self._owed.append(Fault(at=sight.at, component="front", code="owed", text=f"{sight.at.mono:.1f}"))
        return []

    def tick(self, _now: Moment) -> list[Event]:
        return []

    def finish(self, _at: Moment) -> list[Event]:
        said, self._owed = self._owed, []
        return said


def owed(site: Site) -> list[str]:
    return [event.text for event in site.events if isinstance(event, Fault)]


@pytest.mark.parametrize("lanes", [1, 3])
def test_what_is_owed_is_said_once_when_the_last_lane_stops(lanes: int) -> None:
    with running(*(Scripted(lambda _n: BARE) for _ in range(lanes)), watch=Owing()) as site:
        site.show(1, 2, 3)
        site.wait(lambda: len(site.looked_at()) == 3)
        assert owed(site) == []
    assert owed(site) == ["0.1", "0.2", "0.3"]


@pytest.mark.parametrize("lanes", [1, 3])
def test_what_is_owed_is_said_when_the_source_has_ended(lanes: int) -> None:
    with running(*(Scripted(lambda _n: BARE) for _ in range(lanes)), watch=Owing()) as site:
        site.show(1, 2, 3)
        site.wait(lambda: len(site.looked_at()) == 3)
        site.vision.finish_when_empty()
        site.wait(lambda: len(owed(site)) == 3)
    assert owed(site) == ["0.1", "0.2", "0.3"]
