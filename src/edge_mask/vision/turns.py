"""Workers that share a row of numbered tasks do one part of each in the order of the numbers."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from edge_mask.runtime.worker import keep_waiting

_SIGN_OF_LIFE = 0.5
"""Seconds: whoever has the turn may wait for room in a mailbox, for as long as that takes."""


class Turns:
    """Numbers count from 0. Every one that is given out must be kept by somebody: later ones wait for it."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._due = 0
        self._given_up: set[int] = set()

    @contextmanager
    def kept(self, number: int) -> Iterator[Callable[[], None]]:
        """Keep this number's place until the block ends, however it ends; what is yielded waits for its turn."""
        try:
            yield lambda: self._wait_for(number)
        finally:
            self._give_up(number)

    def _wait_for(self, number: int) -> None:
        """Until every smaller number has had its turn or given it up."""
        self._hold()
        try:
            while self._due != number:
                if not self._changed.wait(_SIGN_OF_LIFE):
                    keep_waiting()
        finally:
            self._changed.release()

    def _give_up(self, number: int) -> None:
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
