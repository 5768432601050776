"""What this device can take over from others at this moment."""

from dataclasses import dataclass
from typing import Any, Final

PEER: Final = "peer"
SECOND_LOOK: Final = "second_look"


@dataclass(frozen=True, slots=True)
class Room:
    """Told to others on `room`."""

    free: int
    """Frames that it takes now."""
    ms: float | None
    """Milliseconds that a frame takes, smoothed; None before the first one."""
    model: str | None
    """Name and version; None without a model."""
    accepts: tuple[str, ...]
    """For what it takes them: `peer`, `second_look`."""

    def fields(self) -> dict[str, Any]:
        """As the message has them."""
        ms = None if self.ms is None else round(self.ms, 1)
        return {"free": self.free, "ms": ms, "model": self.model, "accepts": list(self.accepts)}
