"""What the lanes see, for who looks beside them; and whether the model that looks does what it should."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from edge_mask.detect.detector import Answer, Detector
from edge_mask.messages import Image
from edge_mask.runtime.door import nothing

MOST_IN_A_ROW: Final = 5
"""Broken answers one after the other, from which on a model does not do."""


@dataclass(frozen=True, slots=True)
class Look:
    """One picture, and what the model that looks has said of it."""

    image: Image
    answer: Answer


class Tap:
    """`note` and `fault` come from the lanes and return at once; the newest look replaces one that nobody took."""

    def __init__(self) -> None:
        self._newest: Look | None = None
        self._wake: Callable[[], object] = nothing
        self._is_open = False
        self._in_a_row = 0
        self.trouble = ""
        """Why the model that looks does not do; empty while it does. Set back by whoever has read it."""

    def open(self, wake: Callable[[], object]) -> None:
        """From now on keep the newest look, and call `wake` when there is one."""
        self._newest, self._wake, self._is_open = None, wake, True

    def close(self) -> None:
        """Nobody looks beside any more."""
        self._is_open, self._newest = False, None

    def take(self) -> Look | None:
        """The newest look that was not taken yet."""
        look, self._newest = self._newest, None
        return look

    def note(self, image: Image, answer: Answer) -> None:
        """A lane has looked."""
        self._in_a_row = self._in_a_row + 1 if answer.trouble else 0
        if self._in_a_row >= MOST_IN_A_ROW and not self.trouble:
            self.trouble = f"its last {MOST_IN_A_ROW} answers cannot be meant: {answer.trouble}"
        if self._is_open and not answer.trouble:
            self._newest = Look(image, answer)
            self._wake()

    def fault(self, error: Exception) -> None:
        """A lane could not look, and ends."""
        self.trouble = f"the lane that looked with it has ended: {type(error).__name__}: {error}"


class Tapped:
    """A lane's detector with the tap on it."""

    def __init__(self, detector: Detector, tap: Tap) -> None:
        self._detector = detector
        self._tap = tap

    @property
    def name(self) -> str:
        return self._detector.name

    @property
    def labels(self) -> tuple[str, ...]:
        return self._detector.labels

    def look(self, image: Image) -> Answer:
        """As the detector does."""
        try:
            answer = self._detector.look(image)
        except Exception as error:
            self._tap.fault(error)
            raise
        self._tap.note(image, answer)
        return answer

    def close(self) -> None:
        self._detector.close()
