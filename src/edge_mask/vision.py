"""The vision worker: a frame in, events out. Read this first.

    Latest ──frame──▶ detect ──faces──▶ track ──tracks──▶ decide ──events──▶ Mailbox (waits)

Three plain calls in one thread, because they need each other's answer and one owner. The slot before it may
replace frames; the mailbox behind it never drops an event.
"""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from edge_mask.detect.detector import Detector
from edge_mask.messages import Detections, Event, Face, Frame, Track
from edge_mask.runtime.handoff import Latest
from edge_mask.runtime.worker import Job
from edge_mask.units import Moment, Seconds


class Watch(Protocol):
    """What one camera's tracks mean: a gate or a room (app.py makes them from the decide room)."""

    def observe(self, tracks: Sequence[Track], frame: Frame) -> list[Event]:
        """The events that this frame completes."""
        ...

    def finish(self, at: Moment) -> list[Event]:
        """The events still owed when the camera ends."""
        ...


class Tracking(Protocol):
    """Follows faces from frame to frame (track.tracker.Tracker)."""

    def update(self, faces: Sequence[Face], at: Moment) -> list[Track]: ...


@dataclass(frozen=True, slots=True)
class Eye:
    """What vision keeps per camera."""

    tracker: Tracking
    watch: Watch


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
        self.figures = VisionFigures()
        self.is_busy = False

    def step(self, stop: threading.Event) -> None:  # noqa: ARG002 (one frame is short)
        self.is_busy = False
        frame = self._frames.take(timeout=0.5)
        if frame is None:
            return
        self.is_busy = True
        self.look(frame)

    def look(self, frame: Frame) -> None:
        """One frame through the house."""
        eye = self._eyes[frame.camera]
        began = time.perf_counter()
        faces = self._detector.detect(frame.image)
        self.figures.inference_ms = (time.perf_counter() - began) * 1000.0
        self.figures.frames += 1
        self._last = frame.at
        tracks = eye.tracker.update(faces, frame.at)
        if self._publish == "all" or (faces and self._publish == "faces"):
            self._emit(self._detections(frame, tracks))
        for event in eye.watch.observe(tracks, frame):
            self._emit(event)

    def interrupt(self) -> None:
        self._frames.close()

    def end(self) -> None:
        """Say what was decided but not said yet, then free the model."""
        if self._last is not None:
            for eye in self._eyes.values():
                for event in eye.watch.finish(self._last):
                    self._emit(event)
        self._detector.close()

    def _detections(self, frame: Frame, tracks: Sequence[Track]) -> Detections:
        return Detections(
            at=frame.at,
            camera=frame.camera,
            frame=frame.number,
            tracks=tuple(t for t in tracks if t.last == frame.at),
            inference_ms=self.figures.inference_ms,
            model=self._detector.name,
        )
