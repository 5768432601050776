"""When something that was wrong is over for good: what comes back at once would be told again and again."""

from typing import Any, Final

from edge_mask.series.detector import Seen
from edge_mask.series.nouns import Reason

_AT_ONCE: Final = 1
_FIRST: Final[dict[Reason, int]] = {"out_of_range": 10}
"""Minutes in line that end it; a sensor in another unit is in range now and then."""
_AGAIN: Final = (30, 90, 270)
"""The same of one that came back soon after its end, for the first, the second and each later time."""
_SOON: Final = 6 * 3600.0


class Calm:
    """Of everything that is found in single minutes, how long it has been quiet."""

    def __init__(self) -> None:
        self._quiet: dict[Reason, int] = {}
        self._times: dict[Reason, int] = {}
        """How often it came back soon."""
        self._ended: dict[Reason, float] = {}

    def begun(self, reason: Reason, at: float) -> None:
        """It is told now."""
        soon = reason in self._ended and at - self._ended[reason] <= _SOON
        self._times[reason] = self._times.get(reason, 0) + 1 if soon else 0
        self._quiet[reason] = 0

    def lasts(self, reason: Reason) -> None:
        """This minute is wrong too."""
        self._quiet[reason] = 0

    def is_over(self, reason: Reason, seen: Seen) -> bool:
        """Nothing is wrong in this minute: whether that ends it. A minute without a reading tells nothing."""
        if seen.count == 0:
            return False
        self._quiet[reason] = self._quiet.get(reason, 0) + 1
        times = self._times.get(reason, 0)
        needed = _AGAIN[min(times, len(_AGAIN)) - 1] if times else _FIRST.get(reason, _AT_ONCE)
        if self._quiet[reason] < needed:
            return False
        self._ended[reason] = seen.end
        return True

    def dump(self) -> dict[str, Any]:
        """As plain JSON."""
        return {"quiet": self._quiet, "times": self._times, "ended": self._ended}

    def load(self, state: dict[str, Any]) -> None:
        """Go on from a `dump`."""
        self._quiet, self._times, self._ended = dict(state["quiet"]), dict(state["times"]), dict(state["ended"])
