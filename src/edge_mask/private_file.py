"""Files that only the daemon's user may read, replaced as a whole."""

import os
from pathlib import Path


def replace_private(path: Path, data: bytes) -> None:
    """On the disk when this returns; a kill or a power cut leaves the old or the new file. Raises OSError, which names
    the file: a full disk is found out by a write, and that knows no name."""
    try:
        _replace(path, data)
    except OSError as error:
        if error.filename is not None or error.errno is None:
            raise
        raise OSError(error.errno, error.strerror, str(path)) from error


def _replace(path: Path, data: bytes) -> None:
    fresh = path.with_name(f"{path.name}.new")
    fresh.unlink(missing_ok=True)
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        give_to_owner_of_folder(descriptor, path)
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def give_to_owner_of_folder(descriptor: int, path: Path) -> None:
    """`sudo edge-mask users …` must not leave a file that the daemon's own user cannot read."""
    if os.geteuid() == 0:
        folder = path.parent.stat()
        os.fchown(descriptor, folder.st_uid, folder.st_gid)
