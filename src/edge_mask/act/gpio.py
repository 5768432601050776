"""A GPIO line through libgpiod's Python package (version 2)."""

import logging
from pathlib import Path
from typing import Any

from edge_mask.errors import Refused, TryLater

log = logging.getLogger(__name__)

_CONSUMER = "edge-mask"
"""Our name as the consumer of a line in `gpioinfo`."""


class Gpio:
    """One line of one chip, held from the first use to `close`; the kernel frees it when the process ends."""

    def __init__(self, chip: str, line: int | str, *, active_low: bool = False) -> None:
        """`chip` is a number, a name such as `gpiochip0`, or a path; `line` an offset or the name of a line."""
        try:
            import gpiod
        except ModuleNotFoundError as error:
            raise Refused("an output of kind gpio needs a package: pip install 'edge-mask[gpio]'") from error
        if not hasattr(gpiod, "LineSettings"):
            raise Refused("an output of kind gpio needs gpiod 2 or newer: pip install 'edge-mask[gpio]'")
        from gpiod.line import Direction, Value

        self._gpiod: Any = gpiod
        self._values = (Value.INACTIVE, Value.ACTIVE)
        self._output = Direction.OUTPUT
        self._chip = _path_of(chip)
        self._line = line
        self._active_low = active_low
        self._request: Any = None

    def look(self) -> str:
        with self._opened() as chip:
            try:
                info = chip.get_line_info(self._line)
            except (FileNotFoundError, ValueError) as error:
                raise self._no_such_line() from error
            except OSError as error:
                raise TryLater(f"{self._chip} line {self._line}: cannot be asked ({error.strerror})") from error
        if info.used and info.consumer != _CONSUMER:
            raise TryLater(f'{self._chip} line {self._line}: is held by "{info.consumer}"')
        return f"{self._chip} line {self._line}"

    def open(self) -> None:
        if self._request is None:
            self._request = self._taken()
        else:
            self.set(on=False)

    def set(self, *, on: bool) -> None:
        if self._request is None:
            self._request = self._taken()
        try:
            self._request.set_value(self._line, self._values[on])
        except OSError as error:
            self._release()
            raise TryLater(f"{self._chip} line {self._line}: cannot be set ({error.strerror})") from error

    def close(self) -> None:
        if self._request is None:
            return
        try:
            self.set(on=False)
        except TryLater as error:
            log.warning("%s", error)
        self._release()

    def _taken(self) -> Any:
        """Ask the kernel for the line: an output, off from the first moment."""
        off, _on = self._values
        settings = self._gpiod.LineSettings(direction=self._output, active_low=self._active_low, output_value=off)
        with self._opened() as chip:
            try:
                return chip.request_lines(config={self._line: settings}, consumer=_CONSUMER)
            except (FileNotFoundError, ValueError) as error:
                raise self._no_such_line() from error
            except OSError as error:  # EBUSY above all
                raise TryLater(f"{self._chip} line {self._line}: cannot be taken ({error.strerror})") from error

    def _no_such_line(self) -> Refused:
        return Refused(f"{self._chip} has no line {self._line}; `gpioinfo` shows the lines")

    def _opened(self) -> Any:
        try:
            return self._gpiod.Chip(self._chip)
        except FileNotFoundError as error:
            raise TryLater(f"{self._chip}: is not there; `gpiodetect` shows the chips") from error
        except PermissionError as error:
            raise TryLater(f"{self._chip}: may not be opened; add the daemon's user to the group gpio") from error
        except OSError as error:
            raise TryLater(f"{self._chip}: cannot be opened ({error.strerror})") from error

    def _release(self) -> None:
        request, self._request = self._request, None
        if request is not None:
            request.release()


def _path_of(chip: str) -> str:
    if chip.isdigit():
        return f"/dev/gpiochip{chip}"
    return chip if "/" in chip else str(Path("/dev") / chip)
