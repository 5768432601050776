"""Where the good readings of one series wait for whoever decides with them."""

import threading
from collections import deque

from edge_mask.messages import Reading
from edge_mask.units import Seconds

_MOST = 512
"""A camera that is away for long finds the newest ones."""


class Tap:
    """Filled by the sensor's thread, emptied by the lane whose turn it is. Each reading is given out once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._readings: deque[Reading] = deque(maxlen=_MOST)

    def fill(self, reading: Reading) -> None:
        """The newest one."""
        with self._lock:
            self._readings.append(reading)

    def empty(self) -> None:
        """Nothing that waits is believed any more."""
        with self._lock:
            self._readings.clear()

    def take(self, until: Seconds) -> list[Reading]:
        """Those taken up to this moment; later ones stay for the next look."""
        with self._lock:
            taken = [each for each in self._readings if each.at.mono <= until]
            if taken:
                later = [each for each in self._readings if each.at.mono > until]
                self._readings.clear()
                self._readings.extend(later)
            return taken
