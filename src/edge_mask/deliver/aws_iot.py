"""AWS IoT Core through the AWS SDK: MQTT 5 with mutual TLS; see docs/aws-iot.md for what each receipt means."""

import logging
from collections.abc import Callable
from concurrent.futures import Future

from edge_mask.deliver.aws_iot_client import Endpoint, Reactor
from edge_mask.deliver.aws_iot_diagnosis import Diagnosis
from edge_mask.deliver.aws_iot_identity import Identity, Renewal
from edge_mask.deliver.aws_iot_session import AwsIotSession
from edge_mask.deliver.doorbell import Doorbell
from edge_mask.deliver.link import Link
from edge_mask.deliver.transport import Listener, OnState
from edge_mask.messages import Message, Receipt
from edge_mask.runtime.clock import Clock, SystemClock
from edge_mask.runtime.outage import Backoff
from edge_mask.units import Seconds

log = logging.getLogger(__name__)

_MOST_SAID = 64
"""Most sentences that are remembered as said: rules can make any number of topics."""


class AwsIotTransport:
    """A Transport to AWS IoT Core. The SDK reconnects and queues nothing by itself: each connection is a new client."""

    def __init__(
        self,
        *,
        host: str,
        port: int = 8883,
        client_id: str,
        identity: Identity,
        thing: str = "",
        username: str | None = None,
        password: Callable[[], str | None] = lambda: None,
        keepalive: int = 30,
        will: Message | None = None,
        birth: Message | Callable[[], Message] | None = None,
        on_state: OnState = lambda _connected, _reason: None,
        ack_timeout: float = 20.0,
        connect_timeout: float = 5.0,
        look_every: float = 5.0,
        backoff: Backoff | None = None,
        refused_backoff: Backoff | None = None,
        clock: Clock | None = None,
    ) -> None:
        """Durations in seconds; `connect_timeout` is for each step, `look_every` between two looks for new files.
        `thing` is what a Greengrass nucleus takes as its client id. The rest is as in the paho transport."""
        self._endpoint = Endpoint(
            host=host,
            port=port,
            client_id=client_id,
            keepalive=keepalive,
            ack_timeout=ack_timeout,
            connect_timeout=connect_timeout,
            username=username,
            password=password,
        )
        self._clock = clock or SystemClock()
        self._identity = identity
        self._diagnosis = Diagnosis(self._endpoint, identity, thing, self._clock)
        self._will = will
        self._look_every = look_every
        self._on_state = on_state
        self._said: set[str] = set()
        self._away_because = ""
        self._reactor: Reactor | None = None
        self._link = Link(
            self._new_session,
            will=will,
            birth=(lambda: birth) if isinstance(birth, Message) else birth,
            ack_timeout=ack_timeout,
            backoff=backoff or Backoff(),
            refused_backoff=refused_backoff or Backoff(base=60.0, cap=60.0),
            on_state=self._tell,
            clock=self._clock,
        )

    def open(self) -> None:
        """Start connecting; returns at once. Raises Refused for a certificate or key that cannot be used."""
        self._identity.check()
        self._link.start()

    @property
    def is_connected(self) -> bool:
        return self._link.is_connected

    def send(self, message: Message) -> "Future[Receipt]":
        return self._link.send(message)

    def subscribe(self, topic_filter: str, listener: Listener) -> None:
        """Call `listener` in the SDK's thread for each arrival; it must return at once."""
        self._link.subscribe(topic_filter, listener)

    def close(self, within: Seconds) -> None:
        deadline = self._clock.now().mono + within
        self._link.stop(within)
        if self._reactor is not None:
            self._reactor.end(deadline - self._clock.now().mono)

    def _new_session(self, bell: Doorbell) -> AwsIotSession:
        if self._reactor is None:
            self._reactor = Reactor()
        return AwsIotSession(
            self._endpoint,
            self._identity,
            self._diagnosis,
            Renewal(self._identity, self._clock, self._look_every, self._say_once),
            self._reactor.bootstrap,
            bell,
            self._clock,
            will=self._will,
            say_once=self._say_once,
            still_trying=lambda sentence: self._tell(False, sentence),
        )

    def _tell(self, is_connected: bool, reason: str) -> None:
        """An outage is reported once, with its first cause. Another one must be seen, too: the network is back, and
        now the certificate has expired."""
        if is_connected:
            self._away_because = ""
        elif not self._away_because:
            self._away_because = reason
        elif reason != self._away_because:
            self._say_once(f"still away, now because: {reason}")
        self._on_state(is_connected, reason)

    def _say_once(self, sentence: str) -> None:
        if sentence not in self._said and len(self._said) < _MOST_SAID:
            self._said.add(sentence)
            log.warning("mqtt: %s", sentence)
