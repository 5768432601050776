"""The folder of pictures: atomic writes, retention by age and size; files of others are never touched.

write ──▶ temp-… ──certain?──▶ keep ──▶ …       sweep: temp-… after temp_ttl, all after keep, the oldest over max_bytes
"""

import errno
import logging
import os
import stat
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from edge_mask.act.blur import blurred
from edge_mask.act.snapshot_name import TEMP, Snapshot, name_of, parse
from edge_mask.errors import Refused, TryLater
from edge_mask.messages import Shot
from edge_mask.runtime.clock import Clock
from edge_mask.units import Bytes, Moment, Seconds

log = logging.getLogger(__name__)

_QUALITY = 88
_PART = ".part"
_UNFINISHED_AFTER = 600.0
"""Seconds after which a half-written file counts as abandoned."""
_REMEMBERED = 10_000


@dataclass(frozen=True, slots=True)
class _Kept:
    """One of our files on disk."""

    snapshot: Snapshot
    size: int


class SnapshotStore:
    """Keeps pictures in one folder. May be used from several threads."""

    def __init__(
        self,
        folder: Path,
        keep: Seconds,
        max_bytes: Bytes,
        temp_ttl: Seconds,
        blur_faces: bool,
        clock: Clock,
    ) -> None:
        self._folder = folder
        self._keep = keep
        self._max_bytes = max_bytes
        self._temp_ttl = temp_ttl
        self._blur = blur_faces
        self._clock = clock
        self._lock = threading.Lock()
        self._born: dict[str, Seconds] = {}
        self._bytes: int | None = None

    def write(self, shot: Shot, reason: str, *, certain: bool) -> str:
        """Write the picture, as `temp-` unless `certain`, and return its file name.

        Raises TryLater when the disk fails (full, read-only, gone), Refused for a picture that cannot be encoded.
        """
        frame, data = shot.frame, self._jpeg(shot)
        wanted = name_of(frame.at.wall, frame.camera, reason, certain=certain)
        with self._lock:
            try:
                self._folder.mkdir(mode=0o750, parents=True, exist_ok=True)
                name = self._put(self._free(wanted), data)
            except OSError as error:
                raise TryLater(f"{self._folder}: {_advice(error)}") from error
            self._remember(name, self._clock.now().mono)
            self._bytes = None if self._bytes is None else self._bytes + len(data)
        if self._bytes is None or self._bytes > self._max_bytes:
            with suppress(TryLater):  # the picture is written; the regular sweep reports the fault
                self.sweep(self._clock.now())
        return name

    def keep(self, name: str) -> str:
        """The verdict is certain: remove `temp-` and return the new name. Raises TryLater."""
        if parse(name) is None:
            raise Refused(f'"{name}" is not the name of a snapshot')
        with self._lock:
            certain = name.removeprefix(TEMP)
            if certain == name:
                return name
            try:
                (self._folder / name).rename(self._folder / certain)
            except FileNotFoundError as error:
                raise TryLater(f'the snapshot "{name}" is not there any more') from error
            except OSError as error:
                raise TryLater(f"{self._folder}: {_advice(error)}") from error
            if (born := self._born.pop(name, None)) is not None:
                self._remember(certain, born)
            return certain

    def sweep(self, now: Moment) -> int:
        """Apply retention by age, then by size (oldest first); returns how many were deleted. Raises TryLater."""
        with self._lock:
            try:
                return self._swept(now)
            except OSError as error:
                raise TryLater(f"{self._folder}: {_advice(error)}") from error

    # -- writing -----------------------------------------------------------------------------------------

    def _jpeg(self, shot: Shot) -> bytes:
        import cv2

        try:
            image = blurred(shot.frame.image, shot.hidden) if self._blur else shot.frame.image
            done, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
        except cv2.error as error:
            raise Refused(
                f"the picture of camera {shot.frame.camera} cannot be written as JPEG ({error.err})"
            ) from error
        if not done or data.nbytes > self._max_bytes:
            raise Refused(f"the picture has {data.nbytes} bytes; snapshots.max_bytes allows {self._max_bytes} in all")
        return bytes(data)

    def _free(self, name: str) -> str:
        """A free name, with and without `temp-`; a second picture of the same millisecond gets a number."""
        stem, number = name.removesuffix(".jpg"), 1
        while any((self._folder / other).exists() for other in (name, name.removeprefix(TEMP), TEMP + name)):
            number += 1
            name = f"{stem}-{number}.jpg"
        return name

    def _put(self, name: str, data: bytes) -> str:
        part = self._folder / f".{name}{_PART}"
        try:
            descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o640)
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(descriptor)
            part.rename(self._folder / name)
        except OSError:
            with suppress(OSError):
                part.unlink(missing_ok=True)
            raise
        return name

    def _remember(self, name: str, born: Seconds) -> None:
        """Remember the monotonic time of the picture, for the newest pictures only."""
        self._born[name] = born
        if len(self._born) > _REMEMBERED:
            self._born.pop(next(iter(self._born)))

    # -- deleting ----------------------------------------------------------------------------------------

    def _swept(self, now: Moment) -> int:
        kept = sorted(self._ours(now), key=lambda each: (each.snapshot.taken, each.snapshot.name))
        going: list[_Kept] = []
        left: deque[_Kept] = deque()
        for each in kept:
            (going if self._is_over(each.snapshot, now) else left).append(each)
        total = sum(each.size for each in left)
        while total > self._max_bytes:
            going.append(left.popleft())
            total -= going[-1].size
        for each in going:
            (self._folder / each.snapshot.name).unlink(missing_ok=True)
            self._born.pop(each.snapshot.name, None)
        if going:
            log.info("snapshots: %d deleted, %d kept", len(going), len(kept) - len(going))
        self._bytes = total
        return len(going)

    def _ours(self, now: Moment) -> Iterator[_Kept]:
        """Our regular files; abandoned half-written ones are deleted."""
        try:
            entries = list(os.scandir(self._folder))
        except FileNotFoundError:
            return
        for entry in entries:
            with suppress(FileNotFoundError):
                status = entry.stat(follow_symlinks=False)
                if not stat.S_ISREG(status.st_mode):
                    continue
                if (snapshot := parse(entry.name)) is not None:
                    yield _Kept(snapshot, status.st_size)
                elif _is_part(entry.name) and abs(now.wall - status.st_mtime) > _UNFINISHED_AFTER:
                    Path(entry.path).unlink()

    def _is_over(self, snapshot: Snapshot, now: Moment) -> bool:
        """This run measures its own pictures on the monotonic clock: one taken before the wall clock was set would look
        years old afterwards. A doubtful age keeps a picture, except a `temp-` one."""
        born = self._born.get(snapshot.name)
        age = now.wall - snapshot.taken if born is None else now.mono - born
        if snapshot.is_temp:
            return abs(age) >= self._temp_ttl
        return age >= self._keep and (now.synced or born is not None)


def _is_part(name: str) -> bool:
    return name.startswith(".") and name.endswith(_PART) and parse(name[1 : -len(_PART)]) is not None


def _advice(error: OSError) -> str:
    if error.errno == errno.ENOSPC:
        return "the disk is full; no picture was written"
    return f"no picture can be written or deleted ({error.strerror})"
