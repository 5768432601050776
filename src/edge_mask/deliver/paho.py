"""MQTT through paho-mqtt: version 5 or 3.1.1, TLS, a password from a file."""

import logging
import ssl
from collections.abc import Callable
from concurrent.futures import Future

from edge_mask.deliver import tls
from edge_mask.deliver.doorbell import Doorbell
from edge_mask.deliver.link import Link
from edge_mask.deliver.packet import BrokerLimits
from edge_mask.deliver.paho_client import Endpoint, Version
from edge_mask.deliver.paho_session import PahoSession
from edge_mask.deliver.transport import Listener, OnState
from edge_mask.errors import Refused
from edge_mask.messages import Message, Receipt
from edge_mask.runtime.clock import Clock, SystemClock
from edge_mask.runtime.outage import Backoff
from edge_mask.units import Seconds

log = logging.getLogger(__name__)


class PahoTransport:
    """A Transport to an MQTT broker; see docs/mqtt.md for what each receipt means."""

    def __init__(
        self,
        *,
        host: str,
        port: int = 1883,
        client_id: str,
        version: Version = "5",
        tls: tls.TlsFiles | None = None,
        username: str | None = None,
        password: Callable[[], str | None] = lambda: None,
        keepalive: int = 30,
        clean_start: bool = True,
        most_bytes: int | None = None,
        will: Message | None = None,
        birth: Message | Callable[[], Message] | None = None,
        on_state: OnState = lambda _connected, _reason: None,
        ack_timeout: float = 20.0,
        connect_timeout: float = 5.0,
        needs_subscriber: bool = False,
        backoff: Backoff | None = None,
        refused_backoff: Backoff | None = None,
        clock: Clock | None = None,
    ) -> None:
        """Durations in seconds. `password` is called on each connect: its file may change (it may raise OSError).
        `will` is also published on a clean close, `birth` on each connect.

        `on_state(connected, reason)` is called in the connection's thread, for each failed attempt too; it must
        return at once. `refused_backoff` paces attempts that the broker answered with no (a wrong password).
        """
        self._endpoint = Endpoint(
            host=host,
            port=port,
            client_id=client_id,
            version=version,
            keepalive=keepalive,
            clean_start=clean_start,
            packet_maximum=most_bytes,
            username=username,
            password=password,
            connect_timeout=connect_timeout,
            needs_subscriber=needs_subscriber,
        )
        self._clock = clock or SystemClock()
        self._tls = tls
        self._context: ssl.SSLContext | None = None
        self._will = will
        self._said: set[str] = set()
        self._session: PahoSession | None = None
        self._link = Link(
            self._new_session,
            will=will,
            birth=(lambda: birth) if isinstance(birth, Message) else birth,
            ack_timeout=ack_timeout,
            backoff=backoff or Backoff(),
            refused_backoff=refused_backoff or Backoff(base=60.0, cap=60.0),
            on_state=on_state,
            clock=self._clock,
        )

    def open(self) -> None:
        """Start connecting; returns at once. Raises Refused for a certificate, key or will that cannot be used."""
        self._context = tls.context(self._tls) if self._tls is not None else None
        try:
            self._link.start()
        except ValueError as error:
            raise Refused(f"mqtt: no client can be made with these settings: {error}") from error

    @property
    def is_connected(self) -> bool:
        return self._link.is_connected

    @property
    def limits(self) -> BrokerLimits:
        """What the broker takes, as it said when it accepted the connection."""
        return BrokerLimits() if self._session is None else self._session.limits

    def send(self, message: Message) -> "Future[Receipt]":
        return self._link.send(message)

    def subscribe(self, topic_filter: str, listener: Listener) -> None:
        """Call `listener` in the connection's thread for each arrival; it must return at once."""
        self._link.subscribe(topic_filter, listener)

    def close(self, within: Seconds) -> None:
        self._link.stop(within)

    def _new_session(self, bell: Doorbell) -> "PahoSession":
        self._session = PahoSession(
            self._endpoint, self._fresh_context(), self._will, bell, self._say_once, self._clock
        )
        return self._session

    def _fresh_context(self) -> ssl.SSLContext | None:
        """New certificate files are taken at the next connection; as long as they cannot be used, those before."""
        if self._tls is not None:
            try:
                self._context = tls.context(self._tls)
            except Refused as error:
                self._say_once(f"the certificate files in use were replaced by some that cannot be used: {error}")
        return self._context

    def _say_once(self, sentence: str) -> None:
        if sentence not in self._said:
            self._said.add(sentence)
            log.warning("mqtt: %s", sentence)
