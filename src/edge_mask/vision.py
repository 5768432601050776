"""The vision workers: a frame in, events out. Read this first.

    Latest ──frame──▶ detect ──faces──▶ track ──tracks──▶ decide ──events──▶ Mailbox (waits)

Three plain calls in one thread, because they need each other's answer. Where there are several such lanes, each has a
detector of its own, and they track and decide one after the other, in the order of the frames. The slot before them may
replace frames; the mailbox behind them never drops an event.
"""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from edge_mask.decide.sight import Sight, Watch
from edge_mask.detect.detector import Detector
from edge_mask.messages import Detections, Event, Face, Frame, Reading, Track
from edge_mask.runtime.handoff import Latest
from edge_mask.runtime.turns import Turns
from edge_mask.runtime.worker import Finished, Job
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


class Vision:
    """The trackers and the decisions of every camera, which belong to the lane whose turn it is."""

    def __init__(
        self,
        frames: Latest[Frame],
        eyes: Mapping[str, Eye],
        emit: Callable[[Event], object],
        *,
        publish: Literal["faces", "all", "off"] = "faces",
    ) -> None:
        self._frames = frames
        self._turns = Turns()
        self._lanes = 0
        self._coming_and_going = threading.Lock()
        self._is_broken = False
        self.is_stopping = False
        self._eyes = eyes
        self._emit = emit
        self._publish = publish
        self._last: Moment | None = None
        self.is_told_to_finish = False
        self.is_done = False
        """Everything has been looked at and said; set after `finish_when_empty`."""
        self.newest: dict[str, tuple[Frame, Sequence[Face]]] = {}
        """The last frame of each camera and what was seen in it, for a rule that wants a picture."""
        self.figures = VisionFigures()

    def finish_when_empty(self) -> None:
        """There will be no more frames: when all were looked at, say what was decided but not said yet."""
        self.is_told_to_finish = True

    def look(self, frame: Frame, number: int, detector: Detector) -> None:
        """One frame through the house; `number` says how many were taken before it."""
        try:
            faces = distinct(detector.detect(frame.image))
        except Exception:  # raised again; the turn is given up at once, as what is before it may hang
            self._turns.give_up(number)
            raise
        with self._turns.turn(number):
            if not self._is_broken:
                # Half a judgement leaves trackers in any state: none goes on from there until the house is built again.
                self._is_broken = True
                self._judge(frame, faces, detector)
                self._is_broken = False

    def enter(self) -> None:
        """A lane begins."""
        with self._coming_and_going:
            self._lanes += 1

    def leave(self) -> None:
        """A lane ends; the last one says what was decided but not said yet."""
        with self._coming_and_going:
            self._lanes -= 1
            if not self._lanes:
                self._say_what_is_owed()

    def rest(self) -> None:
        """No more frames come: when all were looked at, say what was decided but not said yet."""
        with self._turns.pause() as judged:
            if not self.is_done and judged == self._frames.taken:
                self._say_what_is_owed()
                self.is_done = True

    def _judge(self, frame: Frame, faces: list[Face], detector: Detector) -> None:
        """Track and decide."""
        eye = self._eyes[frame.camera]
        self.figures.inference_ms = detector.last_inference_ms
        self.figures.frames += 1
        self.newest[frame.camera] = (frame, faces)
        self._last = frame.at
        tracks = eye.tracker.update(faces, frame.at)
        if self._publish == "all" or (faces and self._publish == "faces"):
            self._emit(self._detections(frame, tracks, detector.name))
        height, width = frame.image.shape[:2]
        sight = Sight(tracks=tracks, width=width, height=height, at=frame.at, temperature=eye.thermometer(frame.at))
        for event in eye.watch.observe(sight):
            self._emit(event)

    def _say_what_is_owed(self) -> None:
        if self._last is not None:
            for eye in self._eyes.values():
                for event in eye.watch.finish(self._last):
                    self._emit(event)

    def _detections(self, frame: Frame, tracks: Sequence[Track], model: str) -> Detections:
        return Detections(
            at=frame.at,
            camera=frame.camera,
            frame=frame.number,
            tracks=tuple(tracks),
            inference_ms=self.figures.inference_ms,
            model=model,
        )


class Lane(Job):
    """Takes frames, one at a time, and looks at them with the detector that it owns."""

    patience = Seconds(60.0)

    def __init__(self, vision: Vision, frames: Latest[Frame], detector: Detector, number: int = 0) -> None:
        self.name = f"vision {number + 1}" if number else "vision"
        self._vision = vision
        self._frames = frames
        self._detector = detector

    def begin(self) -> None:
        self._vision.enter()

    def step(self, stop: threading.Event) -> None:  # noqa: ARG002 (one frame is short)
        if self._vision.is_stopping:
            raise Finished
        is_last = self._vision.is_told_to_finish  # before the look into the slot: the last frame may come meanwhile
        taken = self._frames.take_numbered(timeout=0.1 if is_last else 0.5)
        if taken is not None:
            number, frame = taken
            self._vision.look(frame, number, self._detector)
        elif is_last:
            self._vision.rest()

    def interrupt(self) -> None:
        """All lanes stop when one is asked to: they share the slot that is closed here."""
        self._vision.is_stopping = True
        self._frames.close()

    def end(self) -> None:
        self._vision.leave()
        self._detector.close()
