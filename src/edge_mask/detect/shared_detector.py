"""A detector that a lane shares with somebody who has a picture of their own now and then."""

import threading

from edge_mask.detect.detector import Answer, Detector
from edge_mask.errors import TryLater
from edge_mask.messages import Image


class SharedDetector:
    """One picture at a time; who comes while one is looked at is the next, so that nobody is kept waiting for long.

    A lane that is in a hurry would otherwise take the model again before a waiting guest notices that it is free.
    """

    def __init__(self, detector: Detector) -> None:
        self._detector = detector
        self._next = threading.Lock()
        self._looking = threading.Lock()
        self._guests = threading.Lock()
        self._is_closed = False

    @property
    def name(self) -> str:
        return self._detector.name

    @property
    def labels(self) -> tuple[str, ...]:
        return self._detector.labels

    def look(self, image: Image) -> Answer:
        """For the lane."""
        with self._next:
            self._looking.acquire()
        try:
            return self._detector.look(image)
        finally:
            self._looking.release()

    def look_between(self, image: Image) -> Answer:
        """For a guest, from any thread: between two frames of the lane. Raises TryLater after the end."""
        with self._guests:  # one at a time: between two guests comes a frame
            with self._next:
                self._looking.acquire()
            try:
                if self._is_closed:
                    raise TryLater("the model is being replaced, or the program is stopping")
                return self._detector.look(image)
            finally:
                self._looking.release()

    def close(self) -> None:
        """The lane ends; a guest's picture is looked at to its end first."""
        with self._looking:
            if not self._is_closed:
                self._is_closed = True
                self._detector.close()
