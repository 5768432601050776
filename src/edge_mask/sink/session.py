"""One connection to the broker that acknowledges a message only when it is stored.

The session at the broker outlives it: what is not acknowledged comes again, to the next connection.
"""

import logging
import ssl
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Final

import paho.mqtt.client as mqtt
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from edge_mask.deliver.doorbell import Doorbell
from edge_mask.deliver.paho_client import Client, Endpoint, new_client, tell
from edge_mask.deliver.paho_session import PahoSession
from edge_mask.deliver.transport import Listener
from edge_mask.errors import Refused
from edge_mask.runtime.clock import Clock
from edge_mask.sink.inbox import Arrival
from edge_mask.sink.rows import Incoming

log = logging.getLogger(__name__)

_SEND_NO_RETAINED: Final = 2


class ReadingClient(Client):
    """Reads what a broker that was killed has sent before: it has told the publishers that it had their messages.

    A write that fails is no end yet, as it is for paho, which would close the socket over what is unread. Reading says
    when there is no more.
    """

    def _sock_send(self, buf: bytes | bytearray) -> int:
        try:
            return super()._sock_send(buf)
        except (BrokenPipeError, ConnectionResetError):
            return len(buf)


class StoringSession(PahoSession):
    """As the daemon's, but a message waits for `acknowledge`."""

    def __init__(
        self,
        endpoint: Endpoint,
        context: ssl.SSLContext | None,
        bell: Doorbell,
        clock: Clock,
        stored: Sequence[str],
        on_arrival: Callable[[Arrival, bool], None],
        on_subscribed: Callable[[], None],
    ) -> None:
        """`on_arrival(arrival, is_retained)` gets what comes on the filters `stored`; `on_subscribed` is called once
        the broker has granted them all: both in the connection's thread."""
        self._stored = stored
        self._on_arrival = on_arrival
        self._on_subscribed = on_subscribed
        self._acknowledged: deque[int] = deque()
        self._ungranted = set(stored)
        self._refused_filter = ""
        self.has_ended = False
        """Nothing is acknowledged any more."""
        super().__init__(endpoint, context, None, bell, log.warning, clock)

    def _new_client(self) -> Client:
        client = new_client(self._endpoint, self._context, None, kind=ReadingClient, manual_ack=True)
        client.on_connect = self._when_answered
        client.on_disconnect = self._when_lost
        client.on_publish = self._when_acknowledged
        client.on_subscribe = self._when_subscribed
        client.on_log = self._when_logged
        client.on_message = self._when_arrived
        return client

    def acknowledge(self, packets: list[int]) -> None:
        """See inbox.Acknowledging."""
        if not self.has_ended:
            self._acknowledged.extend(packets)
            self._bell.ring()

    def subscribe(self, topic_filter: str, listener: Listener) -> None:
        """Those that are stored at QoS 1 for `on_arrival`; others at QoS 0 for their listener."""
        if topic_filter in self._subscribed.values():
            return
        is_stored = topic_filter in self._stored
        if not is_stored:
            self._client.message_callback_add(topic_filter, lambda _c, _d, got: self._tell(listener, got))
        options = SubscribeOptions(
            qos=int(is_stored), retainAsPublished=True, retainHandling=_SEND_NO_RETAINED if is_stored else 0
        )
        _, packet = self._client.subscribe(topic_filter, options=options)
        self._subscribed[packet] = topic_filter

    def turn(self, timeout: float) -> None:
        self._send_acknowledgements()
        super().turn(timeout)
        if self._refused_filter:
            raise Refused(self._refused_filter)

    def end(self, reason: str, *, politely: bool) -> None:
        self.has_ended = True
        if politely and self._client.is_connected():
            self._send_acknowledgements()
            self._client.loop_write()
        super().end(reason, politely=politely)

    def _send_acknowledgements(self) -> None:
        while self._acknowledged:
            self._client.ack(self._acknowledged.popleft(), 1)

    def _when_arrived(self, _client: Any, _data: Any, got: mqtt.MQTTMessage) -> None:
        try:
            topic = got.topic
        except UnicodeDecodeError:  # brokers let none through
            topic = ascii(got._topic)  # noqa: SLF001 (the only place where its bytes are)
        incoming = Incoming(topic, bytes(got.payload), self._clock.now().wall)
        self._on_arrival(Arrival(incoming, got.mid if got.qos else None, self), got.retain)

    def _tell(self, listener: Listener, got: mqtt.MQTTMessage) -> None:
        """paho calls nobody else for it, and at QoS 1 it is one that is stored."""
        if got.qos:
            self._when_arrived(None, None, got)
        tell(listener, got)

    def _when_subscribed(self, client: Any, data: Any, mid: int, codes: list[ReasonCode], got: Any) -> None:
        wanted = self._subscribed.get(mid, "")
        if wanted not in self._stored:
            super()._when_subscribed(client, data, mid, codes, got)
        elif any(code.is_failure for code in codes):
            self._refused_filter = f"the broker refused the subscription to {wanted}: {codes[0]}"
        else:
            self._ungranted.discard(wanted)
            if not self._ungranted:
                self._on_subscribed()
