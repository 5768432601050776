"""One log line when something goes, one when it is back, one report for each outage."""

import logging
from collections.abc import Callable

from edge_mask.messages import Fault
from edge_mask.runtime.clock import Clock


class Outage:
    """The state of one part that can go away, and the two lines that its going and coming are worth."""

    def __init__(self, component: str, log: logging.Logger, report: Callable[[Fault], None], clock: Clock) -> None:
        self._component = component
        self._log = log
        self.report = report
        """Where its faults go."""
        self._clock = clock
        self._since: float | None = None

    @property
    def is_open(self) -> bool:
        return self._since is not None

    def begin(self, code: str, reason: str) -> bool:
        """The part is gone: says so the first time (True), only at debug level until `end`."""
        now = self._clock.now()
        if self._since is not None:
            self._log.debug("%s: still away: %s", self._component, reason)
            return False
        self._since = now.mono
        self._log.warning("%s: %s", self._component, reason, extra={"code": code})
        self.report(Fault(at=now, component=self._component, code=code, text=reason))
        return True

    def end(self) -> bool:
        """The part is back: says so once (True), does nothing when it never was away."""
        if self._since is None:
            return False
        lasted = self._clock.now().mono - self._since
        self._since = None
        self._log.info("%s: back after %.1f s", self._component, lasted)
        return True
