"""A GPIO line as an output."""

import logging
from typing import Any

from edge_mask.errors import TryLater
from edge_mask.gpio_chip import Line, library

log = logging.getLogger(__name__)


class Gpio:
    """One line of one chip, held from the first use to `close`; the kernel frees it when the process ends."""

    def __init__(self, chip: str, line: int | str, *, active_low: bool = False) -> None:
        """`chip` is a number, a name such as `gpiochip0`, or a path; `line` an offset or the name of a line."""
        self._gpiod = library("an output")
        from gpiod.line import Direction, Value

        self._values = (Value.INACTIVE, Value.ACTIVE)
        self._output = Direction.OUTPUT
        self._line = Line(self._gpiod, chip, line)
        self._active_low = active_low
        self._request: Any = None

    def look(self) -> str:
        return self._line.look()

    def open(self) -> None:
        if self._request is None:
            self._request = self._taken()
        else:
            self.set(on=False)

    def set(self, *, on: bool) -> None:
        if self._request is None:
            self._request = self._taken()
        try:
            self._request.set_value(self._line.line, self._values[on])
        except OSError as error:
            self._release()
            raise TryLater(f"{self._line}: cannot be set ({error.strerror})") from error

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
        return self._line.taken(
            self._gpiod.LineSettings(direction=self._output, active_low=self._active_low, output_value=off)
        )

    def _release(self) -> None:
        request, self._request = self._request, None
        if request is not None:
            request.release()
