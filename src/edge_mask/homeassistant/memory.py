"""What was announced, remembered on disk: a device that is renamed or switched off takes its entities away again."""

import json
import logging
import os
from dataclasses import dataclass, field
from pathlib import Path

from edge_mask.settings.base import read_whole

log = logging.getLogger(__name__)

Announced = dict[str, dict[str, str]]
"""Discovery topic → key and platform of each component that was ever announced there."""
_IDS = "ids"
"""No discovery topic: those have slashes."""


@dataclass(slots=True)
class Remembered:
    """What the file holds."""

    announced: Announced = field(default_factory=dict)
    ids: dict[str, str] = field(default_factory=dict)
    """Sensors known by their lines, in the order in which they first spoke: whole name, and that of the voice."""


class Memory:
    """One small file beside the database."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> Remembered:
        """Nothing when no file can be used: then old entities stay until somebody removes them."""
        try:
            found = json.loads(read_whole(self._path))
            known = {str(topic): {str(k): str(p) for k, p in parts.items()} for topic, parts in found.items()}
            return Remembered(ids=known.pop(_IDS, {}), announced=known)
        except FileNotFoundError:
            return Remembered()
        except (OSError, ValueError, AttributeError, RecursionError) as error:
            log.warning("homeassistant: %s cannot be used: %s", self._path, error)
            return Remembered()

    def write(self, what: Remembered) -> None:
        """Replace the file as a whole; without announcements there is none. What fails is logged."""
        content = {**what.announced, **({_IDS: what.ids} if what.ids else {})}
        fresh = self._path.with_name(f"{self._path.name}.new")
        try:
            if not what.announced:
                self._path.unlink(missing_ok=True)
                return
            with fresh.open("wb") as file:
                file.write(json.dumps(content, indent=1).encode())
                file.flush()
                os.fsync(file.fileno())
            fresh.replace(self._path)
        except OSError as error:
            log.warning("homeassistant: %s cannot be written: %s", self._path, error.strerror)
