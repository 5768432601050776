"""Files that only the daemon's user may read, replaced as a whole."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path


def replace_private(path: Path, data: bytes) -> None:
    """On the disk when this returns; a kill or a power cut leaves the old or the new file. Raises OSError, which names
    the file: a full disk is found out by a write, and that knows no name."""
    with _named(path):
        _write_beside(path, data).replace(path)
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def keep_room(path: Path, data: bytes) -> Callable[[], None]:
    """Write `data` beside the file, so that `replace_private` will find room for it; what is returned takes it away
    again. Raises OSError."""
    with _named(path):
        beside = _write_beside(path, data)
    return lambda: beside.unlink(missing_ok=True)


@contextmanager
def _named(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.filename is not None or error.errno is None:
            raise
        raise OSError(error.errno, error.strerror, str(path)) from error


def _write_beside(path: Path, data: bytes) -> Path:
    """All of it, or no file is left."""
    fresh = path.with_name(f"{path.name}.new")
    fresh.unlink(missing_ok=True)
    try:
        _write(fresh, path, data)
    except OSError:
        fresh.unlink(missing_ok=True)
        raise
    return fresh


def _write(fresh: Path, path: Path, data: bytes) -> None:
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        give_to_owner_of_folder(descriptor, path)
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def give_to_owner_of_folder(descriptor: int, path: Path) -> None:
    """`sudo edge-mask users …` must not leave a file that the daemon's own user cannot read."""
    if os.geteuid() == 0:
        folder = path.parent.stat()
        os.fchown(descriptor, folder.st_uid, folder.st_gid)
