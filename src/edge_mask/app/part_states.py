"""How each camera and each sensor is: the fields `cameras` and `sensors` of a `health` message."""

from collections.abc import Callable, Mapping
from typing import Any

from edge_mask.capture.camera import Camera
from edge_mask.runtime.clock import Clock
from edge_mask.sense.series import State
from edge_mask.vision.shared import Looks, Seen


class PartStates:
    """Filled in while the house is built: `health` is built before the cameras."""

    def __init__(self, seen: Seen, clock: Clock) -> None:
        self._seen = seen
        self._clock = clock
        self._before: dict[str, Looks] = {}
        self._intervals: dict[str, float] = {}
        self.cameras: Mapping[str, Camera] = {}
        self.sensors: Callable[[], Mapping[str, State]] = dict
        self.besides: Callable[[], Mapping[str, Any]] = dict
        """What other parts have to say."""

    def __call__(self, seconds: float) -> dict[str, Any]:
        """`seconds`: since it was last asked. Without cameras there is no `cameras`, without sensors no `sensors`."""
        cameras = {
            name: {**self._pace(name, seconds, has_ended=camera.state == "ended"), "state": camera.state}
            for name, camera in self.cameras.items()
        }
        sensors = {name: {"state": state} for name, state in self.sensors().items()}
        parts = {name: part for name, part in (("cameras", cameras), ("sensors", sensors)) if part}
        return {**parts, **self.besides()}

    def _pace(self, camera: str, seconds: float, *, has_ended: bool) -> dict[str, float | None]:
        """Looks a second, and the mean time between two looks; a pause that is longer and not over counts as that."""
        looks, before = self._seen.by_camera.get(camera), self._before.get(camera)
        if looks is None:
            return {"fps": 0.0, "interval_s": None}
        self._before[camera] = looks
        fresh = looks.count - (0 if before is None else before.count)
        since, gaps = (looks.first, fresh - 1) if before is None else (before.last, fresh)
        if gaps:
            self._intervals[camera] = (looks.last.mono - since.mono) / gaps
        interval = self._intervals.get(camera)
        if interval is not None and not fresh and not has_ended:
            interval = max(interval, self._clock.now().mono - looks.last.mono)
        return {"fps": round(fresh / seconds, 2), "interval_s": None if interval is None else round(interval, 3)}
