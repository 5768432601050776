"""Report by exception: which readings are sent, and which are only kept."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from edge_mask.messages import Quality, Reading


@dataclass(slots=True)
class Sending:
    """Remembers what was sent last of each series; the recorder's thread uses it."""

    which: Literal["all", "changes", "summaries"] = "all"
    dead_band: float | Mapping[str, float] | None = None
    """By how much a reading must differ, for all or by quantity; without it each change is sent."""
    _sent: dict[tuple[str, str], tuple[float, Quality]] = field(default_factory=dict)

    def wants(self, reading: Reading) -> bool:
        """Whether it is sent; asked once of each."""
        if self.which != "changes":
            return self.which == "all"
        key = (reading.sensor, reading.quantity)
        before = self._sent.get(key)
        if before is not None and before[1] is reading.quality and not self._differs(reading, before[0]):
            return False
        self._sent[key] = (reading.value, reading.quality)
        return True

    def _differs(self, reading: Reading, before: float) -> bool:
        """Also what is no number does."""
        band = self.dead_band
        if isinstance(band, Mapping):
            band = band.get(reading.quantity)
        return not abs(reading.value - before) <= (band or 0.0)
