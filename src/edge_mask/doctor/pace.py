"""Whether the model is fast enough for the intervals of all live cameras."""

from collections.abc import Sequence

import numpy as np

from edge_mask.capture.factory import is_live
from edge_mask.detect.model import ModelDetector
from edge_mask.doctor.finding import Finding
from edge_mask.runtime.clock import Clock
from edge_mask.settings.cameras import Camera
from edge_mask.units import Seconds

_LOOKS = 3
_BUSY = 0.9
"""Part of the time that looks may take: the daemon has more to do than to look."""


def seconds_per_look(detector: ModelDetector, clock: Clock) -> Seconds:
    """The shortest of a few looks at an empty picture."""
    picture = np.full((480, 640, 3), 90, np.uint8)
    took = []
    for _ in range(_LOOKS):
        began = clock.now().mono
        detector.look(picture)
        took.append(clock.now().mono - began)
    return Seconds(min(took))


def pace(cameras: Sequence[Camera], look: Seconds) -> list[Finding]:
    """A warning when the cameras ask for more looks than the device makes."""
    intervals = [camera.interval for camera in cameras if camera.interval and is_live(camera.source)]
    wanted = sum(1.0 / interval for interval in intervals)
    if wanted * look <= _BUSY:
        return []
    text = (
        f"the cameras ask for {wanted:.3g} looks a second, and one look takes {look * 1000:.0f} ms here: the intervals"
        " will be longer, and each camera gets its turn; give longer intervals, or take cameras away"
    )
    return [Finding("pace", "warning", text)]
