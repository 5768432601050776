"""A new model looks beside the old one at what the cameras see, and is compared with it. Nobody waits for it.

lanes ──newest look──▶ Tap ──▶ Trial: at most a fifth of one processor ──▶ good, or why not
"""

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from edge_mask.detect.detector import Answer, Detector
from edge_mask.fleet.model.tap import Look
from edge_mask.geometry import iou_of_boxes
from edge_mask.messages import Face
from edge_mask.units import Seconds

ENOUGH: Final = 10
"""Looks that a trial wants to make."""
LONGEST: Final = 10.0
"""Times its length, after which a trial ends with fewer: the cameras see nothing."""
_SHARE: Final = 0.2
"""Of one processor."""
_SAME: Final = 0.4
"""Overlap from which two boxes are one face."""
_MOST_BROKEN, _MOST_MISSED, _MOST_FLIPPED = 0.02, 0.3, 0.2
"""Shares of looks without a meaning, of faces without an answer, of faces with another verdict."""
_FEWEST_FACES: Final = 10
"""Below that many, shares of faces say nothing."""


@dataclass(slots=True)
class Trial:
    """`look` at what the old one looked at; `verdict` says how it goes. One thread owns it."""

    new: Detector
    old: Detector | None
    """The one that looks, once more, for the time that it takes; None when it could not be loaded any more."""
    began: float
    lasts: Seconds
    slower: float
    cpu: Callable[[], float] = time.thread_time
    wall: Callable[[], float] = time.monotonic
    looks: int = 0
    broken: int = 0
    compared: int = 0
    missed: int = 0
    flipped: int = 0
    added: int = 0
    """Faces that only the new one has seen."""
    trouble: str = ""
    next_at: float = float("-inf")
    _new_ms: list[float] = field(default_factory=list)
    _old_ms: list[float] = field(default_factory=list)

    def look(self, look: Look) -> None:
        """Once; the next one may be at `next_at`."""
        began = self.cpu()
        if self.old is not None:
            self._timed(self.old, look, self._old_ms)
        answer = self._timed(self.new, look, self._new_ms)
        self.next_at = self.wall() + (self.cpu() - began) * (1.0 / _SHARE - 1.0)
        self.looks += 1
        self.broken += bool(answer.trouble)
        self.trouble = answer.trouble or self.trouble
        if not answer.trouble:
            self._compare(look.answer.faces, answer.faces)

    def close(self) -> None:
        """Free both models."""
        self.new.close()
        if self.old is not None:
            self.old.close()

    def _timed(self, detector: Detector, look: Look, times: list[float]) -> Answer:
        began = self.cpu()
        try:
            return detector.look(look.image)
        except Exception as error:  # noqa: BLE001 (a new model may do anything, and must not end the worker)
            return Answer([], 0.0, f"{type(error).__name__}: {error}")
        finally:
            times.append((self.cpu() - began) * 1000.0)

    def verdict(self, now: float) -> str | None:
        """None while it goes on, empty when it is good, else why not."""
        lasted = now - self.began
        if self.broken > max(2.0, _MOST_BROKEN * self.looks):
            return f"{self.broken} of {self.looks} answers cannot be meant: {self.trouble}"
        if lasted < self.lasts or (self.looks < ENOUGH and lasted < LONGEST * self.lasts):
            return None
        return self._problem()

    def _problem(self) -> str:
        if self.broken > _MOST_BROKEN * self.looks:
            return f"{self.broken} of {self.looks} answers cannot be meant: {self.trouble}"
        faces = self.compared + self.missed
        if faces >= _FEWEST_FACES and self.missed > _MOST_MISSED * faces:
            return f"it has no answer for {self.missed} of {faces} faces that the model that looks has seen"
        if self.compared >= _FEWEST_FACES and self.flipped > _MOST_FLIPPED * self.compared:
            return f"it says otherwise of {self.flipped} of {self.compared} faces than the model that looks"
        if self.added > max(faces, self.looks):
            return f"it sees {self.added} faces in {self.looks} looks where the model that looks sees none"
        old, new = (statistics.median(times) if times else 0.0 for times in (self._old_ms, self._new_ms))
        if self._old_ms and new > self.slower * old:
            return f"it takes {new:.1f} ms for a picture of the cameras; the model that looks takes {old:.1f} ms"
        return ""

    def _compare(self, old: Sequence[Face], new: Sequence[Face]) -> None:
        left = list(new)
        for face in old:
            same = max(left, key=lambda each: iou_of_boxes(each.box, face.box), default=None)
            if same is None or iou_of_boxes(same.box, face.box) < _SAME:
                self.missed += 1
                continue
            left.remove(same)
            self.compared += 1
            self.flipped += same.label != face.label
        self.added += len(left)
