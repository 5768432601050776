"""One connection through paho-mqtt. The only file that knows the library."""

import logging
import select
import socket
import ssl
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Literal

import paho.mqtt.client as mqtt
from paho.mqtt import MQTTException
from paho.mqtt.enums import CallbackAPIVersion, LogLevel, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from edge_mask.deliver.doorbell import Doorbell
from edge_mask.deliver.limits import NO_LIMIT, Limits, publish_size
from edge_mask.deliver.link import Listener
from edge_mask.deliver.pending import Pending
from edge_mask.errors import Refused, TryLater
from edge_mask.messages import Class, Message, Outcome

log = logging.getLogger(__name__)

Version = Literal["5", "3.1.1"]

_PROPERTIES = {
    "content_type": "ContentType",
    "response_topic": "ResponseTopic",
    "correlation_data": "CorrelationData",
    "message_expiry_interval": "MessageExpiryInterval",
    "payload_format_indicator": "PayloadFormatIndicator",
    "user_properties": "UserProperty",
}
_UNSPECIFIED = 0x80
_QUOTA_EXCEEDED = 0x97  # a PUBACK that means "not now": AWS IoT throttles with it
_PUBACK_CODES = {0x00, 0x10, 0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99}  # what MQTT 5 has for a PUBACK, as paho knows
_BUSY = {0x88, 0x89, 0x97, 0x9F}  # a CONNACK that means "not now": unavailable, busy, quota, rate
_UNSENT = 4096  # bytes that the system may take from us before the network is ready for them
_RETAIN_NOT_SUPPORTED = 0x9A  # a CONNACK that refuses a will which is to be kept
_NOT_KEPT = "the broker keeps no retained messages: `status` is seen by those who listen at that moment only"
_A_DAY = 86_400  # seconds a broker keeps the session of a client that did not ask for a clean start


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """Where to connect, and as whom. Holds no secret: the password is asked for on each connect."""

    host: str
    port: int
    client_id: str
    version: Version
    keepalive: int
    clean_start: bool
    username: str | None
    password: Callable[[], str | None]
    connect_timeout: float

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


class _Client(mqtt.Client):
    """paho's client, for which a reason code that MQTT 5 does not have for a PUBACK is no end of the connection.

    It would be sent again, and end the next connection as well, for ever. From 128 on a code means no, whatever it is.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.odd_code: int | None = None
        """The code that was found in the PUBACK at hand."""

    def _handle_pubackcomp(self, cmd: Literal["PUBACK", "PUBCOMP"]) -> MQTTErrorCode:
        packet = self._in_packet["packet"]
        is_odd = cmd == "PUBACK" and len(packet) > 2 and packet[2] >= _UNSPECIFIED and packet[2] not in _PUBACK_CODES
        self.odd_code = packet[2] if is_odd else None
        if is_odd:
            self._in_packet["packet"] = bytearray([*packet[:2], _UNSPECIFIED, *packet[3:]])
        return super()._handle_pubackcomp(cmd)


class PahoSession:
    """One connection. Its paho client is thrown away with it, so that nothing is sent again behind our back."""

    def __init__(
        self,
        endpoint: Endpoint,
        context: ssl.SSLContext | None,
        will: Message | None,
        bell: Doorbell,
        say_once: Callable[[str], None],
    ) -> None:
        """`say_once` is for what a person should know once and not on each connection."""
        self._endpoint = endpoint
        self._context = context
        self._will = will
        self._bell = bell
        self._say_once = say_once
        self._may_retain = True
        self._in_flight: dict[int, Pending] = {}
        self._subscribed: dict[int | None, str] = {}
        self._limits = Limits()
        self._accepted: ReasonCode | None = None
        self._lost = ""
        self._client = self._new_client()

    def _new_client(self) -> _Client:
        will = self._will
        is_v5 = self._endpoint.version == "5"
        client = _Client(
            CallbackAPIVersion.VERSION2,
            client_id=self._endpoint.client_id,
            clean_session=None if is_v5 else self._endpoint.clean_start,
            protocol=MQTTProtocolVersion.MQTTv5 if is_v5 else MQTTProtocolVersion.MQTTv311,
            reconnect_on_failure=False,
        )
        client.connect_timeout = self._endpoint.connect_timeout
        client.suppress_exceptions = True
        client.max_inflight_messages = 0  # no bound of its own: the broker's is kept by has_room
        # Announcing a foreign event loop keeps paho from writing to the socket inside publish().
        client.on_socket_register_write = lambda _client, _data, _socket: None
        client.on_socket_open = lambda _client, _data, opened: _keep_short(opened)
        client.on_connect = self._when_answered
        client.on_disconnect = self._when_lost
        client.on_publish = self._when_acknowledged
        client.on_subscribe = self._when_subscribed
        client.on_log = self._when_logged
        if self._context is not None:
            client.tls_set_context(self._context)
        if will is not None:
            properties = _properties(PacketTypes.WILLMESSAGE, will) if is_v5 else None
            client.will_set(will.topic, will.payload, will.qos, will.retain and self._may_retain, properties)
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
        self._call()
        deadline = time.monotonic() + self._endpoint.connect_timeout
        while self._accepted is None:
            left = deadline - time.monotonic()
            if left <= 0 or should_stop():
                raise TryLater(f"{self._endpoint} accepts connections but does not answer{self._hint()}")
            self.turn(left)
        if self._accepted.is_failure:
            raise self._ending()
        return f"connected to {self._endpoint}"

    def publish(self, pending: Pending) -> None:
        message = self._kept_or_not(pending.message)
        try:
            properties = _properties(PacketTypes.PUBLISH, message) if self._endpoint.version == "5" else None
            size = publish_size(message, _packed_length(properties))
            if objection := self._limits.objection(message, size):
                pending.end(Outcome.REFUSED, objection)
                return
            info = self._client.publish(message.topic, message.payload, message.qos, message.retain, properties)
        except (ValueError, TypeError, MQTTException) as error:  # a topic or property that MQTT does not know
            pending.end(Outcome.REFUSED, f"{message.topic!r} cannot be published: {error}")
            return
        if info.rc == MQTTErrorCode.MQTT_ERR_SUCCESS:
            self._in_flight[info.mid] = pending
        else:
            pending.end(Outcome.UNKNOWN, mqtt.error_string(info.rc))

    def subscribe(self, topic_filter: str, listener: Listener) -> None:
        if topic_filter in self._subscribed.values():
            return
        self._client.message_callback_add(topic_filter, lambda _client, _data, got: _tell(listener, got))
        try:
            _, mid = self._client.subscribe(topic_filter, qos=1)
        except ValueError as error:
            log.warning("mqtt: cannot subscribe to %s: %s", topic_filter, error)
            mid = None
        self._subscribed[mid if mid is not None else -len(self._subscribed) - 1] = topic_filter

    @property
    def has_room(self) -> bool:
        return len(self._in_flight) < self._limits.receive_maximum

    @property
    def oldest(self) -> Pending | None:
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
        ready = dict(poll.poll(0 if has_bytes else max(0.0, timeout) * 1000))
        if self._bell.ear.fileno() in ready:
            self._bell.quiet()
        if has_bytes or ready.get(sock.fileno(), 0) & ~select.POLLOUT:
            self._client.loop_read()
        if self._client.want_write():
            self._client.loop_write()
        self._client.loop_misc()
        if self._client.socket() is None:
            raise self._ending()

    def end(self, reason: str, *, politely: bool) -> None:
        if politely and self._client.is_connected():
            self._client.disconnect()
            self._client.loop_write()
        if (sock := self._client.socket()) is not None:
            sock.close()
        for pending in self._in_flight.values():
            pending.end(Outcome.UNKNOWN, reason)
        self._in_flight.clear()

    # ── what paho tells (in the link's thread, from inside turn) ────────────────────────────────────────

    def _when_answered(self, _client: Any, _data: Any, _flags: Any, code: ReasonCode, got: Properties | None) -> None:
        self._accepted = code
        if got is not None and not code.is_failure:
            self._limits = Limits(
                receive_maximum=getattr(got, "ReceiveMaximum", 65_535),
                packet_size=getattr(got, "MaximumPacketSize", NO_LIMIT),
                qos=getattr(got, "MaximumQoS", 2),
                retain=self._may_retain and bool(getattr(got, "RetainAvailable", 1)),
            )

    def _when_lost(self, _client: Any, _data: Any, flags: Any, code: ReasonCode, _got: Any) -> None:
        if flags.is_disconnect_packet_from_server or (not self._lost and code.value != _UNSPECIFIED):
            self._lost = str(code)

    def _when_acknowledged(self, _client: Any, _data: Any, mid: int, code: ReasonCode, _got: Any) -> None:
        pending = self._in_flight.pop(mid, None)
        if pending is None:
            return
        if not code.is_failure:
            pending.end(Outcome.DELIVERED, str(code))
        elif code.value == _QUOTA_EXCEEDED:
            pending.end(Outcome.UNKNOWN, str(code))
        else:
            odd = self._client.odd_code
            why = str(code) if odd is None else f"reason code {odd}"
            pending.end(Outcome.REFUSED, f"the broker refused the message: {why}")

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
        """A live message is worth sending though nobody will find it later; a stored one is refused (limits)."""
        if self._limits.retain or not message.retain or message.klass is not Class.LIVE:
            return message
        self._say_once(_NOT_KEPT)
        return replace(message, retain=False)

    # ── small parts ─────────────────────────────────────────────────────────────────────────────────────

    def _call(self) -> None:
        """Name lookup, TCP, TLS handshake, and the CONNECT packet."""
        endpoint = self._endpoint
        is_clean = endpoint.clean_start
        self._client.username_pw_set(endpoint.username, _secret(endpoint.password))
        try:
            if endpoint.version == "5":
                asked = _properties(PacketTypes.CONNECT)
                asked.SessionExpiryInterval = 0 if is_clean else _A_DAY
                self._client.connect(
                    endpoint.host, endpoint.port, endpoint.keepalive, clean_start=is_clean, properties=asked
                )
            else:
                self._client.connect(endpoint.host, endpoint.port, endpoint.keepalive)
        except ssl.SSLEOFError as error:
            raise TryLater(f"{endpoint} hung up during the TLS handshake") from error
        except ssl.SSLError as error:
            why = getattr(error, "verify_message", "") or error
            raise Refused(f"no TLS connection to {endpoint}: {why}") from error
        except OSError as error:
            raise TryLater(f"{endpoint} cannot be reached: {error.strerror or error}") from error
        except ValueError as error:  # a host name that cannot be one
            raise Refused(f"{endpoint} is not an address: {error}") from error

    def _hint(self) -> str:
        return " (does it speak MQTT 5? otherwise set mqtt.protocol: 3.1.1)" if self._endpoint.version == "5" else ""

    def _ending(self) -> TryLater | Refused:
        if self._accepted is not None and self._accepted.is_failure:
            sentence = f"{self._endpoint} refused the connection: {self._accepted}"
            return TryLater(sentence) if self._accepted.value in _BUSY else Refused(sentence)
        if self._accepted is None and "[SSL" in self._lost:  # TLS 1.3 tells about our certificate after the handshake
            return Refused(f"no TLS connection to {self._endpoint}: {self._lost}")
        return TryLater(f"the connection to {self._endpoint} was lost: {self._lost or 'closed by the broker'}")


def _keep_short(opened: object) -> None:
    """Have the system say early that the network is slow: otherwise it takes megabytes that get old in its buffer,
    and what counts as sent to us leaves a minute later."""
    if isinstance(opened, socket.socket) and hasattr(socket, "TCP_NOTSENT_LOWAT"):
        with suppress(OSError):  # not a TCP socket, or an old kernel: it works as well without
            opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, _UNSENT)


def _secret(read: Callable[[], str | None]) -> str | None:
    try:
        return read()
    except (OSError, UnicodeDecodeError) as error:
        raise Refused(f"mqtt: the password cannot be read: {error}") from error


def _properties(packet: int, message: Message | None = None) -> Properties:
    """MQTT 5 properties in paho's form. Raises ValueError for a name that MQTT does not know."""
    made = Properties(packet)  # type: ignore[no-untyped-call]  # paho left it without annotations
    for name, value in message.properties.items() if message else ():
        if name not in _PROPERTIES:
            raise ValueError(f"unknown property {name!r}; there are {', '.join(_PROPERTIES)}")
        setattr(made, _PROPERTIES[name], list(value.items()) if isinstance(value, Mapping) else value)
    return made


def _packed_length(properties: Properties | None) -> int:
    return 0 if properties is None else len(properties.pack())  # type: ignore[no-untyped-call]  # as above


def _tell(listener: Listener, got: mqtt.MQTTMessage) -> None:
    """Call a listener with a message in our words; a listener that raises must not end the connection."""
    known = got.properties
    try:
        message = Message(
            topic=got.topic,
            payload=bytes(got.payload),
            klass=Class.LIVE,
            qos=1 if got.qos else 0,
            retain=got.retain,
            properties={ours: getattr(known, theirs) for ours, theirs in _PROPERTIES.items() if hasattr(known, theirs)},
        )
        listener(message)
    except Exception:  # a raise inside paho's callback would end its loop
        log.exception("mqtt: a listener failed on a message at %s", got.topic)
