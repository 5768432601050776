"""paho's client as we want it: where it connects, as whom, and what it does otherwise than paho."""

import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Literal

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes

from edge_mask.deliver.paho_messages import properties_of
from edge_mask.errors import Refused, TryLater
from edge_mask.messages import Message

Version = Literal["5", "3.1.1"]

UNSPECIFIED = 0x80
_PUBACK_CODES = {0x00, 0x10, 0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99}  # what MQTT 5 has for a PUBACK, as paho knows
_UNSENT = 4096  # bytes that the system may take from us before the network is ready for them
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


class Client(mqtt.Client):
    """paho's client, for which a reason code that MQTT 5 does not have for a PUBACK is no end of the connection.

    It would be sent again, and end the next connection as well, for ever. From 128 on a code means no, whatever it is.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.odd_code: int | None = None
        """The code that was found in the PUBACK at hand."""

    def _handle_pubackcomp(self, cmd: Literal["PUBACK", "PUBCOMP"]) -> MQTTErrorCode:
        packet = self._in_packet["packet"]
        is_odd = cmd == "PUBACK" and len(packet) > 2 and packet[2] >= UNSPECIFIED and packet[2] not in _PUBACK_CODES
        self.odd_code = packet[2] if is_odd else None
        if is_odd:
            self._in_packet["packet"] = bytearray([*packet[:2], UNSPECIFIED, *packet[3:]])
        return super()._handle_pubackcomp(cmd)


def new_client(endpoint: Endpoint, context: ssl.SSLContext | None, will: Message | None) -> Client:
    """A client that has not called yet; it never calls again of itself."""
    is_v5 = endpoint.version == "5"
    client = Client(
        CallbackAPIVersion.VERSION2,
        client_id=endpoint.client_id,
        clean_session=None if is_v5 else endpoint.clean_start,
        protocol=MQTTProtocolVersion.MQTTv5 if is_v5 else MQTTProtocolVersion.MQTTv311,
        reconnect_on_failure=False,
    )
    client.connect_timeout = endpoint.connect_timeout
    client.suppress_exceptions = True
    client.max_inflight_messages = 0  # no bound of its own: the broker's is kept by the session
    # Announcing a foreign event loop keeps paho from writing to the socket inside publish().
    client.on_socket_register_write = lambda _client, _data, _socket: None
    client.on_socket_open = lambda _client, _data, opened: _keep_short(opened)
    if context is not None:
        client.tls_set_context(context)
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
            asked.SessionExpiryInterval = 0 if is_clean else _A_DAY
            client.connect(endpoint.host, endpoint.port, endpoint.keepalive, clean_start=is_clean, properties=asked)
        else:
            client.connect(endpoint.host, endpoint.port, endpoint.keepalive)
    except ssl.SSLEOFError as error:
        raise TryLater(f"{endpoint} hung up during the TLS handshake") from error
    except ssl.SSLError as error:
        why = getattr(error, "verify_message", "") or error
        raise Refused(f"no TLS connection to {endpoint}: {why}") from error
    except OSError as error:
        raise TryLater(f"{endpoint} cannot be reached: {error.strerror or error}") from error
    except ValueError as error:  # a host name that cannot be one
        raise Refused(f"{endpoint} is not an address: {error}") from error


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
