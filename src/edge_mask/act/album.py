"""Which events have a picture, and how it comes into the folder without holding up a verdict.

vision ──event, look──▶ pictured: a name ──▶ event with its `snapshot`, on at once
                              └──▶ queue ──▶ thread of the pictures: blur, JPEG, temp-…, …
"""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Final, Literal

from edge_mask.act.picture_file import SETTLES
from edge_mask.act.picture_writer import PictureWriter, Task
from edge_mask.act.snapshots import SnapshotStore
from edge_mask.errors import EdgeMaskError, TryLater
from edge_mask.messages import Alert, Event, Fault, Look, Shot, Visit
from edge_mask.plural import counted
from edge_mask.runtime.clock import Clock
from edge_mask.runtime.outage import Outage
from edge_mask.units import Moment, Seconds

log = logging.getLogger(__name__)

UNCERTAIN: Final = frozenset({"unsure"})
"""Reasons of a visit that say that there is no certain verdict."""
_OF_A_ROOM: Final = "no_mask"
"""The kind of alert that looks raise; all others of a camera are about visitors."""
_LONGEST_WAIT: Final = 10.0
"""Seconds until the thread looks again whether something is due: whoever sets the clock tells nobody."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """Which events shall have a picture."""

    visits: Literal["none", "refused", "all"] = "refused"
    looks: Literal["none", "no_mask", "all"] = "no_mask"

    def want(self, event: Event) -> bool:
        """Alerts go with what raised them: who wants no pictures of visitors wants none of a visitor with a fever."""
        match event:
            case Visit(verdict=verdict):
                return self.visits == "all" or (self.visits == "refused" and verdict == "no_pass")
            case Look(no_mask=bare):
                return self.looks == "all" or (self.looks == "no_mask" and bare > 0)
            case Alert(camera=None):
                return False
            case Alert(kind=kind):
                return (self.looks if kind == _OF_A_ROOM else self.visits) != "none"
            case _:
                return False


class Album:
    """`pictured` and `offer` may be called from any thread and return at once; the rest has a thread of its own."""

    def __init__(self, store: SnapshotStore, wishes: Wishes, report: Callable[[Fault], None], clock: Clock) -> None:
        """`report` may wait: it is called in the thread of the pictures."""
        self.store = store
        self._wishes = wishes
        self._clock = clock
        self._writer = PictureWriter(self._tidy)
        self.start, self.close = self._writer.start, self._writer.close
        self._naming = threading.Lock()
        self._newest: dict[str, tuple[Moment, str]] = {}
        """By camera: the picture that was queued last, and when it was taken."""
        self._dropped = self._reported = 0
        self._overload = Outage("snapshots", log, report, clock)
        self._folder = Outage("snapshots", log, report, clock, what="deleting of old pictures", settles=SETTLES)
        self._writing = Outage("snapshots", log, report, clock, what="writing of pictures", settles=SETTLES)

    def offer(self, task: Task) -> bool:
        """Let the thread of the pictures do something else; False when too much waits. It must not raise."""
        return self._writer.offer(task)

    def pictured(self, event: Event, shot: Shot | None) -> Event:
        """The event, with the name of its picture if it has one. Never waits and never raises.

        A picture that cannot be queued has no name. One that cannot be written keeps it: that was told already.
        """
        if shot is None or not self._wishes.want(event):
            return event
        match event:
            case Visit(verdict=verdict, reasons=reasons):
                reason, certain = ", ".join(reasons) or verdict, not UNCERTAIN & set(reasons)
                return replace(event, snapshot=self._queue(shot, reason, certain=certain))
            case Look():
                return replace(event, snapshot=self._queue(shot, _OF_A_ROOM if event.no_mask else "look", certain=True))
            case Alert(camera=str(camera)):
                with self._naming:
                    at, name = self._newest.get(camera, (None, None))
                if at != event.at:  # else it tells of what was pictured just now
                    name = self._queue(shot, event.kind, certain=True)
                return replace(event, snapshot=name)
            case _:
                return event

    def _queue(self, shot: Shot, reason: str, *, certain: bool) -> str | None:
        frame = shot.frame
        name = self.store.promise(frame.at.wall, frame.camera, reason, certain=certain)
        if not self._writer.offer(partial(self._write, name, shot, reason), frame.image.nbytes):
            self._dropped += 1
            return None
        with self._naming:
            self._newest[frame.camera] = (frame.at, name)
        return name

    # -- in the thread of the pictures -------------------------------------------------------------------

    def _write(self, name: str, shot: Shot, reason: str) -> None:
        try:
            self.store.fulfil(name, shot, reason)
        except EdgeMaskError as error:
            self._writing.begin("write_failed", f"{name} was not kept: {error}")
        except Exception as error:  # one odd picture must not end the thread that deletes the others in time
            log.exception("snapshots: a fault of our own")
            self._writing.begin("write_failed", f"{name} was not kept: {type(error).__name__}: {error}")
        else:
            self._writing.end()

    def _tidy(self) -> Seconds:
        """What is due is deleted, and what could not be queued is reported."""
        self._writing.settle()
        dropped = self._dropped
        if dropped > self._reported:
            lost = counted(dropped - self._reported, "picture was not kept", "pictures were not kept")
            self._overload.begin("dropped", f"{lost}: the disk is too slow")
        elif not len(self._writer):
            self._overload.end()
        self._reported = dropped
        try:
            wait = self.store.tidy(self._clock.now())
        except TryLater as error:
            self._folder.begin("sweep_failed", str(error))
            return Seconds(_LONGEST_WAIT)
        self._folder.end()
        return Seconds(min(max(wait, 0.0), _LONGEST_WAIT))
