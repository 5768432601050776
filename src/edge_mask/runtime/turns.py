"""Workers that share a row of numbered tasks do one part of each in the order of the numbers."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Turns:
    """Numbers count from 0; every one that was given out must come to its turn, or all later ones wait for ever."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._due = 0

    @property
    def passed(self) -> int:
        """How many turns are over."""
        return self._due

    @contextmanager
    def turn(self, number: int) -> Iterator[None]:
        """Wait until every smaller number has had its turn; then it is this one's until the block ends."""
        with self._changed:
            self._changed.wait_for(lambda: self._due == number)
        try:
            yield
        finally:
            with self._changed:
                self._due += 1
                self._changed.notify_all()
