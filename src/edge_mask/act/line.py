"""The OutputLine protocol: one output, on or off. `line_for` lists the kinds."""

from pathlib import Path
from typing import Protocol

from edge_mask.errors import Refused


class OutputLine(Protocol):
    """An output. Every call may be repeated; every one may raise TryLater (a device that is away) or Refused."""

    def look(self) -> str:
        """Describe the line without claiming or switching it; the doctor calls this beside a running daemon."""
        ...

    def open(self) -> None:
        """Claim the line and switch it off."""
        ...

    def set(self, *, on: bool) -> None: ...

    def close(self) -> None:
        """Switch it off and release it. Never raises."""
        ...


def line_for(
    kind: str,
    *,
    path: str | None = None,
    chip: str | None = None,
    line: str | None = None,
    active_low: bool = False,
    sysfs: Path = Path("/sys"),
) -> OutputLine:
    """The driver of one output, nothing opened yet. Raises Refused when its library is missing."""
    if kind == "led" and path:
        from edge_mask.act.led import Led

        return Led(sysfs / "class/leds" / path, active_low=active_low)
    if kind == "gpio" and chip and line:
        from edge_mask.act.gpio import Gpio

        return Gpio(chip, int(line) if line.isdigit() else line, active_low=active_low)
    raise Refused(f"an output of kind {kind} cannot be made of this; allowed: led with path, gpio with chip and line")
