"""How each camera and each sensor is: the fields `cameras` and `sensors` of a `health` message."""

from collections.abc import Mapping
from typing import Any

from edge_mask.capture.camera import Camera
from edge_mask.sense.meter import Meter
from edge_mask.units import Seconds
from edge_mask.vision.shared import Seen


class PartStates:
    """Filled in while the house is built: `health` is built before the cameras."""

    def __init__(self, seen: Seen, intervals: Mapping[str, Seconds]) -> None:
        """`intervals`: the configured time between two looks, by camera."""
        self._seen = seen
        self._intervals = intervals
        self._counted: dict[str, int] = {}
        self.cameras: Mapping[str, Camera] = {}
        self.meters: Mapping[str, Meter] = {}

    def __call__(self, seconds: float) -> dict[str, Any]:
        """`seconds`: since it was last asked. Without cameras there is no `cameras`, without sensors no `sensors`."""
        cameras = {
            name: {
                "fps": round(self._fresh_frames(name) / seconds, 2),
                "interval_s": self._intervals[name],
                "state": camera.state,
            }
            for name, camera in self.cameras.items()
        }
        sensors = {name: {"state": meter.state} for name, meter in self.meters.items()}
        return {name: part for name, part in (("cameras", cameras), ("sensors", sensors)) if part}

    def _fresh_frames(self, camera: str) -> int:
        counted = self._seen.by_camera.get(camera, 0)
        fresh, self._counted[camera] = counted - self._counted.get(camera, 0), counted
        return fresh
