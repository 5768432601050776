"""The vision worker: a frame in, events out. Read this first.

    Latest ──frame──▶ detect ──faces──▶ track ──tracks──▶ decide ──events──▶ Mailbox (waits)

Three plain calls in one thread, because they need each other's answer and one owner. The slot before it may
replace frames; the mailbox behind it never drops an event.
"""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from edge_mask.decide.sight import Sight, Watch
from edge_mask.detect.detector import Detector
from edge_mask.messages import Detections, Event, Face, Frame, Reading, Track
from edge_mask.runtime.handoff import Latest
from edge_mask.runtime.worker import Job
from edge_mask.track.distinct import distinct
from edge_mask.track.tracker import Tracker
from edge_mask.units import Moment, Seconds


@dataclass(frozen=True, slots=True)
class Eye:
    """What vision keeps per camera."""

    tracker: Tracker
    watch: Watch
    thermometer: Callable[[Moment], Reading | None] = lambda _now: None
    """The reading that a decision made now may use."""


@dataclass(slots=True)
class VisionFigures:
    """For the health message: what has been looked at, and how long the last look took."""

    frames: int = 0
    inference_ms: float = 0.0


class Vision(Job):
    """Owns the detector, the trackers and the decisions of every camera."""

    name = "vision"
    patience = Seconds(60.0)

    def __init__(
        self,
        frames: Latest[Frame],
        detector: Detector,
        eyes: Mapping[str, Eye],
        emit: Callable[[Event], object],
        *,
        publish: Literal["faces", "all", "off"] = "faces",
    ) -> None:
        self._frames = frames
        self._detector = detector
        self._eyes = eyes
        self._emit = emit
        self._publish = publish
        self._last: Moment | None = None
        self._is_told_to_finish = False
        self.is_done = False
        """Everything has been looked at and said; set after `finish_when_empty`."""
        self.newest: dict[str, tuple[Frame, Sequence[Face]]] = {}
        """The last frame of each camera and what was seen in it, for a rule that wants a picture."""
        self.figures = VisionFigures()

    def step(self, stop: threading.Event) -> None:  # noqa: ARG002 (one frame is short)
        frame = self._frames.take(timeout=0.1 if self._is_told_to_finish else 0.5)
        if frame is not None:
            self.look(frame)
        elif self._is_told_to_finish and not self.is_done:
            self._say_what_is_owed()
            self.is_done = True

    def finish_when_empty(self) -> None:
        """There will be no more frames: when the slot is empty, say what was decided but not said yet."""
        self._is_told_to_finish = True

    def look(self, frame: Frame) -> None:
        """One frame through the house."""
        eye = self._eyes[frame.camera]
        faces = distinct(self._detector.detect(frame.image))
        self.figures.inference_ms = self._detector.last_inference_ms
        self.figures.frames += 1
        self.newest[frame.camera] = (frame, faces)
        self._last = frame.at
        tracks = eye.tracker.update(faces, frame.at)
        if self._publish == "all" or (faces and self._publish == "faces"):
            self._emit(self._detections(frame, tracks))
        height, width = frame.image.shape[:2]
        sight = Sight(tracks=tracks, width=width, height=height, at=frame.at, temperature=eye.thermometer(frame.at))
        for event in eye.watch.observe(sight):
            self._emit(event)

    def interrupt(self) -> None:
        self._frames.close()

    def end(self) -> None:
        """Say what was decided but not said yet, then free the model."""
        self._say_what_is_owed()
        self._detector.close()

    def _say_what_is_owed(self) -> None:
        if self._last is not None:
            for eye in self._eyes.values():
                for event in eye.watch.finish(self._last):
                    self._emit(event)

    def _detections(self, frame: Frame, tracks: Sequence[Track]) -> Detections:
        return Detections(
            at=frame.at,
            camera=frame.camera,
            frame=frame.number,
            tracks=tuple(tracks),
            inference_ms=self.figures.inference_ms,
            model=self._detector.name,
        )
