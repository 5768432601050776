"""One connection through paho-mqtt; only this file and paho_client know the library."""

import logging
import select
import ssl
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import LogLevel, MQTTErrorCode
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from edge_mask.deliver.doorbell import Doorbell
from edge_mask.deliver.packet import NO_LIMIT, BrokerLimits, filter_problem, problem, publish_size
from edge_mask.deliver.paho_client import (
    TLS_THERE,
    TLS_THERE_OR_NO_MQTT_5,
    UNSPECIFIED,
    Client,
    Endpoint,
    call,
    new_client,
    packed_length,
    properties_of,
    tell,
)
from edge_mask.deliver.transport import Listener, Sending
from edge_mask.errors import Refused, TryLater
from edge_mask.messages import Message, Outcome, Priority
from edge_mask.runtime.clock import Clock

log = logging.getLogger(__name__)

_NO_SUBSCRIBERS = 0x10  # a PUBACK that means success: the broker has thrown the message away
_QUOTA_EXCEEDED = 0x97  # a PUBACK that means "not now": AWS IoT throttles with it
_BUSY = {0x88, 0x89, 0x97, 0x9F}  # a CONNACK that means "not now": unavailable, busy, quota, rate
_RETAIN_NOT_SUPPORTED = 0x9A  # a CONNACK that refuses a retained will
_TURN_OF_KEEPALIVE = 0.2  # paho looks at its keepalive once per turn
_NOT_KEPT = "the broker keeps no retained messages: `status` is seen by those who listen at that moment only"


class PahoSession:
    """One connection. Its paho client is discarded with it: a kept one would resend messages by itself."""

    def __init__(
        self,
        endpoint: Endpoint,
        context: ssl.SSLContext | None,
        will: Message | None,
        bell: Doorbell,
        say_once: Callable[[str], None],
        clock: Clock,
    ) -> None:
        """`say_once` logs what should be logged once and not on each connection."""
        self._endpoint = endpoint
        self._context = context
        self._will = will
        self._bell = bell
        self._say_once = say_once
        self._clock = clock
        self._may_retain = True
        self._in_flight: dict[int, Sending] = {}
        self._subscribed: dict[int | None, str] = {}
        self._limits = BrokerLimits()
        self._accepted: ReasonCode | None = None
        self._lost = ""
        self._client = self._new_client()

    def _new_client(self) -> Client:
        will = self._will
        if will is not None and not self._may_retain:
            will = replace(will, retain=False)
        client = new_client(self._endpoint, self._context, will)
        client.on_connect = self._when_answered
        client.on_disconnect = self._when_lost
        client.on_publish = self._when_acknowledged
        client.on_subscribe = self._when_subscribed
        client.on_log = self._when_logged
        return client

    # ── what the link asks for ──────────────────────────────────────────────────────────────────────────

    def connect(self, should_stop: Callable[[], bool]) -> str:
        """TCP, TLS, CONNECT, CONNACK. Raises TryLater or Refused with a sentence."""
        try:
            return self._connect(should_stop)
        except Refused:
            if not self._is_refused_for_its_will:
                raise
        self._say_once(_NOT_KEPT)
        self.end("called again", politely=False)
        self._may_retain = False
        self._accepted, self._lost = None, ""
        self._client = self._new_client()
        return self._connect(should_stop)

    def _connect(self, should_stop: Callable[[], bool]) -> str:
        call(self._client, self._endpoint)
        deadline = self._clock.now().mono + self._endpoint.connect_timeout
        while self._accepted is None:
            left = deadline - self._clock.now().mono
            if left <= 0 or should_stop():
                raise TryLater(f"{self._endpoint} accepts connections but does not answer{self._hint()}")
            self.turn(left)
        if self._accepted.is_failure:
            raise self._ending()
        return f"connected to {self._endpoint}"

    def publish(self, sending: Sending) -> None:
        message = self._kept_or_not(sending.message)
        is_v5 = self._endpoint.version == "5"
        if why := problem(message, has_properties=is_v5):
            sending.end(Outcome.REFUSED, f"cannot be published: {why}")
            return
        properties = properties_of(PacketTypes.PUBLISH, message) if is_v5 else None
        if objection := self._limits.objection(message, publish_size(message, packed_length(properties))):
            sending.end(Outcome.REFUSED, objection)
            return
        info = self._client.publish(message.topic, message.payload, message.qos, message.retain, properties)
        if info.rc == MQTTErrorCode.MQTT_ERR_SUCCESS:
            self._in_flight[info.mid] = sending
        else:
            sending.end(Outcome.UNKNOWN, mqtt.error_string(info.rc))

    def subscribe(self, topic_filter: str, listener: Listener) -> None:
        if topic_filter in self._subscribed.values():
            return
        if why := filter_problem(topic_filter):
            log.warning("mqtt: cannot subscribe to %r: %s", topic_filter, why)
            self._subscribed[-len(self._subscribed) - 1] = topic_filter
            return
        self._client.message_callback_add(topic_filter, lambda _client, _data, got: tell(listener, got))
        try:
            _, mid = self._client.subscribe(topic_filter, qos=1)
        except ValueError as error:
            log.warning("mqtt: cannot subscribe to %s: %s", topic_filter, error)
            mid = None
        self._subscribed[mid if mid is not None else -len(self._subscribed) - 1] = topic_filter

    @property
    def limits(self) -> BrokerLimits:
        """What the broker has said that it takes."""
        return self._limits

    @property
    def has_room(self) -> bool:
        return len(self._in_flight) < self._limits.receive_maximum

    @property
    def oldest(self) -> Sending | None:
        return next(iter(self._in_flight.values()), None)

    def turn(self, timeout: float) -> None:
        """One round of poll, read, write and keepalive. Raises when the connection has ended."""
        sock = self._client.socket()
        if sock is None:
            raise self._ending()
        has_bytes = isinstance(sock, ssl.SSLSocket) and sock.pending() > 0
        poll = select.poll()
        poll.register(sock, select.POLLIN | (select.POLLOUT if self._client.want_write() else 0))
        poll.register(self._bell.ear, select.POLLIN)
        timeout = min(timeout, _TURN_OF_KEEPALIVE * self._endpoint.keepalive)
        ready = dict(poll.poll(0 if has_bytes else max(0.0, timeout) * 1000))
        if self._bell.ear.fileno() in ready:
            self._bell.quiet()
        try:
            if has_bytes or ready.get(sock.fileno(), 0) & ~select.POLLOUT:
                self._client.loop_read()
            if self._client.want_write():
                self._client.loop_write()
            self._client.loop_misc()
        except Exception as error:  # paho raises many types on bytes that are not MQTT: the broker's fault, not ours
            log.debug("mqtt: %s sent something that is not MQTT", self._endpoint, exc_info=True)
            what = f"{type(error).__name__}: {error}"
            raise TryLater(f"{self._endpoint} sent something that is not MQTT ({what})") from error
        if self._client.socket() is None:
            raise self._ending()

    def end(self, reason: str, *, politely: bool) -> None:
        if politely and self._client.is_connected():
            self._client.disconnect()
            self._client.loop_write()
        if (sock := self._client.socket()) is not None:
            sock.close()
        for sending in self._in_flight.values():
            sending.end(Outcome.UNKNOWN, reason)
        self._in_flight.clear()

    # ── what paho tells (in the link's thread, from inside turn) ────────────────────────────────────────

    def _when_answered(self, _client: Any, _data: Any, _flags: Any, code: ReasonCode, got: Properties | None) -> None:
        self._accepted = code
        if got is not None and not code.is_failure:
            self._limits = BrokerLimits(
                receive_maximum=getattr(got, "ReceiveMaximum", 65_535),
                packet_size=getattr(got, "MaximumPacketSize", NO_LIMIT),
                qos=getattr(got, "MaximumQoS", 2),
                retain=self._may_retain and bool(getattr(got, "RetainAvailable", 1)),
            )

    def _when_lost(self, _client: Any, _data: Any, flags: Any, code: ReasonCode, _got: Any) -> None:
        if flags.is_disconnect_packet_from_server or (not self._lost and code.value != UNSPECIFIED):
            self._lost = str(code)

    def _when_acknowledged(self, _client: Any, _data: Any, mid: int, code: ReasonCode, _got: Any) -> None:
        sending = self._in_flight.pop(mid, None)
        if sending is None:
            return
        if code.value == _NO_SUBSCRIBERS and self._must_be_heard(sending.message):
            sending.end_unheard(str(code))
        elif not code.is_failure:
            sending.end(Outcome.DELIVERED, str(code))
        elif code.value == _QUOTA_EXCEEDED:
            sending.end(Outcome.UNKNOWN, str(code), is_suspect=True)
        else:
            odd = self._client.odd_code
            why = str(code) if odd is None else f"reason code {odd}"
            sending.end(Outcome.REFUSED, f"the broker refused the message: {why}")

    def _when_subscribed(self, _client: Any, _data: Any, mid: int, codes: list[ReasonCode], _got: Any) -> None:
        for code in codes:
            if code.is_failure:
                log.warning("mqtt: the broker refused the subscription to %s: %s", self._subscribed.get(mid), code)

    def _when_logged(self, _client: Any, _data: Any, level: int, text: str) -> None:
        if level == LogLevel.MQTT_LOG_ERR:
            self._lost = text

    # ── a broker that keeps nothing ─────────────────────────────────────────────────────────────────────

    @property
    def _is_refused_for_its_will(self) -> bool:
        code = self._accepted
        asked = self._may_retain and self._will is not None and self._will.retain
        return asked and code is not None and code.value == _RETAIN_NOT_SUPPORTED

    def _kept_or_not(self, message: Message) -> Message:
        """Send a live message without retain; a stored one is refused (see limits)."""
        if self._limits.retain or not message.retain or message.priority is not Priority.LIVE:
            return message
        self._say_once(_NOT_KEPT)
        return replace(message, retain=False)

    def _must_be_heard(self, message: Message) -> bool:
        """A live message is for whoever listens now, a retained one for whoever comes."""
        return self._endpoint.needs_subscriber and message.priority is not Priority.LIVE and not message.retain

    # ── small parts ─────────────────────────────────────────────────────────────────────────────────────

    def _hint(self) -> str:
        """A hint why the broker never accepted."""
        if self._client.is_secure:
            return ""
        return TLS_THERE if self._endpoint.version != "5" else TLS_THERE_OR_NO_MQTT_5

    def _ending(self) -> TryLater | Refused:
        if self._accepted is not None and self._accepted.is_failure:
            sentence = f"{self._endpoint} refused the connection: {self._accepted}"
            return TryLater(sentence) if self._accepted.value in _BUSY else Refused(sentence)
        if self._accepted is None and "[SSL" in self._lost:  # TLS 1.3 rejects our certificate after the handshake
            return Refused(f"no TLS connection to {self._endpoint}: {self._lost}")
        hint = self._hint() if self._accepted is None else ""
        return TryLater(f"the connection to {self._endpoint} was lost: {self._lost or 'closed by the broker'}{hint}")
