"""A token bucket: at most so many sends a second, with a small burst."""

from edge_mask.units import Seconds


class Pace:
    """Allows `rate` events per second on average and up to a tenth of a second's worth at once."""

    def __init__(self, rate: float, now: float) -> None:
        self._rate = rate
        self._burst = max(1.0, rate / 10.0)
        self._tokens = self._burst
        self._at = now

    def allowed(self, now: float) -> int:
        """How many may go now."""
        self._tokens = min(self._burst, self._tokens + (now - self._at) * self._rate)
        self._at = now
        return int(self._tokens)

    def spend(self, count: int = 1) -> None:
        self._tokens -= count

    def wait(self) -> Seconds:
        """Seconds until the next one may go."""
        return Seconds(max(0.0, (1.0 - self._tokens) / self._rate))
