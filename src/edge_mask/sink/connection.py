"""The sink's connection to the broker: a durable session, whose messages go into the inbox.

Never a shared subscription: a broker gives what a dead sink had not acknowledged to nobody. Several sinks each get
everything, and the database keeps one of each.
"""

import logging
from dataclasses import replace
from typing import Final

from edge_mask.deliver.doorbell import Doorbell
from edge_mask.deliver.factory import tls_files
from edge_mask.deliver.paho import PahoTransport
from edge_mask.kinds import KINDS
from edge_mask.messages import Fault
from edge_mask.runtime.clock import Clock
from edge_mask.runtime.outage import Outage
from edge_mask.settings.sending import Mqtt
from edge_mask.settings.sink import Sink
from edge_mask.sink.inbox import Arrival, Inbox
from edge_mask.sink.session import StoringSession
from edge_mask.sink.tally import Tally
from edge_mask.units import Seconds

log = logging.getLogger(__name__)

SESSION_KEPT: Final = 30 * 86_400
"""Seconds for which the broker keeps messages for a sink that is away."""
LARGEST_PACKET: Final = 1_048_576
_SHORT: Final = 10.0
"""Seconds; two connections that end sooner, one after the other, were perhaps taken over."""
_UNDER_WAY: Final = 3
"""Batches that the broker may have under way: one is committed, one waits, one comes."""
_RETAINED: Final = frozenset(kind.name for kind in KINDS if kind.is_retained)


def receive_maximum(sink: Sink) -> int:
    """Unacknowledged messages that the broker may have under way."""
    return min(65_535, _UNDER_WAY * sink.batch)


class BrokerConnection(PahoTransport):
    """A transport whose arrivals wait for their commit. It also publishes and listens, for others in this process."""

    def __init__(self, mqtt: Mqtt, sink: Sink, inbox: Inbox, tally: Tally, clock: Clock) -> None:
        super().__init__(
            host=mqtt.host,
            port=mqtt.port,
            client_id=sink.client_id,
            tls=None if mqtt.tls is None else tls_files(mqtt.tls),
            username=mqtt.username,
            password=mqtt.read_password,
            keepalive=round(mqtt.keepalive),
            clean_start=False,
            on_state=self._when_it_changes,
            clock=clock,
        )
        self._endpoint = replace(
            self._endpoint,
            session_expiry=SESSION_KEPT,
            receive_maximum=receive_maximum(sink),
            packet_maximum=LARGEST_PACKET,
        )
        self._filters = sink.filters
        self._keeps_live = sink.live
        self._inbox = inbox
        self._tally = tally
        self._is_closing = False
        self._connected_at = 0.0
        self._short_ones = 0
        self._outage = Outage("broker", log, _to_nobody, clock)
        for each in self._filters:
            self.subscribe(each, lambda _message: None)

    def close(self, within: Seconds) -> None:
        self._is_closing = True
        super().close(within)

    def _new_session(self, bell: Doorbell) -> StoringSession:
        return StoringSession(
            self._endpoint, self._fresh_context(), bell, self._clock, self._filters, self._arrived, self._subscribed
        )

    def _arrived(self, arrival: Arrival, is_retained: bool) -> None:
        self._tally.received += 1
        is_state = is_retained or arrival.incoming.topic.rpartition("/")[2] in _RETAINED
        if is_state or (arrival.packet is None and not self._keeps_live):
            self._tally.left_out += 1
            if arrival.packet is not None:
                arrival.connection.acknowledge([arrival.packet])
        else:
            self._inbox.put(arrival)

    def _subscribed(self) -> None:
        self._tally.subscribed += 1
        log.info("sink: subscribed to %s as %s", ", ".join(self._filters), self._endpoint.client_id)

    def _when_it_changes(self, is_connected: bool, reason: str) -> None:
        now, was_connected = self._clock.now().mono, self._tally.is_connected
        self._tally.is_connected = is_connected
        if is_connected:
            self._connected_at = now
            self._outage.end()
        elif not self._is_closing:
            if was_connected:
                self._short_ones = self._short_ones + 1 if now - self._connected_at < _SHORT else 0
            twin = f" (does another client use the id {self._endpoint.client_id}? a second sink needs its own)"
            self._outage.begin("broker_away", reason + twin if self._short_ones > 1 else reason)


def _to_nobody(_fault: Fault) -> None:
    """The sink publishes no `errors`."""
