"""When a guest's picture may be looked at without costing the lane a frame: in the time that its own looks leave.

lane:   [look]           [look]           [look]            it has room: between two looks, if the picture fits in there
guest:         [picture]         [picture]
lane:   [look][look][look][look][look][look][look]          it has none: one picture now and then, a small share
guest:        [picture]
"""

from typing import Final

_GENTLE: Final = 8
"""A mean follows its values so slowly."""
_MOST_USED: Final = 0.9
"""Of the time between two looks of the lane, both together."""
_SHARE: Final = 40
"""Without room: so many times as long as a picture took, none is looked at."""


class SpareTime:
    """Times on one clock, in seconds. The owner locks."""

    def __init__(self) -> None:
        self._began: float | None = None
        self._every: float | None = None
        self._takes = 0.0
        self._guest_takes: float | None = None
        self._guest_ended = float("-inf")

    def lane_looked(self, began: float, ended: float) -> None:
        """The lane's look, without its wait for the model."""
        if self._began is None:
            self._takes = ended - began
        else:
            since = began - self._began
            # A camera that was away is no proof of room.
            every = since if self._every is None else _mean(self._every, min(since, 4 * self._every))
            self._every, self._takes = every, _mean(self._takes, ended - began)
        self._began = began

    def guest_looked(self, began: float, ended: float) -> None:
        """A guest's look."""
        takes = ended - began
        self._guest_takes = takes if self._guest_takes is None else _mean(self._guest_takes, takes)
        self._guest_ended = ended

    @property
    def has_room(self) -> bool:
        """Whether a picture fits between two looks of the lane."""
        takes = self._takes if self._guest_takes is None else self._guest_takes
        return self._every is None or takes + self._takes <= _MOST_USED * self._every

    def until(self, now: float) -> float:
        """When the next picture of a guest may be looked at, if the lane does not come first; `now` at the soonest."""
        if self._began is None or self._every is None:
            return now
        takes = self._takes if self._guest_takes is None else self._guest_takes
        if not self.has_room:
            return max(now, self._guest_ended + _SHARE * takes)
        expected = self._began + self._every
        late = expected + self._every / 2
        return now if now + takes <= expected or now >= late else late


def _mean(mean: float, value: float) -> float:
    return mean + (value - mean) / _GENTLE
