"""Notices when the device is too slow for the intervals of its cameras: a log line when it begins, one when it is over.

Each camera has a slot of its own before vision (runtime/handoff.py), so that intervals stretch for all in turn.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass

from edge_mask.capture.camera import Camera
from edge_mask.units import Seconds
from edge_mask.vision.shared import Seen

log = logging.getLogger(__name__)

_BLOCK = Seconds(30.0)
_FEWEST = 5
"""Intervals that a block of time holds at least."""
_LOST = 0.2
"""Part of the frames handed on that may be replaced before they are looked at: a busy second is no slow device."""


@dataclass(slots=True)
class _Block:
    """What had been handed on and looked at when it began."""

    began: Seconds
    handed_on: int
    looked_at: int


class PaceWatch:
    """Compares what live cameras hand on with what is looked at; `check` is called every second or two."""

    def __init__(self, seen: Seen, cameras: Mapping[str, Camera], intervals: Mapping[str, Seconds]) -> None:
        """`intervals`: of the cameras to watch; without those that have none to keep, and files, which wait."""
        self._seen = seen
        self._cameras = cameras
        self._intervals = intervals
        self._blocks: dict[str, _Block] = {}
        self._slow: set[str] = set()

    def check(self, now: Seconds) -> None:
        """Judge each block of time that is over, and begin the next."""
        for name, interval in self._intervals.items():
            block, looks = self._blocks.get(name), self._seen.by_camera.get(name)
            if block is None or now - block.began >= max(_BLOCK, _FEWEST * interval):
                here = _Block(now, self._cameras[name].handed_on, 0 if looks is None else looks.count)
                self._blocks[name] = here
                if block is not None and here.handed_on > block.handed_on:
                    self._judge(name, interval, block, here)

    def _judge(self, name: str, interval: Seconds, before: _Block, after: _Block) -> None:
        handed_on = after.handed_on - before.handed_on
        looked_at = min(handed_on, after.looked_at - before.looked_at)
        reached = (after.began - before.began) / looked_at if looked_at else after.began - before.began
        # Those that come more often than usual, in a closer look, may be lost: the usual interval is kept all the same.
        is_slow = handed_on - looked_at > max(1.0, _LOST * handed_on) and reached > interval
        if is_slow and name not in self._slow:
            self._slow.add(name)
            log.warning(
                "camera %s: looked at each %s s, not each %g s: the device is too slow for all cameras, and each gets"
                " its turn; longer intervals or fewer cameras keep them",
                name, round(reached, 2), interval, extra={"code": "interval_not_kept"},
            )  # fmt: skip
        elif not is_slow and name in self._slow:
            self._slow.remove(name)
            log.info("camera %s: its interval of %g s is kept again", name, interval)
