"""How long to wait before trying again: capped, with full jitter."""

import random

from edge_mask.units import Seconds


class Backoff:
    """Full-jitter exponential backoff (AWS Architecture Blog, "Exponential Backoff and Jitter", 2015).

    A success only counts when it lasted: a connection that is taken over a second after each CONNACK
    keeps the delays growing instead of reconnecting in a storm.
    """

    def __init__(
        self, base: float = 0.5, cap: float = 60.0, settled_after: float = 10.0, rng: random.Random | None = None
    ) -> None:
        self._base = base
        self._cap = cap
        self._settled_after = settled_after
        self._rng = rng or random.Random()
        self._failures = 0

    def next_delay(self) -> Seconds:
        """Seconds to wait now; the bound doubles each time it is asked."""
        bound = min(self._cap, self._base * 2.0 ** min(self._failures, 30))
        self._failures += 1
        return Seconds(self._rng.uniform(0.0, bound))

    def succeeded(self, lasted: float) -> None:
        """The other side was there for `lasted` seconds; long enough makes the next delay short again."""
        if lasted >= self._settled_after:
            self._failures = 0
