"""A small JSON file beside the database: it holds what must be known after a crash, and is replaced as a whole."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from edge_mask.errors import TryLater
from edge_mask.private_file import replace_private
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
        try:
            # Only the owner may read it: wishes may hold the addresses of cameras with their passwords.
            replace_private(self._path, json.dumps(content).encode())
        except OSError as error:
            raise TryLater(f"{self._path}: cannot be written: {error.strerror}") from error
