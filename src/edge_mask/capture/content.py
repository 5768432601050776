"""What a picture's content says about its camera: black, or frozen. Cheap: a few thousand pixels are looked at."""

import zlib
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from edge_mask.messages import Image
from edge_mask.units import Seconds

_SAMPLES = 96
"""Points looked at along the shorter side; every second of them tells whether the picture is black."""


class Content(StrEnum):
    """Whether a picture can be judged."""

    FINE = "fine"
    PASSING = "passing"
    """Black for a moment, as a camera is when it starts: not to be judged, not worth a report."""
    BLACK = "camera_black"
    FROZEN = "camera_frozen"


@dataclass(frozen=True, slots=True)
class ContentPolicy:
    """When a picture is no picture. A lens cap still has noise; a compressed still scene repeats for some seconds."""

    black_below: int = 14
    """Of 255; black is a picture of which 99 % lie below."""
    black_reads: int = 3
    """A live camera is called black after so many in a row; a file at once."""
    frozen_reads: int = 10
    frozen_for: Seconds = Seconds(10.0)
    """Frozen means the same content over both so many reads and so long."""


class ContentWatch:
    """Follows the pictures of one camera; state in, pictures in, answers out."""

    def __init__(self, policy: ContentPolicy, *, is_live: bool) -> None:
        self._policy = policy
        self._is_live = is_live
        self._fingerprint: int | None = None
        self._black = 0
        self._same = 0
        self._since = Seconds(0.0)

    def judge(self, image: Image, at: Seconds) -> Content:
        """What to make of this picture, seen `at` on the monotonic clock. Only a live camera can be frozen."""
        sample = image[:: _step(image.shape[0]), :: _step(image.shape[1])]
        few = sample[::2, ::2]
        # Channel by channel: NumPy's maximum over the short last axis takes ten times as long.
        brightest = np.maximum(np.maximum(few[..., 0], few[..., 1]), few[..., 2])
        if np.count_nonzero(brightest >= self._policy.black_below) <= 0.01 * brightest.size:
            self._black += 1
            return Content.PASSING if self._is_live and self._black < self._policy.black_reads else Content.BLACK
        self._black = 0
        return Content.FROZEN if self._is_live and self._is_frozen(sample, at) else Content.FINE

    def _is_frozen(self, sample: Image, at: Seconds) -> bool:
        fingerprint = zlib.crc32(sample.tobytes())
        if fingerprint != self._fingerprint:
            self._fingerprint, self._same, self._since = fingerprint, 1, at
            return False
        self._same += 1
        return self._same >= self._policy.frozen_reads and at - self._since >= self._policy.frozen_for


def _step(side: int) -> int:
    return max(1, side // _SAMPLES)
