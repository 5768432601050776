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
        self._changed = threading.Condition()
        self._guests = threading.Lock()
        self._spare = SpareTime()
        self._is_taken = False
        self._lane_waits = False
        self._is_closed = False

    @property
    def name(self) -> str:
        return self._detector.name

    @property
    def labels(self) -> tuple[str, ...]:
        return self._detector.labels

    def look(self, image: Image) -> Answer:
        """For the lane: it waits for the picture that is looked at, and for no other."""
        with self._changed:
            self._lane_waits = True
            self._changed.wait_for(lambda: not self._is_taken)
            self._lane_waits, self._is_taken = False, True
        began = self._now()
        try:
            return self._detector.look(image)
        finally:
            with self._changed:
                self._spare.lane_looked(began, self._now())
                self._free()

    def look_between(self, image: Image) -> Answer:
        """For a guest, from any thread: between two frames of the lane. Raises TryLater after the end, and when the
        lane leaves no time."""
        with self._guests:  # one at a time
            self._wait_for_a_moment()
            began = self._now()
            try:
                return self._detector.look(image)
            finally:
                with self._changed:
                    self._spare.guest_looked(began, self._now())
                    self._free()

    def close(self) -> None:
        """The lane ends; a guest's picture is looked at to its end first."""
        with self._changed:
            self._changed.wait_for(lambda: not self._is_taken)
            if not self._is_closed:
                self._is_closed = True
                self._detector.close()
                self._changed.notify_all()

    def _wait_for_a_moment(self) -> None:
        """Until the model is this guest's."""
        deadline = self._now() + PATIENCE
        with self._changed:
            while True:
                if self._is_closed:
                    raise TryLater("the model is being replaced, or the program is stopping")
                now = self._now()
                until = self._spare.until(now)
                if until <= now and not self._is_taken and not self._lane_waits:
                    self._is_taken = True
                    return
                if now >= deadline:
                    raise TryLater(f"the cameras have left the model no time for {PATIENCE:g} s")
                # A lane that ends its look wakes this thread, too.
                self._changed.wait(min(deadline, until) - now if until > now else deadline - now)

    def _free(self) -> None:
        self._is_taken = False
        self._changed.notify_all()
