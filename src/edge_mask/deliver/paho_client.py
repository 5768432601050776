"""paho's client with our settings, its endpoint, and the conversion of our messages."""

import logging
import socket
import ssl
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Literal

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from edge_mask.deliver.packet import PROPERTIES
from edge_mask.deliver.transport import Listener
from edge_mask.errors import Refused, TryLater
from edge_mask.messages import Message, Priority

log = logging.getLogger(__name__)

Version = Literal["5", "3.1.1"]

UNSPECIFIED = 0x80
NO_TLS_THERE = " (does this port speak TLS? otherwise leave out mqtt.tls)"
TLS_THERE = " (does this port want TLS? then set mqtt.tls)"
TLS_THERE_OR_NO_MQTT_5 = TLS_THERE[:-1] + "; does it speak MQTT 5? otherwise set mqtt.protocol: 3.1.1)"
_PUBACK_CODES = {0x00, 0x10, 0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99}  # the PUBACK codes of MQTT 5, as paho knows them
_UNSENT = 4096  # bytes that the kernel may buffer unsent
_A_DAY = 86_400  # seconds a broker keeps the session of a client that did not ask for a clean start


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """Where to connect, and as whom. Holds no secret: the password is read on each connect."""

    host: str
    port: int
    client_id: str
    version: Version
    keepalive: int
    clean_start: bool
    username: str | None
    password: Callable[[], str | None]
    connect_timeout: float
    session_expiry: int = _A_DAY
    """Seconds that the broker keeps the session, where it is no clean start."""
    receive_maximum: int | None = None
    """Unacknowledged messages that the broker may have under way to us."""
    packet_maximum: int | None = None
    """Bytes of a packet from the broker; it drops what is larger."""
    needs_subscriber: bool = False
    """A stored message that nobody subscribes to is not delivered."""

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


class Client(mqtt.Client):
    """paho's client, which survives a PUBACK with a reason code that MQTT 5 does not define for it.

    Otherwise the message would be resent and end the next connection too, for ever. Codes from 128 mean failure.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.is_secure = False
        """Whether it speaks TLS."""
        self.odd_code: int | None = None
        """The code in the current PUBACK."""

    def _handle_pubackcomp(self, cmd: Literal["PUBACK", "PUBCOMP"]) -> MQTTErrorCode:
        packet = self._in_packet["packet"]
        is_odd = cmd == "PUBACK" and len(packet) > 2 and packet[2] >= UNSPECIFIED and packet[2] not in _PUBACK_CODES
        self.odd_code = packet[2] if is_odd else None
        if is_odd:
            self._in_packet["packet"] = bytearray([*packet[:2], UNSPECIFIED, *packet[3:]])
        return super()._handle_pubackcomp(cmd)


def new_client(
    endpoint: Endpoint,
    context: ssl.SSLContext | None,
    will: Message | None,
    *,
    kind: type[Client] = Client,
    manual_ack: bool = False,
) -> Client:
    """A client that is not connected yet; it never reconnects by itself. With `manual_ack` whoever gets a message
    acknowledges it."""
    is_v5 = endpoint.version == "5"
    client = kind(
        CallbackAPIVersion.VERSION2,
        client_id=endpoint.client_id,
        clean_session=None if is_v5 else endpoint.clean_start,
        protocol=MQTTProtocolVersion.MQTTv5 if is_v5 else MQTTProtocolVersion.MQTTv311,
        reconnect_on_failure=False,
        manual_ack=manual_ack,
    )
    client.connect_timeout = endpoint.connect_timeout
    client.suppress_exceptions = True
    client.max_inflight_messages = 0  # no limit of its own: the session keeps the broker's
    # Announcing a foreign event loop keeps paho from writing to the socket inside publish().
    client.on_socket_register_write = lambda _client, _data, _socket: None
    client.on_socket_open = lambda _client, _data, opened: _set_up_socket(opened)
    if context is not None:
        client.tls_set_context(context)
        client.is_secure = True
    if will is not None:
        properties = properties_of(PacketTypes.WILLMESSAGE, will) if is_v5 else None
        client.will_set(will.topic, will.payload, will.qos, will.retain, properties)
    return client


def call(client: Client, endpoint: Endpoint) -> None:
    """Name lookup, TCP, TLS handshake, and the CONNECT packet. Raises TryLater or Refused with a sentence."""
    is_clean = endpoint.clean_start
    client.username_pw_set(endpoint.username, _secret(endpoint.password))
    try:
        if endpoint.version == "5":
            asked = properties_of(PacketTypes.CONNECT)
            asked.SessionExpiryInterval = 0 if is_clean else endpoint.session_expiry
            if endpoint.receive_maximum is not None:
                asked.ReceiveMaximum = endpoint.receive_maximum
            if endpoint.packet_maximum is not None:
                asked.MaximumPacketSize = endpoint.packet_maximum
            client.connect(endpoint.host, endpoint.port, endpoint.keepalive, clean_start=is_clean, properties=asked)
        else:
            client.connect(endpoint.host, endpoint.port, endpoint.keepalive)
    except (ssl.SSLEOFError, ConnectionResetError) as error:
        if not client.is_secure:
            raise TryLater(f"{endpoint} cannot be reached: {error.strerror or error}") from error
        raise TryLater(f"{endpoint} hung up during the TLS handshake{NO_TLS_THERE}") from error
    except ssl.SSLError as error:
        why = getattr(error, "verify_message", "")
        hint = "" if why else NO_TLS_THERE
        raise Refused(f"no TLS connection to {endpoint}: {why or error}{hint}") from error
    except TimeoutError as error:
        hint = NO_TLS_THERE if "handshake" in str(error) else ""
        raise TryLater(f"{endpoint} cannot be reached: {error.strerror or error}{hint}") from error
    except OSError as error:
        raise TryLater(f"{endpoint} cannot be reached: {error.strerror or error}") from error
    except ValueError as error:  # an invalid host name
        raise Refused(f"{endpoint} is not an address: {error}") from error


def _set_up_socket(opened: object) -> None:
    """Send small packets at once (otherwise the end of a message waits 40 ms for the acknowledgement of its beginning),
    and keep the kernel's buffer small: messages would grow old in it on a slow network."""
    if not isinstance(opened, socket.socket):
        return
    with suppress(OSError):  # not a TCP socket, or an old kernel: it also works without
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if hasattr(socket, "TCP_NOTSENT_LOWAT"):
            opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, _UNSENT)


def _secret(read: Callable[[], str | None]) -> str | None:
    try:
        return read()
    except (OSError, UnicodeDecodeError) as error:
        raise Refused(f"mqtt: the password cannot be read: {error}") from error


def properties_of(packet: int, message: Message | None = None) -> Properties:
    """MQTT 5 properties in paho's form; packet.problem has checked those of `message`."""
    made = Properties(packet)  # type: ignore[no-untyped-call]  # paho left it without annotations
    for name, value in message.properties.items() if message else ():
        setattr(made, PROPERTIES[name], list(value.items()) if isinstance(value, Mapping) else value)
    return made


def packed_length(properties: Properties | None) -> int:
    """Their size in a packet, in bytes."""
    return 0 if properties is None else len(properties.pack())  # type: ignore[no-untyped-call]  # as above


def tell(listener: Listener, got: mqtt.MQTTMessage) -> None:
    """Call a listener with our form of the message; its exception must not end the connection."""
    known = got.properties
    try:
        message = Message(
            topic=got.topic,
            payload=bytes(got.payload),
            priority=Priority.LIVE,
            qos=1 if got.qos else 0,
            retain=got.retain,
            properties={ours: getattr(known, theirs) for ours, theirs in PROPERTIES.items() if hasattr(known, theirs)},
        )
        listener(message)
    except Exception:  # an exception in paho's callback would end its loop
        log.exception("mqtt: a listener failed on a message at %s", got.topic)
