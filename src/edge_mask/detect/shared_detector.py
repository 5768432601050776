"""A detector that a lane shares with somebody who has a picture of their own now and then."""

import threading
import time
from collections.abc import Callable
from typing import Final

from edge_mask.detect.detector import Answer, Detector
from edge_mask.detect.spare_time import SpareTime
from edge_mask.errors import TryLater
from edge_mask.messages import Image

PATIENCE: Final = 5.0
"""Seconds that a guest waits for a moment in which the model is free."""


class SharedDetector:
    """One picture at a time. The lane goes first: a guest looks in the time that the lane does not need."""

    def __init__(self, detector: Detector, now: Callable[[], float] = time.monotonic) -> None:
        self._detector = detector
        self._now = now
        self._lock = threading.Lock()
        self._free = threading.Condition(self._lock)
        self._moment = threading.Condition(self._lock)
        """What a guest waits for. A lane that is in a hurry must not wake it after each look."""
        self._guests = threading.Lock()
        self._spare = SpareTime()
        self._is_taken = False
        self._lane_waits = False
        self._is_due = self._is_handed = False
        """A guest may look as soon as the lane has ended its look; it was given the model at that moment."""
        self._is_closed = False

    @property
    def name(self) -> str:
        return self._detector.name

    @property
    def labels(self) -> tuple[str, ...]:
        return self._detector.labels

    def look(self, image: Image) -> Answer:
        """For the lane: it waits for the picture that is looked at, and for no other."""
        with self._lock:
            self._lane_waits = True
            self._free.wait_for(lambda: not self._is_taken)
            self._lane_waits, self._is_taken = False, True
        began = self._now()
        try:
            return self._detector.look(image)
        finally:
            with self._lock:
                self._spare.lane_looked(began, self._now())
                self._give_back()

    @property
    def has_room(self) -> bool:
        """Whether a guest's picture fits between two looks of the lane."""
        with self._lock:
            return not self._is_closed and self._spare.has_room

    def look_between(self, image: Image, patience: float = PATIENCE) -> Answer:
        """For a guest, from any thread: between two frames of the lane. Raises TryLater after the end, and when the
        lane leaves no time for so many seconds."""
        if not self._guests.acquire(timeout=patience):  # one at a time
            raise TryLater("the pictures of others take longer")
        try:
            self._wait_for_a_moment(patience)
            began = self._now()
            try:
                return self._detector.look(image)
            finally:
                with self._lock:
                    self._spare.guest_looked(began, self._now())
                    self._give_back()
        finally:
            self._guests.release()

    def close(self) -> None:
        """The lane ends; a guest's picture is looked at to its end first."""
        with self._lock:
            self._free.wait_for(lambda: not self._is_taken)
            if not self._is_closed:
                self._is_closed = True
                self._detector.close()
                self._moment.notify_all()

    def _wait_for_a_moment(self, patience: float) -> None:
        """Until the model is this guest's."""
        deadline = self._now() + patience
        with self._lock:
            try:
                while not self._has_come(deadline):
                    if self._now() >= deadline:
                        raise TryLater(f"the cameras have left the model no time for {patience:g} s")
            finally:
                self._is_due = self._is_handed = False

    def _has_come(self, deadline: float) -> bool:
        """Wait for a change, once. Raises TryLater."""
        if self._is_closed:
            raise TryLater("the model is being replaced, or the program is stopping")
        if self._is_handed:
            return True
        now = self._now()
        until = self._spare.until(now)
        self._is_due = until <= now
        if self._is_due and not self._is_taken and not self._lane_waits:
            self._is_taken = True
            return True
        self._moment.wait(max(0.0, (deadline if self._is_due else min(until, deadline)) - now))
        return False

    def _give_back(self) -> None:
        if (
            self._is_due and not self._lane_waits
        ):  # a lane in a hurry would take it again before a guest notices that it is free
            self._is_due, self._is_handed = False, True
            self._moment.notify()
            return
        self._is_taken = False
        self._free.notify_all()
        if self._spare.has_room:
            self._moment.notify()
