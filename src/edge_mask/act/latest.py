"""The last picture of each camera, for whoever looks after the device: one file each, replaced as a whole.

newest look ──each `every`──▶ JPEG ──▶ .latest-CAMERA.jpg.part ──rename──▶ latest-CAMERA.jpg
"""

import errno
import logging
import os
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from edge_mask.act.folder import Bounds
from edge_mask.act.latest_file import PART, delete, name_of
from edge_mask.act.picture_file import SETTLES, Style
from edge_mask.errors import Refused, TryLater
from edge_mask.messages import Fault, Shot
from edge_mask.runtime.clock import Clock
from edge_mask.runtime.outage import Outage
from edge_mask.runtime.worker import Job
from edge_mask.units import Moment, Seconds, Unix

log = logging.getLogger(__name__)

_FIRST_LOOK = Seconds(1.0)
"""Pause between two looks for a camera that has sent nothing yet."""
_LONGEST_WAIT = Seconds(10.0)
_SWEEP = Seconds(3600.0)


class LatestPictures(Job):
    """A thread of its own: a slow card delays nothing but these pictures."""

    name = "latest pictures"
    patience = Seconds(3600.0)  # a disk that hangs is no reason to build the house again

    def __init__(
        self,
        folder: Path,
        cameras: Sequence[str],
        newest: Callable[[str], Shot | None],
        encode: Callable[[Shot], bytes],
        report: Callable[[Fault], None],
        clock: Clock,
        *,
        every: Seconds,
        keep: Seconds,
    ) -> None:
        """`newest`: a camera's last look. `encode` makes the JPEG, and raises Refused."""
        self._folder = folder
        self._cameras = cameras
        self._newest = newest
        self._encode = encode
        self._clock = clock
        self._every = every
        self._keep = keep
        self._written: dict[str, Moment] = {}
        """When what lies there was taken, by camera."""
        self._not_before: dict[str, Seconds] = {}
        """Somebody erased a picture: what was seen until then is not written any more."""
        self._due: dict[str, Seconds] = {}
        self._swept: Seconds | None = None
        settles = Seconds(max(SETTLES, 1.5 * every))  # two pictures in a row
        self._outage = Outage("snapshots", log, report, clock, what="writing of the last pictures", settles=settles)
        self._wake = threading.Event()

    def step(self, stop: threading.Event) -> None:
        self._outage.settle()
        now = self._clock.now()
        if self._swept is None or now.mono - self._swept >= _SWEEP:
            self._swept = now.mono
            self._sweep(now)
        for camera in self._cameras:
            if now.mono >= self._due.get(camera, now.mono):
                self._take(camera, now.mono)
        if self._clock.wait(self._wake, self._pause(self._clock.now().mono)) and not stop.is_set():
            self._wake.clear()

    def interrupt(self) -> None:
        self._wake.set()

    def end(self) -> None:
        """What was seen last stays, however short the run was."""
        for camera in self._cameras:
            self._take(camera, self._clock.now().mono)

    def _pause(self, now: Seconds) -> Seconds:
        waits = [max(0.0, due - now) for due in self._due.values()]
        if len(self._due) < len(self._cameras):
            waits.append(_FIRST_LOOK)
        return Seconds(min([_LONGEST_WAIT, *waits]))

    def _take(self, camera: str, now: Seconds) -> None:
        shot = self._newest(camera)
        if shot is None:
            return
        self._due[camera] = Seconds(now + self._every)
        try:
            if self._is_wanted(camera, shot.frame.at, now):
                self._put(camera, self._encode(shot), shot.frame.at)
                self._written[camera] = shot.frame.at
                self._outage.end()
        except (OSError, Refused) as error:
            self._outage.begin("latest_failed", f"{self._folder / name_of(camera)} was not written: {_advice(error)}")

    def _is_wanted(self, camera: str, at: Moment, now: Seconds) -> bool:
        before = self._written.get(camera)
        if before is not None and not (self._folder / name_of(camera)).exists():
            del self._written[camera]
            self._not_before[camera] = now
        return at != before and at.mono > self._not_before.get(camera, float("-inf"))

    def _put(self, camera: str, data: bytes, at: Moment) -> None:
        """The whole file or the one before, after a power cut too. Raises OSError."""
        self._folder.mkdir(mode=0o750, parents=True, exist_ok=True)
        part = self._folder / f".{name_of(camera)}{PART}"
        try:
            descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, 0o640)
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
                file.flush()
                os.utime(descriptor, (at.wall, at.wall))
                os.fsync(descriptor)
            part.rename(self._folder / name_of(camera))
        except OSError:
            with suppress(OSError):
                part.unlink(missing_ok=True)
            raise

    def _sweep(self, now: Moment) -> None:
        """Those of cameras that are away or gone go when they are as old as any picture may be."""

        def is_over(taken: Unix) -> bool:
            return now.synced and now.wall - taken >= self._keep

        try:
            delete(self._folder, is_over)
        except TryLater as error:
            self._outage.begin("latest_failed", str(error))


def encoder(style: Style, folder: Path, bounds: Bounds) -> Callable[[Shot], bytes]:
    """Makes the bytes of a file out of a look; what it returns raises Refused."""

    def encode(shot: Shot) -> bytes:
        data = style.jpeg(shot, "last look")
        limit, key = bounds.room(folder)
        if len(data) > limit:
            raise Refused(f"it has {len(data)} bytes; {key} allows {limit} in all")
        return data

    return encode


def _advice(error: OSError | Refused) -> str:
    if isinstance(error, OSError):
        return "the disk is full" if error.errno == errno.ENOSPC else str(error.strerror)
    return str(error)
