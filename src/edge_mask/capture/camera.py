"""The capture worker: one camera, from its source into the hand-off to vision.

      lost ◀──TryLater── source ──frame──▶ content ──fine──▶ hand-off ──▶ vision
(backoff, reopen)                             └─ black, frozen: reported once, never judged
"""

import logging
import random
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Literal

from edge_mask.capture.content import Content, ContentPolicy, ContentWatch
from edge_mask.capture.source import EndOfSource, FrameSource
from edge_mask.errors import Refused, TryLater
from edge_mask.messages import Fault, Frame
from edge_mask.runtime.clock import Clock
from edge_mask.runtime.handoff import HandOff
from edge_mask.runtime.outage import Backoff, Outage
from edge_mask.runtime.worker import Finished, Job
from edge_mask.units import Seconds

log = logging.getLogger(__name__)

_TURN = Seconds(0.5)
"""The longest a step waits before it looks at `stop` again."""


class Camera(Job):
    """Reads one source for as long as it lasts; each of its troubles is reported once when it begins.

    Whether a frame that nobody took is replaced or waited for is the hand-off's affair (Latest, Line).
    """

    patience = Seconds(60.0)

    def __init__(
        self,
        name: str,
        source: FrameSource,
        frames: HandOff[Frame],
        clock: Clock,
        report: Callable[[Fault], None],
        *,
        is_live: bool,
        interval: Seconds = Seconds(0.0),
        interval_now: Callable[[Seconds], Seconds] = lambda usual: usual,
        hung_after: Seconds = Seconds(5.0),
        content: ContentPolicy | None = None,
        rng: random.Random | None = None,
    ) -> None:
        """`interval_now` is asked at each look how long the next pause is, and given the usual `interval`."""
        self.name = f"camera {name}"
        self.handed_on = 0
        """Frames handed to vision so far."""
        self._camera = name
        self._source = source
        self._frames = frames
        self._clock = clock
        self._report = report
        self._interval = interval
        self._interval_now = interval_now
        self._hung_after = hung_after
        self._content = ContentWatch(content or ContentPolicy(), is_live=is_live)
        self._backoff = Backoff(base=0.5, cap=30.0, rng=rng)
        self._away = Outage(self.name, log, report, clock)
        self._away_lock = threading.Lock()
        self._complaints = {kind: Outage(self.name, log, report, clock) for kind in (Content.BLACK, Content.FROZEN)}
        self._busy_since: float | None = None
        self._is_open = False
        self._first_frame: float | None = None
        self._has_ended = False
        self._pending: Frame | None = None
        self._due = clock.now().mono
        self._wake = threading.Event()

    def step(self, stop: threading.Event) -> None:
        """Hand on what waits, else open, else let time pass, else look; each takes a moment only."""
        try:
            if self._pending is not None:
                self._offer(self._pending)
            elif not self._is_open:
                self._open()
            elif (early := self._due - self._clock.now().mono) > 0.0:
                self._pass_time(Seconds(early))
            else:
                self._look()
        except TryLater as error:
            self._lose(str(error), stop)

    def look_now(self) -> None:
        """Do not wait for the interval; any thread may ask."""
        self._due = self._clock.now().mono
        self._wake.set()

    def interrupt(self) -> None:
        self._wake.set()

    def end(self) -> None:
        with self._asking_the_source():
            self._source.close()

    @property
    def state(self) -> Literal["opening", "ok", "away", "black", "frozen", "ended"]:
        """How it is now; any thread may ask. A file or folder ends, what is live is `away`."""
        if self._away.is_open:
            return "away"
        if self._has_ended:
            return "ended"
        if self._complaints[Content.FROZEN].is_open:
            return "frozen"
        if self._complaints[Content.BLACK].is_open:
            return "black"
        return "opening" if self._first_frame is None else "ok"

    def is_hung(self, now: Seconds) -> bool:
        """True when the source has kept a call waiting for longer than `hung_after`."""
        since = self._busy_since
        return since is not None and now - since > self._hung_after

    def check(self, now: Seconds) -> None:
        """Report a hung call. The main thread calls this every second or two: the camera's own is inside the call."""
        if not self.is_hung(now) or not self._away_lock.acquire(blocking=False):
            return  # the lock is taken while the camera's own thread is reporting: then it is not hung
        try:
            if self.is_hung(now):
                self._away.begin("camera_hung", f"the camera has not answered for {self._hung_after:g} s")
        finally:
            self._away_lock.release()

    def _open(self) -> None:
        try:
            with self._asking_the_source():
                self._source.open()
        except Refused as error:
            self._note_away("camera_refused", str(error))
            raise Finished from error
        self._is_open = True
        self._first_frame = None

    def _pass_time(self, early: Seconds) -> None:
        with self._asking_the_source():
            grows_old = self._source.skip()
        if not grows_old:
            self._clock.wait(self._wake, min(early, _TURN))
            self._wake.clear()

    def _look(self) -> None:
        try:
            with self._asking_the_source():
                frame = self._source.read()
        except EndOfSource as end:
            self._finish(str(end))
        except Refused as error:
            self._say("bad_picture", str(error))
        else:
            self._take(frame)

    def _take(self, frame: Frame) -> None:
        self._due = Seconds(max(self._due + self._interval_now(self._interval), self._clock.now().mono))
        self._first_frame = self._first_frame or frame.at.mono
        with self._away_lock:
            self._away.end()
        content = self._content.judge(frame.image, frame.at.mono)
        self._complain(content, frame)
        if content is Content.FINE:
            self._offer(frame)

    def _offer(self, frame: Frame) -> None:
        if self._frames.put(frame, _TURN):
            self._pending = None
            self.handed_on += 1
        else:
            self._pending = frame

    def _complain(self, content: Content, frame: Frame) -> None:
        """Black and frozen each begin and end once; a dark picture does not say whether the camera still hangs."""
        if content in self._complaints:
            self._complaints[content].begin(str(content), _sentence(content, frame))
        if content in (Content.FINE, Content.FROZEN):
            self._complaints[Content.BLACK].end()
        if content is Content.FINE:
            self._complaints[Content.FROZEN].end()

    def _finish(self, missing: str) -> None:
        self._has_ended = True
        if missing:
            self._say("camera_truncated", missing)
        raise Finished

    def _lose(self, reason: str, stop: threading.Event) -> None:
        """The camera is gone: say so once, let go of it, wait; the next step opens it again."""
        self._note_away("camera_lost", reason)
        now = self._clock.now().mono
        self._backoff.succeeded(now - self._first_frame if self._is_open and self._first_frame else 0.0)
        self._is_open = False
        with self._asking_the_source():
            self._source.close()
        self._clock.wait(stop, self._backoff.next_delay())

    def _note_away(self, code: str, reason: str) -> None:
        with self._away_lock:
            self._away.begin(code, reason)

    def _say(self, code: str, text: str) -> None:
        log.warning("%s: %s", self.name, text, extra={"code": code})
        self._report(Fault(at=self._clock.now(), component=self.name, code=code, text=text))

    @contextmanager
    def _asking_the_source(self) -> Iterator[None]:
        self._busy_since = self._clock.now().mono
        try:
            yield
        finally:
            self._busy_since = None


def _sentence(content: Content, frame: Frame) -> str:
    of = frame.source or f"frame {frame.number}"
    if content is Content.BLACK:
        return f"the picture is black ({of}): nothing is judged on it; is the lens covered, or the light off?"
    return f"the picture is frozen ({of}): the camera sends the same one again and again; nothing is judged on it"
