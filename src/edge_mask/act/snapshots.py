"""The folder of pictures: atomic writes, retention by age and size; files of others are never touched.

promise a name ──▶ .….part ──whole──▶ temp-… ──certain──▶ …       tidy: what is due goes (folder.py)
"""

import logging
import threading
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from edge_mask.act.erase import erase_pictures
from edge_mask.act.folder import Bounds, abandoned_in, over, pictures_in
from edge_mask.act.latest_file import size_of_all
from edge_mask.act.picture_file import Style, advice, put
from edge_mask.act.promises import Promises
from edge_mask.act.snapshot_name import TEMP, Snapshot, parse
from edge_mask.errors import Refused, TryLater
from edge_mask.messages import Shot
from edge_mask.runtime.clock import Clock
from edge_mask.units import Moment, Seconds, Unix

log = logging.getLogger(__name__)

_REMEMBERED = 10_000
_EASED = 0.95
"""What is over the limit is brought below this share of it: looking through a full folder takes long."""
_AT_ONCE = 200
"""Files that are deleted before the next picture is written."""
_SOONEST, _LATEST = 60.0, 3600.0
"""Seconds between two looks through the whole folder."""


class SnapshotStore:
    """Keeps pictures in one folder. May be used from several threads; only `promise` never waits for the disk."""

    def __init__(self, folder: Path, bounds: Bounds, style: Style, clock: Clock) -> None:
        self.folder = folder
        self._bounds = bounds
        self._style = style
        self._clock = clock
        self._lock = threading.Lock()
        self._promises = Promises()
        self.promise = self._promises.make
        self._born: dict[str, Seconds] = {}
        """When this run wrote a picture (name without `temp-`), on the monotonic clock; the newest pictures only."""
        self._temps: dict[str, Snapshot] = {}
        self._bytes: int | None = None
        """In all; None before the first look through the folder."""
        self._doomed: deque[str] = deque()
        """What goes next; a slow card deletes a few hundred a second."""
        self._limit, self._limited_by = bounds.max_bytes, "snapshots.max_bytes"
        self._next_sweep = float("-inf")

    def fulfil(self, name: str, shot: Shot, reason: str) -> None:
        """Write the picture that `name` was promised for, unless it was erased meanwhile.

        Raises TryLater when the disk fails (full, read-only, gone), Refused for a picture that cannot be encoded or
        whose place is taken.
        """
        data = self._style.jpeg(shot, reason)
        if len(data) > self._limit:
            raise Refused(f"the picture has {len(data)} bytes; {self._limited_by} allows {self._limit} in all")
        final = name.removeprefix(TEMP)
        with self._using_the_disk():
            if not self._promises.is_wanted(name):
                return
            self.folder.mkdir(mode=0o750, parents=True, exist_ok=True)
            if self._is_taken(final):
                raise Refused(f"{final} is there already, from an earlier run; it stays as it is")
            put(self.folder, TEMP + final, data)
            self._remember(TEMP + final)
            if name == final:
                self._make_certain(final)
            self._bytes = None if self._bytes is None else self._bytes + len(data)
        if self._bytes is None or self._bytes > self._limit:
            with suppress(TryLater):  # the picture is written; the regular sweep reports the fault
                self.sweep(self._clock.now())

    def write(self, shot: Shot, reason: str, *, certain: bool) -> str:
        """Write the picture under a name that is free, and return it; raises what `fulfil` raises."""
        while True:
            name = self.promise(shot.frame.at.wall, shot.frame.camera, reason, certain=certain)
            with self._using_the_disk():
                is_taken = self._is_taken(name.removeprefix(TEMP))
            if not is_taken:
                self.fulfil(name, shot, reason)
                return name

    def keep(self, name: str) -> str:
        """The verdict is certain: remove `temp-` and return the new name. Raises TryLater."""
        if parse(name) is None:
            raise Refused(f'"{name}" is not the name of a snapshot')
        final = name.removeprefix(TEMP)
        with self._using_the_disk():
            try:
                if final != name:
                    self._make_certain(final)
            except FileNotFoundError as error:
                raise TryLater(f'the snapshot "{name}" is not there any more') from error
        return final

    def erase(self, names: Iterable[str], before: Unix | None = None) -> int:
        """Delete these pictures and all taken `before`, and never write those of them that wait. Raises TryLater."""
        wanted = list(names)
        self._promises.withdraw(wanted, before)
        with self._lock:  # what is being written just now is whole, and goes too
            return erase_pictures(self.folder, wanted, before)

    def sweep(self, now: Moment) -> int:
        """Look through the whole folder and delete what must go; returns how many. Raises TryLater."""
        with self._using_the_disk():
            return self._swept(now)

    def tidy(self, now: Moment) -> Seconds:
        """Delete what is due by now, and return in how many seconds something will be. Raises TryLater."""
        if now.mono >= self._next_sweep:
            self.sweep(now)
            return Seconds(0.0)
        with self._using_the_disk():
            waits = {name: self._left(snapshot, now) for name, snapshot in self._temps.items()}
            for name in [name for name, left in waits.items() if left <= 0]:
                self._doomed.append(name)
                del self._temps[name], waits[name]
            self._delete_some()
        return Seconds(0.0 if self._doomed else min([self._next_sweep - now.mono, *waits.values()]))

    # -- one file ----------------------------------------------------------------------------------------

    @contextmanager
    def _using_the_disk(self) -> Iterator[None]:
        with self._lock:
            try:
                yield
            except OSError as error:
                raise TryLater(f"{self.folder}: {advice(error)}") from error

    def _is_taken(self, final: str) -> bool:
        return any((self.folder / name).exists() for name in (final, TEMP + final))

    def _make_certain(self, final: str) -> None:
        (self.folder / (TEMP + final)).rename(self.folder / final)
        self._temps.pop(TEMP + final, None)

    def _remember(self, temp: str) -> None:
        self._born[temp.removeprefix(TEMP)] = self._clock.now().mono
        if len(self._born) > _REMEMBERED:
            self._born.pop(next(iter(self._born)))
        if (snapshot := parse(temp)) is not None:
            self._temps[temp] = snapshot

    # -- deleting ----------------------------------------------------------------------------------------

    def _swept(self, now: Moment) -> int:
        for part in abandoned_in(self.folder, now, self._bounds.temp_ttl):
            part.unlink(missing_ok=True)
        pictures = list(pictures_in(self.folder))
        going = [each for each in pictures if self._left(each.snapshot, now) <= 0]
        gone = {each.snapshot.name for each in going}
        staying = [each for each in pictures if each.snapshot.name not in gone]
        self._limit, self._limited_by = self._bounds.room(self.folder)
        last = size_of_all(self.folder)  # they stay, one for each camera: the others make room for them
        self._bytes = last + sum(each.size for each in staying)
        if self._bytes > self._limit:
            too_many, rest = over(staying, max(0, int(_EASED * self._limit) - last))
            self._bytes = last + rest
            going += too_many
        self._temps = {each.snapshot.name: each.snapshot for each in staying if each.snapshot.is_temp}
        self._doomed = deque(each.snapshot.name for each in going)
        self._delete_some()
        if going:
            log.info("snapshots: %d deleted, %d kept", len(going), len(pictures) - len(going))
        self._next_sweep = now.mono + min(max(self._bounds.keep / 100, _SOONEST), _LATEST)
        return len(going)

    def _delete_some(self) -> None:
        for _ in range(min(_AT_ONCE, len(self._doomed))):
            name = self._doomed[0]
            (self.folder / name).unlink(missing_ok=True)
            self._doomed.popleft()
            self._temps.pop(name, None)
            self._born.pop(name.removeprefix(TEMP), None)

    def _left(self, snapshot: Snapshot, now: Moment) -> float:
        return self._bounds.left(snapshot, now, self._born.get(snapshot.name.removeprefix(TEMP)))
