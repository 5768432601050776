"""A LED, lamp or relay that the kernel knows under /sys/class/leds."""

import logging
import os
from contextlib import suppress
from pathlib import Path

from edge_mask.errors import TryLater

log = logging.getLogger(__name__)


class Led:
    """On means full brightness. The kernel trigger, which could make it blink, is removed."""

    def __init__(self, folder: Path, *, active_low: bool = False) -> None:
        self._folder = folder
        self._active_low = active_low

    def look(self) -> str:
        path = self._folder / "brightness"
        try:
            path.stat()
        except OSError as error:
            raise self._trouble(path, error) from error
        if not os.access(path, os.W_OK):
            raise self._trouble(path, PermissionError())
        return str(self._folder)

    def open(self) -> None:
        with suppress(TryLater):  # not every LED has one
            self._write("trigger", "none")
        self.set(on=False)

    def set(self, *, on: bool) -> None:
        self._write("brightness", str(self._brightest()) if on is not self._active_low else "0")

    def close(self) -> None:
        try:
            self.set(on=False)
        except TryLater as error:
            log.warning("%s", error)

    def _brightest(self) -> int:
        try:
            return int((self._folder / "max_brightness").read_text(encoding="ascii"))
        except (OSError, ValueError):
            return 1

    def _write(self, name: str, text: str) -> None:
        path = self._folder / name
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_TRUNC | os.O_CLOEXEC)  # never creates a file
            with os.fdopen(descriptor, "w", encoding="ascii") as file:
                file.write(text)
        except OSError as error:
            raise self._trouble(path, error) from error

    def _trouble(self, path: Path, error: OSError) -> TryLater:
        match error:
            case FileNotFoundError():
                return TryLater(f"{path}: is not there; `ls {self._folder.parent}` shows what there is")
            case PermissionError():
                return TryLater(f"{path}: may not be written; give the daemon's user the right to (docs/actions.md)")
        return TryLater(f"{path}: cannot be written ({error.strerror})")
