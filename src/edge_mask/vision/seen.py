"""What has been looked at so far, for whoever asks from another thread."""

import statistics
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from edge_mask.messages import Shot
from edge_mask.units import Moment, Seconds

_RECENT = 100
"""Visits of which the median time to the verdict is told."""


@dataclass(frozen=True, slots=True)
class Looks:
    """How often one camera was looked at, and when first and last."""

    count: int
    first: Moment
    last: Moment


@dataclass(slots=True)
class Seen:
    """What has been looked at so far, for whoever asks from another thread."""

    frames: int = 0
    by_camera: dict[str, Looks] = field(default_factory=dict)
    """The same for each camera that was looked at."""
    inference_ms: float = 0.0
    """The model's time for the last frame."""
    newest: dict[str, Shot] = field(default_factory=dict)
    """The last look of each camera, for a rule that wants a picture."""
    times_to_verdict: deque[int] = field(default_factory=lambda: deque(maxlen=_RECENT))
    """Milliseconds, of the last visits."""
    on_look: Callable[[str, Seconds, float], None] = lambda _camera, _at, _inference_ms: None
    """Who else is told of each look, in the lane's thread; returns at once."""

    @property
    def time_to_verdict(self) -> int | None:
        """Their median, None before the first one."""
        recent = tuple(self.times_to_verdict)
        return round(statistics.median(recent)) if recent else None

    def note(self, camera: str, at: Moment, inference_ms: float = 0.0) -> None:
        """One more look."""
        self.inference_ms = inference_ms
        self.on_look(camera, at.mono, inference_ms)
        before = self.by_camera.get(camera)
        self.frames += 1
        self.by_camera[camera] = Looks(1, at, at) if before is None else Looks(before.count + 1, before.first, at)
