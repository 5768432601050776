"""What a destination refuses, topic by topic: one line and one report when it begins, one line when it is over."""

import logging
from collections.abc import Callable

from edge_mask.messages import Fault, Message
from edge_mask.runtime.clock import Clock
from edge_mask.runtime.outage import Outage

CODE = "message_refused"
_QUIET_FOR = 60.0
_MOST = 64


class Refusals:
    """An outage per topic. It is over when a message of that topic is delivered and none was refused for a minute:
    a broker that refuses every tenth message is worth one report and not one for each."""

    def __init__(
        self,
        component: Callable[[Message], str],
        log: logging.Logger,
        report: Callable[[Fault], None],
        clock: Clock,
    ) -> None:
        """`component` says how the topic of a message may be named to people."""
        self._component = component
        self._log = log
        self._report = report
        self._clock = clock
        self._outages: dict[str, Outage] = {}
        self._refused_at: dict[str, float] = {}

    def refused(self, message: Message, reason: str) -> None:
        """A message was set aside."""
        topic = message.topic
        if topic not in self._outages:
            self._forget_the_oldest()
            # Refused reports must not make reports. Where `errors` has another name it makes one, and is away by then.
            report = _to_nobody if topic.rsplit("/", 1)[-1] == "errors" else self._report
            self._outages[topic] = Outage(self._component(message), self._log, report, self._clock)
        self._refused_at[topic] = self._clock.now().mono
        self._outages[topic].begin(CODE, f"a message was refused and set aside: {reason}")

    def delivered(self, message: Message) -> None:
        """A message was taken."""
        topic = message.topic
        if topic in self._outages and self._clock.now().mono - self._refused_at[topic] >= _QUIET_FOR:
            self._refused_at.pop(topic)
            self._outages.pop(topic).end()

    def _forget_the_oldest(self) -> None:
        """Rules can make topics without end."""
        if len(self._outages) >= _MOST:
            oldest = min(self._refused_at, key=self._refused_at.__getitem__)
            self._refused_at.pop(oldest)
            self._outages.pop(oldest)


def _to_nobody(_fault: Fault) -> None:
    """Where a report about a refused report goes."""
