"""A small JSON file beside the database: it holds what must be known after a crash, and is replaced as a whole."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from edge_mask.errors import TryLater
from edge_mask.settings.base import read_whole


class Kept:
    """One file. Nothing else writes it."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> dict[str, Any]:
        """What was kept; nothing when there is no file, or one that makes no sense: it then counts as lost."""
        try:
            found = json.loads(read_whole(self._path))
        except (OSError, ValueError, RecursionError):
            return {}
        return found if isinstance(found, dict) else {}

    def write(self, content: Mapping[str, Any]) -> None:
        """On the disk when this returns; a power cut leaves the old or the new one. Raises TryLater."""
        fresh = self._path.with_name(f"{self._path.name}.new")
        try:
            fresh.unlink(missing_ok=True)
            # Only the owner may read it: wishes may hold the addresses of cameras with their passwords.
            descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                json.dump(content, file)
                file.flush()
                os.fsync(file.fileno())
            fresh.replace(self._path)
            folder = os.open(self._path.parent, os.O_RDONLY | os.O_DIRECTORY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
        except OSError as error:
            raise TryLater(f"{self._path}: cannot be written: {error.strerror}") from error
