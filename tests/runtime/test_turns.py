"""Turns: one part of each numbered task at a time, in the order of the numbers."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from edge_mask.runtime.turns import Turns


def test_turns_come_in_the_order_of_their_numbers_whoever_is_ready_first() -> None:
    turns, said = Turns(), list[int]()
    all_wait = threading.Barrier(8)

    def say(number: int) -> None:
        all_wait.wait(10)
        with turns.turn(number):
            said.append(number)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(say, reversed(range(8))))
    assert said == list(range(8))
    assert turns.passed == 8


def test_a_turn_that_fails_is_over_all_the_same() -> None:
    turns = Turns()
    with pytest.raises(ZeroDivisionError), turns.turn(0):
        raise ZeroDivisionError
    with turns.turn(1):
        pass
    assert turns.passed == 2
