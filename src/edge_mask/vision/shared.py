"""What the lanes share: the trackers and the decisions of every camera."""

import logging
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal

from edge_mask.decide.sight import Sight, Watch
from edge_mask.detect.detector import Answer
from edge_mask.messages import Detections, Event, Fault, Frame, Reading, Shot, Track, Visit
from edge_mask.runtime.clock import Clock
from edge_mask.runtime.handoff import Tray
from edge_mask.runtime.outage import Outage
from edge_mask.runtime.worker import keep_waiting
from edge_mask.track.tracker import Tracker, distinct
from edge_mask.units import Moment, Seconds
from edge_mask.vision.evidence import Examiner
from edge_mask.vision.given import Given, Looked
from edge_mask.vision.seen import Looks as Looks  # noqa: PLC0414 (passed on)
from edge_mask.vision.seen import Seen as Seen  # noqa: PLC0414 (passed on)
from edge_mask.vision.shots import Shots
from edge_mask.vision.turns import Turns

log = logging.getLogger(__name__)

_TICK = Seconds(0.5)


@dataclass(frozen=True, slots=True)
class CameraState:
    """What vision keeps of one camera."""

    tracker: Tracker
    watch: Watch
    thermometer: Callable[[Seconds], Sequence[Reading]] = lambda _until: ()
    """The good readings taken up to a moment that were not given before."""
    examiner: Examiner | None = None
    """Looks at the pixels of faces; None where no decision needs it."""
    shots: Shots = field(default_factory=Shots)


class Vision:
    """The trackers and the decisions of every camera, which belong to the lane whose turn it is."""

    def __init__(
        self,
        frames: Tray[Frame],
        cameras: Mapping[str, CameraState],
        emit: Callable[[Event], object],
        clock: Clock,
        *,
        seen: Seen | None = None,
        publish: Literal["faces", "all", "off"] = "faces",
        pictured: Callable[[Event, Shot | None], Event] = lambda event, _shot: event,
        given: Given | None = None,
        counted: Callable[[Answer], Answer] = lambda answer: answer,
    ) -> None:
        """`seen` is filled in for others to read; `pictured` gives an event its picture, and returns at once; `given`:
        where frames are given to other devices; `counted` may make faces of what the model is less certain of."""
        self._frames = frames
        self._clock = clock
        self._model = Outage("model", log, self._report, clock)
        self.turns = Turns()
        self._lanes = 0
        self._coming_and_going = threading.Lock()
        self._judging = threading.Lock()
        """Lanes have their turns; who brings answers of other devices has none."""
        self._given = given
        self._is_broken = False
        self._cameras = cameras
        self._emit = emit
        self._publish = publish
        self._pictured = pictured
        self._counted = counted
        self._seen = seen or Seen()
        self._last: Moment | None = None
        self._ticked = clock.now().mono
        self._until: int | None = None
        self.is_done = False
        """Everything has been looked at and said; set after `finish_when_empty`."""

    @property
    def is_occupied(self) -> bool:
        """Whether somebody stands at a gate. Any thread may ask."""
        return any(camera.watch.is_occupied for camera in self._cameras.values())

    def _report(self, fault: Fault) -> None:
        self._emit(fault)

    def finish_when_empty(self) -> None:
        """Files and folders have ended: when all that was handed on until now was looked at (a live camera may still
        send more), say what was decided but not said yet."""
        if self._until is None:
            self._until = self._frames.given

    @property
    def gives(self) -> bool:
        """Whether other devices look at frames of this one."""
        return self._given is not None

    @property
    def has_trouble(self) -> bool:
        """Whether the model gives no answers."""
        return self._model.is_open

    def judge(self, number: int, frame: Frame, answer: Answer, model: str) -> None:
        """Track and decide, when it is this frame's turn.

        What a model cannot have meant is a fault and no verdict: the frame is passed over.
        """
        with self._alone() as is_sound:
            if not is_sound:
                return
            if answer.trouble:
                self._model.begin("broken_output", f"{model}: {answer.trouble}")
            else:
                self._model.end()
                self._judge_in_order(frame, answer, model)
            self._tick(frame.at)
            if self._until is not None and number + 1 >= self._until and not self._given:
                self._finish()

    def give(self, number: int, frame: Frame) -> None:
        """Another device looks at this frame: later ones of its camera wait a moment for what it says."""
        assert self._given is not None
        with self._alone():
            self._given.give(frame)
        with self.turns.kept(number):
            pass

    def given_back(self, frame: Frame, answer: Answer | None, model: str = "") -> bool:
        """What another device says of it, None when nothing will come any more; whether it still counted."""
        assert self._given is not None
        with self._alone() as is_sound:
            counted = is_sound and self._given.is_out(frame)
            if answer is not None and counted:
                self._track_and_decide_all(self._given.looked(Looked(frame, answer, model), self._clock.now().mono))
            elif counted:
                self._track_and_decide_all(self._given.lost(frame))
            return counted and answer is not None

    def go_on(self) -> Seconds | None:
        """Judge what has waited long enough for the answer of another device; when to ask again, None for never."""
        assert self._given is not None
        with self._alone() as is_sound:
            if is_sound:
                self._track_and_decide_all(self._given.overdue(self._clock.now().mono))
            return self._given.next_overdue() if is_sound else None

    def _judge_in_order(self, frame: Frame, answer: Answer, model: str) -> None:
        if self._given is None:
            self._track_and_decide(frame, answer, model)
        else:
            self._track_and_decide_all(self._given.looked(Looked(frame, answer, model), self._clock.now().mono))

    def _track_and_decide_all(self, all_looked: Iterator[Looked]) -> None:
        for each in all_looked:
            self._track_and_decide(each.frame, each.answer, each.model)

    @contextmanager
    def _alone(self) -> Iterator[bool]:
        """One at a time. Half a judgement leaves trackers in any state: after one this gives False, and none goes on
        from there until the house is built again."""
        while not self._judging.acquire(timeout=_TICK):
            keep_waiting()
        try:
            is_sound, self._is_broken = not self._is_broken, True
            yield is_sound
            self._is_broken = not is_sound
        finally:
            self._judging.release()

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
        with self.turns.pause() as judged:
            if judged < self._frames.taken:
                return  # some lane is looking
            self._tick(self._clock.now())
            if self._until is not None and judged >= self._until and not self._given:
                self._finish()

    def _track_and_decide(self, frame: Frame, answer: Answer, model: str) -> None:
        answer = self._counted(answer)
        camera, faces = self._cameras[frame.camera], distinct(answer.faces)
        self._seen.note(frame.camera, frame.at, answer.inference_ms)
        self._last = frame.at
        tracks = camera.tracker.update(faces, frame.at)
        self._seen.newest[frame.camera] = camera.shots.add(frame, faces, answer.faint, tracks)
        if self._publish == "all" or (faces and self._publish == "faces"):
            self._emit(self._detections(frame, tracks, model))
        height, width = frame.image.shape[:2]
        sight = Sight(
            tracks=tracks,
            width=width,
            height=height,
            at=frame.at,
            readings=camera.thermometer(frame.at.mono),
            evidence={} if camera.examiner is None else camera.examiner.examine(frame.image, tracks, frame.at),
        )
        for event in camera.watch.observe(sight):
            self._say(camera, event)

    def _say(self, camera: CameraState, event: Event) -> None:
        if isinstance(event, Visit) and event.time_to_verdict_ms is not None:
            self._seen.times_to_verdict.append(event.time_to_verdict_ms)
        self._emit(self._pictured(event, camera.shots.of(event)))

    def _tick(self, now: Moment) -> None:
        """A camera that sends nothing any more does not notice that its visitors have gone."""
        if now.mono - self._ticked >= _TICK:
            self._ticked = now.mono
            for camera in self._cameras.values():
                for event in camera.watch.tick(now):
                    self._say(camera, event)

    def _finish(self) -> None:
        if not self.is_done:
            self._say_what_is_owed()
            self.is_done = True

    def _say_what_is_owed(self) -> None:
        if self._last is not None:
            for camera in self._cameras.values():
                for event in camera.watch.finish(self._last):
                    self._say(camera, event)

    def _detections(self, frame: Frame, tracks: Sequence[Track], model: str) -> Detections:
        return Detections(
            at=frame.at,
            camera=frame.camera,
            frame=frame.number,
            tracks=tuple(tracks),
            inference_ms=self._seen.inference_ms,
            model=model,
        )
