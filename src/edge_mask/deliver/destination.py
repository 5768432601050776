"""What differs between destinations: rate, number in flight, and the form of a message.

A new kind of destination is one more class here; the courier does not change.
"""

import threading
from abc import ABC, abstractmethod
from dataclasses import dataclass, field, replace
from typing import Final

from edge_mask.ledger.outbox import Pending
from edge_mask.messages import Message
from edge_mask.runtime.outage import Backoff
from edge_mask.units import Moment, Seconds, Unix
from edge_mask.wire.envelope import mark_late, restamp, timestamp

BROKER: Final = "mqtt"
"""Where messages for the broker wait; other destinations begin with `http:` or `notify:`."""
LATE_AFTER = Seconds(10.0)
"""A message that leaves later than this is marked as late."""
_LATE_HEADER = ["Edge-Mask-Late", "true"]


def _retries() -> Backoff:
    """The retry delays while the destination is connected."""
    return Backoff(base=0.5, cap=30.0, settled_after=0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination(ABC):
    """One destination, as its courier sees it. `boot` is the id of the current boot."""

    name: str
    boot: str
    window: int = 20
    """How many messages may be in flight."""
    drain_rate: float = 100.0
    """Messages a second."""
    backoff: Backoff = field(default_factory=_retries)
    wake: threading.Event = field(default_factory=threading.Event)
    """Set when there is work; couriers of one thread share it."""
    blames_hang_ups: bool = True
    """Whether a message is set aside when the connection keeps ending on it. Not for HTTP, where every failure ends the
    connection."""

    def prepared(self, pending: Pending, now: Moment) -> Message:
        """The outgoing message: with its restored time, and marked when it is late."""
        ts = timestamp(Unix(pending.wall)) if pending.restamped else None
        return self.dressed(pending.message, ts, is_late=self._is_late(pending, now))

    @abstractmethod
    def dressed(self, message: Message, ts: str | None, *, is_late: bool) -> Message:
        """`ts` is the restored time; None when the message has the right one already."""

    @abstractmethod
    def shown(self, message: Message) -> str:
        """The destination of a message in logs and reports."""

    def _is_late(self, pending: Pending, now: Moment) -> bool:
        if pending.boot == self.boot:
            return now.mono - pending.mono > LATE_AFTER
        return not pending.clock_was_set or now.wall - pending.wall > LATE_AFTER


@dataclass(frozen=True, slots=True, kw_only=True)
class Broker(Destination):
    """An MQTT broker: time and lateness stand inside the JSON."""

    def dressed(self, message: Message, ts: str | None, *, is_late: bool) -> Message:
        payload = message.payload if ts is None else restamp(message.payload, ts)
        if is_late:
            payload = mark_late(payload)
        return message if payload is message.payload else replace(message, payload=payload)

    def shown(self, message: Message) -> str:
        return f"{self.name} {message.topic}"


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpServer(Destination):
    """An HTTP origin: one message after the other, because HTTP/1.1 has one request in flight."""

    window: int = 1
    blames_hang_ups: bool = False

    def dressed(self, message: Message, ts: str | None, *, is_late: bool) -> Message:
        """The body must stay byte for byte as the rule made it, so a header marks lateness."""
        del ts
        if not is_late:
            return message
        headers = [*message.properties.get("headers", ()), _LATE_HEADER]
        return replace(message, properties={**message.properties, "headers": headers})

    def shown(self, message: Message) -> str:
        """A URL may hold secrets, so only the origin is shown."""
        del message
        return self.name


class TokenBucket:
    """A token bucket: allows `rate` events per second on average and up to a tenth of a second's worth at once."""

    def __init__(self, rate: float, now: float) -> None:
        self._rate = rate
        self._burst = max(1.0, rate / 10.0)
        self._tokens = self._burst
        self._at = now

    def allowed(self, now: float) -> int:
        """How many messages may go now."""
        self._tokens = min(self._burst, self._tokens + (now - self._at) * self._rate)
        self._at = now
        return int(self._tokens)

    def spend(self, count: int = 1) -> None:
        self._tokens -= count

    def wait(self) -> Seconds:
        """Seconds until the next message may go."""
        return Seconds(max(0.0, (1.0 - self._tokens) / self._rate))
