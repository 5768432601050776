"""A file that does nothing but take up room: thrown overboard when the disk is full, so that what has been sent can be
deleted from the outbox, which is what makes room again."""

import logging
import os
import shutil
from pathlib import Path

log = logging.getLogger(__name__)

_SIZE = 4 * 2**20


class Ballast:
    """Lies beside the database. Nothing here raises."""

    def __init__(self, database: Path, size: int = _SIZE) -> None:
        self._path = Path(f"{database}.ballast")  # with_name would refuse a path such as /
        self._size = size

    def take(self) -> None:
        """Put it there, unless it is, or the disk is too full for it."""
        try:
            if self._path.exists() or shutil.disk_usage(self._path.parent).free < 4 * self._size:
                return
            with self._path.open("wb") as file:
                os.posix_fallocate(file.fileno(), 0, self._size)
        except OSError as error:
            log.debug("no ballast at %s: %s", self._path, error)
            self.drop()

    def drop(self) -> bool:
        """Throw it overboard; False when there was none."""
        try:
            self._path.unlink()
        except OSError:
            return False
        return True
