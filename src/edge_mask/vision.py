"""The vision workers: a frame in, events out. Read this first.

    Latest ──frame──▶ detect ──faces──▶ track ──tracks──▶ decide ──events──▶ Mailbox (waits)

Three plain calls in one thread, because they need each other's answer. Where there are several such lanes, each has a
detector of its own, and they track and decide one after the other, in the order of the frames. The slot before them may
replace frames; the mailbox behind them never drops an event.
"""

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from edge_mask.decide.sight import Sight, Watch
from edge_mask.detect.detector import Answer, Detector
from edge_mask.messages import Detections, Event, Face, Fault, Frame, Reading, Track
from edge_mask.runtime.clock import Clock
from edge_mask.runtime.handoff import Latest
from edge_mask.runtime.outage import Outage
from edge_mask.runtime.turns import Turns
from edge_mask.runtime.worker import Finished, Job
from edge_mask.track.tracker import Tracker, distinct
from edge_mask.units import Moment, Seconds

log = logging.getLogger(__name__)

_TICK = Seconds(0.5)
_MOST_AT_ONCE, _WHILE_MS = 4, 50.0
"""So many waiting pictures of a file go through the graph in a row, if that is quick enough; see `Lane`."""


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
        clock: Clock,
        *,
        publish: Literal["faces", "all", "off"] = "faces",
    ) -> None:
        self._frames = frames
        self._clock = clock
        self._model = Outage("model", log, self._report, clock)
        self._turns = Turns()
        self._lanes = 0
        self._coming_and_going = threading.Lock()
        self._is_broken = False
        self.is_stopping = False
        self._eyes = eyes
        self._emit = emit
        self._publish = publish
        self._last: Moment | None = None
        self._ticked = clock.now().mono
        self._until: int | None = None
        self.is_done = False
        """Everything has been looked at and said; set after `finish_when_empty`."""
        self.newest: dict[str, tuple[Frame, Sequence[Face]]] = {}
        """The last frame of each camera and what was seen in it, for a rule that wants a picture."""
        self.figures = VisionFigures()

    def _report(self, fault: Fault) -> None:
        self._emit(fault)

    def finish_when_empty(self) -> None:
        """Files and folders have ended: when all that was handed on until now was looked at (a live camera may still
        send more), say what was decided but not said yet."""
        if self._until is None:
            self._until = self._frames.given

    @property
    def is_told_to_finish(self) -> bool:
        return self._until is not None

    def look(self, taken: Sequence[tuple[int, Frame]], detector: Detector) -> None:
        """Frames through the house, each with how many were taken before it."""
        try:
            answers = detector.detect_each([frame.image for _, frame in taken], self._frames.call_senders)
        except Exception:  # raised again; the turns are given up at once, as what is before them may hang
            for number, _ in taken:
                self._turns.give_up(number)
            raise
        for place, ((number, frame), answer) in enumerate(zip(taken, answers, strict=True)):
            try:
                self._take_turn(number, frame, answer, detector.name)
            except Exception:  # raised again; other lanes wait for the turns behind this one
                for later, _ in taken[place + 1 :]:
                    self._turns.give_up(later)
                raise

    def _take_turn(self, number: int, frame: Frame, answer: Answer, model: str) -> None:
        """What a model cannot have meant is a fault and no verdict: the frame is passed over."""
        with self._turns.turn(number):
            if not self._is_broken:
                # Half a judgement leaves trackers in any state: none goes on from there until the house is built again.
                self._is_broken = True
                if answer.trouble:
                    self._model.begin("broken_output", f"{model}: {answer.trouble}")
                else:
                    self._model.end()
                    self._judge(frame, distinct(answer.faces), answer.inference_ms, model)
                self._tick(frame.at)
                if self._until is not None and number + 1 >= self._until:
                    self._finish()
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
        """No frame came for a while: say of whom nothing will come any more, and the rest when told to finish."""
        with self._turns.pause() as judged:
            if judged < self._frames.taken:
                return  # some lane is looking
            self._tick(self._clock.now())
            if self._until is not None and judged >= self._until:
                self._finish()

    def _judge(self, frame: Frame, faces: list[Face], inference_ms: float, model: str) -> None:
        """Track and decide."""
        eye = self._eyes[frame.camera]
        self.figures.inference_ms = inference_ms
        self.figures.frames += 1
        self.newest[frame.camera] = (frame, faces)
        self._last = frame.at
        tracks = eye.tracker.update(faces, frame.at)
        if self._publish == "all" or (faces and self._publish == "faces"):
            self._emit(self._detections(frame, tracks, model))
        height, width = frame.image.shape[:2]
        sight = Sight(tracks=tracks, width=width, height=height, at=frame.at, temperature=eye.thermometer(frame.at))
        for event in eye.watch.observe(sight):
            self._emit(event)

    def _tick(self, now: Moment) -> None:
        """A camera that sends nothing any more does not notice that its visitors have gone."""
        if now.mono - self._ticked >= _TICK:
            self._ticked = now.mono
            for eye in self._eyes.values():
                for event in eye.watch.tick(now):
                    self._emit(event)

    def _finish(self) -> None:
        if not self.is_done:
            self._say_what_is_owed()
            self.is_done = True

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
    """Takes frames and looks at them with the detector that it owns.

    One at a time, unless several of a file without pauses wait and the graph is quick: then reading what it says is
    most of the other work, and takes half as long for the second, third and fourth in a row.
    """

    patience = Seconds(60.0)
    company = "vision"

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
        taken = self._frames.take_numbered(timeout=0.1 if is_last else 0.5, most=self._most())
        if taken:
            self._vision.look(taken, self._detector)
        else:
            self._vision.rest()

    def _most(self) -> int:
        """A stop waits for what was taken."""
        return int(max(1.0, min(_MOST_AT_ONCE, _WHILE_MS / max(self._detector.last_inference_ms, 1.0))))

    def interrupt(self) -> None:
        """All lanes stop when one is asked to: they share the slot that is closed here."""
        self._vision.is_stopping = True
        self._frames.close()

    def end(self) -> None:
        self._vision.leave()
        self._detector.close()
