"""Turns: one part of each numbered task at a time, in the order of the numbers."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from tests.waiting import waits_on_purpose

from edge_mask.runtime.clock import ManualClock
from edge_mask.runtime.worker import Finished, Job, Worker
from edge_mask.units import Seconds
from edge_mask.vision.turns import Turns


@contextmanager
def turn(turns: Turns, number: int) -> Iterator[None]:
    """The block runs when it is this number's turn."""
    with turns.kept(number) as come:
        come()
        yield


def test_turns_come_in_the_order_of_their_numbers_whoever_is_ready_first() -> None:
    turns, said = Turns(), list[int]()
    all_wait = threading.Barrier(8)

    def say(number: int) -> None:
        all_wait.wait(10)
        with turn(turns, number):
            said.append(number)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(say, reversed(range(8))))
    assert said == list(range(8))
    with turns.pause() as passed:
        assert passed == 8


def test_a_turn_that_fails_is_over_all_the_same() -> None:
    turns = Turns()
    with pytest.raises(ZeroDivisionError), turn(turns, 0):
        raise ZeroDivisionError
    with turn(turns, 1):
        pass
    with turns.pause() as passed:
        assert passed == 2


def test_a_number_can_be_given_up_before_its_turn_and_nobody_waits_for_it() -> None:
    turns = Turns()
    for number in (2, 1):
        with turns.kept(number):
            pass
    with turns.pause() as passed:
        assert passed == 0
    with turn(turns, 0):
        pass
    with turn(turns, 3), turns.pause() as passed:
        assert passed == 3


def test_no_turn_begins_in_a_pause() -> None:
    turns, began = Turns(), threading.Event()

    def take_turn() -> None:
        with turn(turns, 0):
            began.set()

    with ThreadPoolExecutor(1) as pool:
        with turns.pause() as passed:
            waiting = pool.submit(take_turn)
            assert not began.wait(0.1)
            assert passed == 0
        waiting.result(10)
    assert began.is_set()


def test_who_waits_for_a_turn_that_takes_long_is_not_stuck() -> None:
    turns = Turns()

    class Second(Job):
        patience = Seconds(1.0)

        def step(self, stop: threading.Event) -> None:
            with turn(turns, 1):
                raise Finished

    clock = ManualClock()
    worker = Worker(Second(), clock, lambda _worker: None)
    with turn(turns, 0):
        worker.start()
        waits_on_purpose(worker, clock)
    assert worker.join(10)
    assert worker.is_finished
