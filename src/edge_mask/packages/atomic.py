"""Changes of a folder that a kill or a power cut leaves either undone or done, one process at a time."""

import ctypes
import errno
import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edge_mask.errors import Refused
from edge_mask.units import Seconds

_HERE = -100  # AT_FDCWD
_EXCHANGE = 2  # RENAME_EXCHANGE
_PATIENCE = Seconds(60.0)
_AGAIN = Seconds(0.1)


@contextmanager
def locked(folder: Path, patience: Seconds = _PATIENCE) -> Iterator[None]:
    """Hold the folder for this process; the system lets it go when the process ends. Raises Refused after a while."""
    end = time.monotonic() + patience
    while True:
        with try_locked(folder) as alone:
            if alone:
                yield
                return
        if time.monotonic() >= end:
            raise Refused(
                f"{folder}: another `edge-mask model` has been at work there for {patience:g} s; try again later"
            )
        time.sleep(_AGAIN)


@contextmanager
def try_locked(folder: Path) -> Iterator[bool]:
    """The same without waiting: False when another process holds the folder. Raises OSError when it is closed."""
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(opened)
        yield error.errno in (errno.ENOLCK, errno.ENOTSUP, errno.EBADF)  # a file system without locks: as good as alone
        return
    try:
        yield True
    finally:
        os.close(opened)


def exchange(fresh: Path, target: Path) -> None:
    """Put `fresh` in the place of `target`, and the other way round, in one step where the file system can."""
    try:
        rename = ctypes.CDLL(None, use_errno=True).renameat2
    except AttributeError:  # a C library of before 2018
        rename = None
    if rename is not None and not rename(_HERE, os.fsencode(fresh), _HERE, os.fsencode(target), _EXCHANGE):
        return
    aside = fresh.with_name(fresh.name + "-before")
    target.rename(aside)
    fresh.rename(target)


def flush(folder: Path, *, deep: bool = True) -> None:
    """Write the folder to the disk, with `deep` all that lies in it, before a rename makes it count."""
    for path in [*(folder.rglob("*") if deep else ()), folder]:
        opened = os.open(path, os.O_RDONLY)
        try:
            os.fsync(opened)
        finally:
            os.close(opened)
