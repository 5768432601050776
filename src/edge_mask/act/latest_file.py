"""The files of the last pictures, `latest-CAMERA.jpg`: found, and deleted. When one was taken is its time of change."""

import os
import re
import stat
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from edge_mask.errors import TryLater
from edge_mask.plural import counted
from edge_mask.units import Seconds, Unix

PART = ".part"
_NAME = re.compile(r"latest-[A-Za-z0-9][A-Za-z0-9_.-]{0,63}\.jpg")
_NEAR = Seconds(60.0)
"""A visitor may stand before the camera for so long before and after the verdict."""


def name_of(camera: str) -> str:
    """The name of a camera's file."""
    return f"latest-{camera}.jpg"


def erase_latest(folder: Path, before: float | None = None, near: float | None = None) -> int:
    """Delete those taken `before` then, or about `near` then (Unix seconds); how many went. Raises TryLater."""

    def goes(taken: Unix) -> bool:
        return (before is not None and taken < before) or (near is not None and abs(taken - near) <= _NEAR)

    return delete(folder, goes)


def size_of_all(folder: Path) -> int:
    """Bytes that they take. Raises OSError."""
    return sum(size for _, _, size in _files(folder))


def delete(folder: Path, goes: Callable[[Unix], bool]) -> int:
    """Delete those of which `goes` says so of their time, half-written ones too; how many went. Raises TryLater."""
    gone = 0
    try:
        for path, taken, _ in _files(folder):
            if goes(taken):
                with suppress(FileNotFoundError):
                    path.unlink()
                    gone += 1
    except OSError as error:
        deleted = counted(gone, "is gone", "are gone")
        raise TryLater(f"{folder}: pictures cannot be deleted: {error.strerror}; {deleted}") from error
    return gone


def _files(folder: Path) -> Iterator[tuple[Path, Unix, int]]:
    """Files of others are left alone."""
    try:
        entries = list(os.scandir(folder))
    except (FileNotFoundError, NotADirectoryError):
        return
    for entry in entries:
        name = entry.name.removeprefix(".").removesuffix(PART) if entry.name.startswith(".") else entry.name
        if _NAME.fullmatch(name):
            with suppress(FileNotFoundError):
                status = entry.stat(follow_symlinks=False)
                if stat.S_ISREG(status.st_mode):
                    yield Path(entry.path), Unix(status.st_mtime), status.st_size
