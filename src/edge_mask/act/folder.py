"""What lies in the folder of pictures, and what of it must go. Files of others are not even looked at.

temp-… after temp_ttl, all after keep; over the limit: temp-… first, then the oldest
"""

import os
import shutil
import stat
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from edge_mask.act.snapshot_name import Snapshot, parse
from edge_mask.units import Bytes, Moment, Seconds

PART = ".part"
"""A picture that is being written is `.NAME.part`."""
_UNFINISHED_AFTER = 600.0
"""Seconds after which a half-written file counts as abandoned."""


@dataclass(frozen=True, slots=True)
class Kept:
    """One of our files on disk."""

    snapshot: Snapshot
    size: int


@dataclass(frozen=True, slots=True)
class Bounds:
    """How long pictures stay, and how much room they may take."""

    keep: Seconds
    temp_ttl: Seconds
    max_bytes: Bytes
    max_share: float = 1.0
    """Of the file system."""

    def left(self, snapshot: Snapshot, now: Moment, born: Seconds | None) -> float:
        """Seconds until it must go. `born`: when this run wrote it, on the monotonic clock.

        A picture taken before the wall clock was set would look years old by its name afterwards. A doubtful age keeps
        a picture, except a `temp-` one.
        """
        age = now.wall - snapshot.taken if born is None else now.mono - born
        if snapshot.is_temp:
            return self.temp_ttl - abs(age)
        return self.keep - age if now.synced or born is not None else float("inf")

    def room(self, folder: Path) -> tuple[Bytes, str]:
        """What all may take on this file system, and the key that says so. Raises OSError."""
        if folder.is_dir():
            of_the_disk = int(shutil.disk_usage(folder).total * self.max_share)
            if of_the_disk < self.max_bytes:
                return Bytes(of_the_disk), f"snapshots.max_share ({self.max_share:g} of the file system)"
        return self.max_bytes, "snapshots.max_bytes"


def pictures_in(folder: Path) -> Iterator[Kept]:
    """Our regular files. Raises OSError."""
    for entry in _entries(folder):
        if (snapshot := parse(entry.name)) is not None:
            with suppress(FileNotFoundError):
                status = entry.stat(follow_symlinks=False)
                if stat.S_ISREG(status.st_mode):
                    yield Kept(snapshot, status.st_size)


def abandoned_in(folder: Path, now: Moment, after: Seconds) -> Iterator[Path]:
    """Half-written files that nobody writes any more. Raises OSError."""
    for entry in _entries(folder):
        if is_part(entry.name):
            with suppress(FileNotFoundError):
                if abs(now.wall - entry.stat(follow_symlinks=False).st_mtime) > min(after, _UNFINISHED_AFTER):
                    yield Path(entry.path)


def is_part(name: str) -> bool:
    """Whether it is a picture of ours that was not written to its end."""
    return name.startswith(".") and name.endswith(PART) and parse(name[1 : -len(PART)]) is not None


def over(pictures: Iterable[Kept], most: int) -> tuple[list[Kept], int]:
    """Which go so that the rest fits into `most` bytes, and how many bytes the rest has."""
    waiting = deque(sorted(pictures, key=lambda each: (not each.snapshot.is_temp, each.snapshot.taken)))
    total = sum(each.size for each in waiting)
    going = []
    while total > most:
        going.append(waiting.popleft())
        total -= going[-1].size
    return going, total


def _entries(folder: Path) -> list["os.DirEntry[str]"]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except FileNotFoundError:
        return []
