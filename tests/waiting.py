"""Waiting for what nobody tells: a file, a thread, a line of a program."""

import time
from collections.abc import Callable
from typing import TypeVar

PATIENCE = 30.0
T = TypeVar("T")


def until(is_so: Callable[[], T]) -> T:
    """Ask again until the answer is true, and return it. Fails after `PATIENCE` seconds."""
    give_up_at = time.monotonic() + PATIENCE
    while not (answer := is_so()):
        assert time.monotonic() < give_up_at, "it never came to pass"
        time.sleep(0.01)
    return answer
