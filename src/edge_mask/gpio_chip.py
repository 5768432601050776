"""GPIO chips through libgpiod's Python package (version 2); only this file imports the library."""

from pathlib import Path
from typing import Any, Final

from edge_mask.errors import Refused, TryLater

CONSUMER: Final = "edge-mask"
"""Our name as the consumer of a line in `gpioinfo`."""


def library(what: str) -> Any:
    """The package. Raises Refused with a sentence; `what` needs it."""
    try:
        import gpiod
    except ModuleNotFoundError as error:
        raise Refused(f"{what} of kind gpio needs a package: pip install 'edge-mask[gpio]'") from error
    if not hasattr(gpiod, "LineSettings"):
        raise Refused(f"{what} of kind gpio needs gpiod 2 or newer: pip install 'edge-mask[gpio]'")
    return gpiod


class Line:
    """One line of one chip, by its offset or its name."""

    def __init__(self, gpiod: Any, chip: str, line: int | str) -> None:
        """`chip` is a number, a name such as `gpiochip0`, or a path."""
        self._gpiod = gpiod
        self._path = _path_of(chip)
        self.line = line

    def __str__(self) -> str:
        return f"{self._path} line {self.line}"

    def look(self) -> str:
        """Describe it without taking it. Raises TryLater or Refused."""
        with self._opened() as chip:
            try:
                info = chip.get_line_info(self.line)
            except (FileNotFoundError, ValueError) as error:
                raise self._no_such_line() from error
            except OSError as error:
                raise TryLater(f"{self}: cannot be asked ({error.strerror})") from error
        if info.used and info.consumer != CONSUMER:
            raise TryLater(f'{self}: is held by "{info.consumer}"')
        return str(self)

    def taken(self, settings: Any, **more: Any) -> Any:
        """Ask the kernel for the line. Raises TryLater or Refused."""
        with self._opened() as chip:
            try:
                return chip.request_lines(config={self.line: settings}, consumer=CONSUMER, **more)
            except (FileNotFoundError, ValueError) as error:
                raise self._no_such_line() from error
            except OSError as error:  # EBUSY above all
                raise TryLater(f"{self}: cannot be taken ({error.strerror})") from error

    def _no_such_line(self) -> Refused:
        return Refused(f"{self._path} has no line {self.line}; `gpioinfo` shows the lines")

    def _opened(self) -> Any:
        try:
            return self._gpiod.Chip(self._path)
        except FileNotFoundError as error:
            raise TryLater(f"{self._path}: is not there; `gpiodetect` shows the chips") from error
        except PermissionError as error:
            raise TryLater(f"{self._path}: may not be opened; add the daemon's user to the group gpio") from error
        except OSError as error:
            raise TryLater(f"{self._path}: cannot be opened ({error.strerror})") from error


def _path_of(chip: str) -> str:
    if chip.isdigit():
        return f"/dev/gpiochip{chip}"
    return chip if "/" in chip else str(Path("/dev") / chip)
