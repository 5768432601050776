"""Workers that share a row of numbered tasks do one part of each in the order of the numbers."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from edge_mask.runtime.worker import keep_waiting

_SIGN_OF_LIFE = 0.5
"""Seconds: whoever has the turn may wait for room in a mailbox, for as long as that takes."""


class Turns:
    """Numbers count from 0. Every one that is given out must have its turn or be given up: later ones wait for it."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._due = 0
        self._given_up: set[int] = set()

    @contextmanager
    def turn(self, number: int) -> Iterator[None]:
        """Wait until every smaller number has had its turn; then it is this one's until the block ends."""
        self._hold()
        try:
            while self._due != number:
                if not self._changed.wait(_SIGN_OF_LIFE):
                    keep_waiting()
        finally:
            self._changed.release()
        try:
            yield
        finally:
            self.give_up(number)

    def give_up(self, number: int) -> None:
        """This number's turn is over, whether it was taken or not, and whether it has come or not."""
        self._hold()
        try:
            self._given_up.add(number)
            while self._due in self._given_up:
                self._given_up.remove(self._due)
                self._due += 1
            self._changed.notify_all()
        finally:
            self._changed.release()

    @contextmanager
    def pause(self) -> Iterator[int]:
        """How many turns are over; no other one begins until the block ends. One that has begun goes on."""
        self._hold()
        try:
            yield self._due
        finally:
            self._changed.release()

    def _hold(self) -> None:
        while not self._changed.acquire(timeout=_SIGN_OF_LIFE):
            keep_waiting()
