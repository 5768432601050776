"""Who goes first when a lane and guests share one model."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from tests.waiting import until

from edge_mask.detect.detector import Answer
from edge_mask.detect.shared_detector import PATIENCE, SharedDetector
from edge_mask.detect.spare_time import SpareTime
from edge_mask.errors import TryLater
from edge_mask.messages import Image

LANE, GUEST = np.zeros((1, 1, 3), np.uint8), np.ones((1, 1, 3), np.uint8)


class Model:
    """A detector whose looks end when the test lets them."""

    name, labels = "tiny 1", ("mask", "no_mask")

    def __init__(self) -> None:
        self.looks: list[str] = []
        self.gate = threading.Event()
        self.is_closed = False
        self.at_once = 0
        self.most_at_once = 0

    def look(self, image: Image) -> Answer:
        assert not self.is_closed
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        self.looks.append("guest" if image[0, 0, 0] else "lane")
        assert self.gate.wait(30)
        self.at_once -= 1
        return Answer([], 1.0)

    def close(self) -> None:
        assert not self.at_once
        self.is_closed = True


def spare(every: float, takes: float, guest: float | None = None) -> tuple[SpareTime, float]:
    """A lane that has looked for a while, and the moment at which it ended its last look."""
    time, began = SpareTime(), 0.0
    for number in range(60):
        began = number * every
        time.lane_looked(began, began + takes)
    if guest is not None:
        time.guest_looked(began - guest, began)
    return time, began + takes


def test_a_lane_that_has_room_is_followed_by_a_guest_at_once() -> None:
    time, ended = spare(every=0.2, takes=0.02)
    assert time.until(ended) == ended


def test_a_guest_whose_picture_would_not_be_done_before_the_next_frame_lets_it_go_first() -> None:
    time, ended = spare(every=0.2, takes=0.05, guest=0.05)
    close_to_it = ended + 0.12
    assert time.until(close_to_it) > close_to_it + 0.03


def test_a_frame_that_does_not_come_is_not_waited_for_without_end() -> None:
    time, ended = spare(every=0.2, takes=0.05, guest=0.05)
    assert time.until(ended + 0.26) == ended + 0.26


def test_a_lane_without_room_gives_a_fortieth_of_its_time() -> None:
    time, ended = spare(every=0.05, takes=0.05, guest=0.05)
    wait = time.until(ended) - ended
    assert wait == pytest.approx(40 * 0.05, abs=0.06)
    assert time.until(ended + wait) == pytest.approx(ended + wait)


def test_a_guest_that_takes_long_counts_with_what_it_takes() -> None:
    time, ended = spare(every=0.2, takes=0.05, guest=0.19)
    assert time.until(ended) > ended + 5


def test_a_camera_that_was_away_is_no_proof_of_room() -> None:
    time, ended = spare(every=0.05, takes=0.05, guest=0.05)
    time.lane_looked(ended + 600, ended + 600.05)
    time.lane_looked(ended + 600.05, ended + 600.10)
    time.guest_looked(ended + 600.10, ended + 600.15)
    for number in range(10):
        time.lane_looked(ended + 600.15 + number * 0.05, ended + 600.20 + number * 0.05)
    assert time.until(ended + 600.65) > ended + 601


def test_without_a_lane_a_guest_never_waits() -> None:
    time = SpareTime()
    time.guest_looked(0.0, 5.0)
    assert time.until(5.0) == 5.0


@pytest.mark.parametrize(("every", "takes"), [(0.2, 0.02), (0.2, 0.15), (0.05, 0.05), (0.1, 0.06)])
def test_a_lane_keeps_its_pace_beside_a_guest_that_always_has_a_picture(every: float, takes: float) -> None:
    """Played through: looks of the lane within a minute, with and without a guest."""

    def looks(has_guest: bool) -> int:
        time, now, due, count = SpareTime(), 0.0, 0.0, 0
        while now < 60.0:
            if now >= due:
                time.lane_looked(now, now + takes)
                # the newest frame is taken: after a late one the next comes when the camera has it
                due = max(due + every, now + takes)
                now, count = now + takes, count + 1
            elif has_guest and time.until(now) <= now:
                time.guest_looked(now, now + takes)
                now += takes
            else:
                now = min(due, max(now + 1e-4, time.until(now) if has_guest else due))
        return count

    assert looks(has_guest=True) >= 0.97 * looks(has_guest=False)


def test_a_guest_that_waits_longer_is_still_behind_the_lane() -> None:
    model = Model()
    shared = SharedDetector(model)
    with ThreadPoolExecutor(3) as pool:
        first = pool.submit(shared.look, LANE)
        until(lambda: model.looks == ["lane"])
        guest = pool.submit(shared.look_between, GUEST)
        second = pool.submit(_after(lambda: shared._guests.locked(), lambda: shared.look(LANE)))
        until(lambda: shared._lane_waits)
        model.gate.set()
        for each in (first, guest, second):
            each.result(30)
    assert model.looks == ["lane", "lane", "guest"]
    assert model.most_at_once == 1


def test_a_guest_whose_turn_it_is_gets_it_from_a_lane_in_a_hurry() -> None:
    model = Model()
    shared = SharedDetector(model)
    model.gate.set()
    for _ in range(50):
        shared.look(LANE)
    stop = threading.Event()

    def hurry() -> None:
        while not stop.is_set():
            shared.look(LANE)

    with ThreadPoolExecutor(1) as pool:
        lane = pool.submit(hurry)
        assert shared.look_between(GUEST).faces == []
        stop.set()
        lane.result(30)
    assert model.looks.count("guest") == 1


def test_a_lane_waits_for_one_guest_and_not_for_those_behind_it() -> None:
    model = Model()
    shared = SharedDetector(model)
    with ThreadPoolExecutor(4) as pool:
        guests = [pool.submit(shared.look_between, GUEST) for _ in range(3)]
        until(lambda: model.looks == ["guest"])
        lane = pool.submit(shared.look, LANE)
        until(lambda: shared._lane_waits)
        model.gate.set()
        for each in (*guests, lane):
            each.result(30)
    assert model.looks[:2] == ["guest", "lane"]
    assert model.most_at_once == 1


def test_a_guest_is_told_that_the_model_goes_and_the_lane_does_not_wait_for_it() -> None:
    model = Model()
    shared = SharedDetector(model)
    with ThreadPoolExecutor(3) as pool:
        looking = pool.submit(shared.look_between, GUEST)
        until(lambda: model.looks == ["guest"])
        waiting = pool.submit(shared.look_between, GUEST)
        closing = pool.submit(shared.close)
        model.gate.set()
        assert looking.result(30).faces == []
        closing.result(30)
        assert waiting.done() or waiting.exception(30) is None or isinstance(waiting.exception(30), TryLater)
    assert model.is_closed
    with pytest.raises(TryLater, match="being replaced"):
        shared.look_between(GUEST)


def test_a_guest_that_finds_no_time_is_told_so() -> None:
    model, times = Model(), iter([0.0, *(PATIENCE + 1.0,) * 10])
    shared = SharedDetector(model, lambda: next(times))
    shared._is_taken = True
    with pytest.raises(TryLater, match="no time"):
        shared.look_between(GUEST)


def _after(condition: Callable[[], bool], action: Callable[[], object]) -> Callable[[], object]:
    def wait_and_act() -> object:
        until(condition)
        return action()

    return wait_and_act
