"""For a part that can fail and recover: one report per outage, and growing delays between attempts."""

import logging
import random
from collections.abc import Callable

from edge_mask.messages import Fault
from edge_mask.runtime.clock import Clock
from edge_mask.units import Seconds


class Outage:
    """Whether one part is away; logs one line when it goes, one when it is back, and reports the outage once."""

    def __init__(
        self,
        component: str,
        log: logging.Logger,
        report: Callable[[Fault], None],
        clock: Clock,
        *,
        what: str = "",
        settles: Seconds = Seconds(0.0),
    ) -> None:
        """`what` of the component is back, where it has several outages. One that comes back for less than `settles`
        was not back: whoever sets that calls `settle` now and then."""
        self._component = component
        self._what = f"{what} is " if what else ""
        self._settles = settles
        self._fine_since: float | None = None
        self._log = log
        self.report = report
        """Where its faults go."""
        self._clock = clock
        self._since: float | None = None

    @property
    def is_open(self) -> bool:
        return self._since is not None

    def begin(self, code: str, reason: str) -> bool:
        """The part is away: report it and return True the first time, then log at debug level until `end`."""
        now = self._clock.now()
        self._fine_since = None
        if self._since is not None:
            self._log.debug("%s: still away: %s", self._component, reason)
            return False
        self._since = now.mono
        self._log.warning("%s: %s", self._component, reason, extra={"code": code})
        self.report(Fault(at=now, component=self._component, code=code, text=reason))
        return True

    def end(self) -> bool:
        """The part is back: log it and return True; does nothing when it was not away, or has not settled yet."""
        if self._since is not None and self._fine_since is None:
            self._fine_since = self._clock.now().mono
        return self.settle()

    def settle(self) -> bool:
        """Whether a part that came back has been there for long enough now: it is logged."""
        if self._since is None or self._fine_since is None:
            return False
        if self._clock.now().mono - self._fine_since < self._settles:
            return False
        lasted = self._fine_since - self._since
        self._since = self._fine_since = None
        self._log.info("%s: %sback after %.1f s", self._component, self._what, lasted)
        return True


class Backoff:
    """Full-jitter exponential backoff (AWS Architecture Blog, "Exponential Backoff and Jitter", 2015).

    Only a lasting success resets the delay: a connection that is taken over a second after each CONNACK must not
    cause a storm of reconnects.
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
        """Seconds to wait now; the bound doubles with each call."""
        bound = min(self._cap, self._base * 2.0 ** min(self._failures, 30))
        self._failures += 1
        return Seconds(self._rng.uniform(0.0, bound))

    def succeeded(self, lasted: float) -> None:
        """The other side was there for `lasted` seconds; if long enough, the delay is reset."""
        if lasted >= self._settled_after:
            self._failures = 0
