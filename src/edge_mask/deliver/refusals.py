"""Refused messages by topic: one log line and one report at the begin, one log line at the end."""

import logging
from collections.abc import Callable

from edge_mask.messages import Fault, Message
from edge_mask.redact import legible
from edge_mask.runtime.clock import Clock
from edge_mask.runtime.outage import Outage

CODE = "message_refused"
_QUIET_FOR = 60.0
_FORGOTTEN_AFTER = 3600.0
_MOST = 64
_SHOWN = 120
"""Characters of a topic that are shown."""
_OTHERS = ""
"""Stands for the topics beyond the first few; no topic is empty."""


class Refusals:
    """An outage per topic. It ends when a message is delivered and none was refused for a minute: a broker that refuses
    every tenth message gets one report. Rules can make any number of topics: those beyond the first few share one
    outage."""

    def __init__(
        self,
        name: str,
        shown: Callable[[Message], str],
        log: logging.Logger,
        report: Callable[[Fault], None],
        clock: Clock,
    ) -> None:
        """`name` is the destination's; `shown` returns the readable target of a message."""
        self._name = name
        self._shown = shown
        self._log = log
        self._report = report
        self._clock = clock
        self._outages: dict[str, Outage] = {}
        self._refused_at: dict[str, float] = {}

    def refused(self, message: Message, reason: str) -> None:
        """A message was set aside."""
        now = self._clock.now().mono
        self._forget_old_ones(now)
        key = message.topic if message.topic in self._outages or len(self._outages) < _MOST else _OTHERS
        if key not in self._outages:
            # A refused report must not cause a report. With a renamed `errors` topic it causes one, and then no more.
            report = _to_nobody if message.topic.rsplit("/", 1)[-1] == "errors" else self._report
            component = f"{self._name} (other topics)" if key == _OTHERS else legible(self._shown(message)[:_SHOWN])
            self._outages[key] = Outage(component, self._log, report, self._clock)
        self._refused_at[key] = now
        self._outages[key].begin(CODE, f"a message was refused and set aside: {reason}")

    def delivered(self, message: Message) -> None:
        """A message was accepted."""
        key = message.topic if message.topic in self._outages else _OTHERS
        if key in self._outages and self._clock.now().mono - self._refused_at[key] >= _QUIET_FOR:
            self._refused_at.pop(key)
            self._outages.pop(key).end()

    def _forget_old_ones(self, now: float) -> None:
        for key in [key for key, at in self._refused_at.items() if now - at >= _FORGOTTEN_AFTER]:
            self._refused_at.pop(key)
            self._outages.pop(key)


def _to_nobody(_fault: Fault) -> None:
    """Discards the report about a refused report."""
