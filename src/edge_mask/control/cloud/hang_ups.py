"""When a policy does not allow what is said to shadows and jobs: it is refused, or the other side hangs up on it, which
would cost everything else its connection, too."""

import logging
from collections.abc import Callable
from typing import Final

from edge_mask.messages import Fault
from edge_mask.runtime.clock import Clock

log = logging.getLogger(__name__)

_MOST: Final = 3
"""Connections in a row that ended after something was said and before anything was heard."""
_MOST_TOPICS: Final = 100
_FIRST_PAUSE, _LONGEST_PAUSE = 10.0, 600.0


class HangUps:
    """After some of them nothing is said for a while, longer and longer."""

    def __init__(self) -> None:
        self._is_unanswered = False
        self._count = 0
        self.quiet_until = float("-inf")

    def connected(self) -> None:
        """A new connection, on which nothing was said yet."""
        self._is_unanswered = False

    def said(self) -> None:
        """Something was sent."""
        self._is_unanswered = True

    def heard(self) -> None:
        """Something came: they let us speak."""
        self._is_unanswered = False
        self._count = 0

    def lost(self, now: float) -> bool:
        """The connection has ended; True when it is better to be quiet now."""
        if not self._is_unanswered:
            return False
        self._is_unanswered = False
        self._count += 1
        if self._count < _MOST:
            return False
        self.quiet_until = now + min(_LONGEST_PAUSE, _FIRST_PAUSE * 2.0 ** min(self._count - _MOST, 10))
        return True


class Denials:
    """Topics on which nothing is taken from this device, each told once."""

    def __init__(self, report: Callable[[Fault], None], clock: Clock) -> None:
        self._report = report
        self._clock = clock
        self._topics: set[str] = set()

    def refused(self, topic: str, reason: str) -> None:
        """It is tried again with the next report, or the next connection."""
        if topic in self._topics or len(self._topics) >= _MOST_TOPICS:
            return
        self._topics.add(topic)
        text = f"{topic}: {reason}; `edge-mask aws policy` prints a policy that allows it"
        log.warning("cloud: %s", text)
        self._report(Fault(at=self._clock.now(), component="cloud", code="refused", text=text))
