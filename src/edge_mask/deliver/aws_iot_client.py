"""The SDK's MQTT 5 client with our settings, and the conversion of our messages."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from awscrt import io, mqtt5

from edge_mask.errors import Refused
from edge_mask.messages import Message, Priority

_NEVER_MS = 86_400_000
"""The SDK must not connect again by itself: the link does, with a new client."""
_SDK_ACK_TIMEOUTS = 3
"""The link's own timeout ends the connection first; this one is a second net."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """Where to connect, and as whom. Holds no secret: the password is read on each connect."""

    host: str
    port: int
    client_id: str
    keepalive: int
    ack_timeout: float
    connect_timeout: float
    username: str | None
    password: Callable[[], str | None]

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Callbacks:
    """Called in the SDK's thread: they return at once."""

    on_success: Callable[[Any], None]
    on_failure: Callable[[Any], None]
    on_lost: Callable[[Any], None]
    on_stopped: Callable[[Any], None]
    on_message: Callable[[Any], None]


class Reactor:
    """The SDK's one thread for a connection; by default it starts one for each core."""

    def __init__(self) -> None:
        group = io.EventLoopGroup(1)
        self._has_ended = group.shutdown_event
        self.bootstrap: io.ClientBootstrap | None = io.ClientBootstrap(group, io.DefaultHostResolver(group))

    def end(self, within: float) -> None:
        """Wait until the thread has ended. It does so once nobody holds a client or the bootstrap."""
        self.bootstrap = None
        self._has_ended.wait(max(0.0, within))


def new_client(
    endpoint: Endpoint,
    bootstrap: io.ClientBootstrap,
    context: io.ClientTlsContext,
    will: Message | None,
    callbacks: Callbacks,
) -> mqtt5.Client:
    """A client that is not started yet. It queues nothing over a disconnection, and is used for one connection."""
    sockets = io.SocketOptions()
    sockets.connect_timeout_ms = round(endpoint.connect_timeout * 1000)
    return mqtt5.Client(
        mqtt5.ClientOptions(
            host_name=endpoint.host,
            port=endpoint.port,
            bootstrap=bootstrap,
            socket_options=sockets,
            tls_ctx=context,
            connect_options=mqtt5.ConnectPacket(
                client_id=endpoint.client_id,
                keep_alive_interval_sec=endpoint.keepalive,
                username=endpoint.username,
                password=_secret(endpoint),
                will=None if will is None else packet_of(will),
            ),
            session_behavior=mqtt5.ClientSessionBehaviorType.CLEAN,
            # 100 publishes and 512 KB a second: the quotas of AWS IoT Core.
            extended_validation_and_flow_control_options=mqtt5.ExtendedValidationAndFlowControlOptions.AWS_IOT_CORE_DEFAULTS,
            offline_queue_behavior=mqtt5.ClientOperationQueueBehaviorType.FAIL_ALL_ON_DISCONNECT,
            retry_jitter_mode=mqtt5.ExponentialBackoffJitterMode.NONE,
            min_reconnect_delay_ms=_NEVER_MS,
            max_reconnect_delay_ms=_NEVER_MS,
            ping_timeout_ms=round(endpoint.keepalive * 900),  # the SDK wants it shorter than the keepalive
            connack_timeout_ms=round(endpoint.connect_timeout * 1000),
            ack_timeout_sec=max(1, round(_SDK_ACK_TIMEOUTS * endpoint.ack_timeout)),
            on_publish_callback_fn=callbacks.on_message,
            on_lifecycle_event_stopped_fn=callbacks.on_stopped,
            on_lifecycle_event_connection_success_fn=callbacks.on_success,
            on_lifecycle_event_connection_failure_fn=callbacks.on_failure,
            on_lifecycle_event_disconnection_fn=callbacks.on_lost,
            disable_metrics=True,
        )
    )


def packet_of(message: Message) -> mqtt5.PublishPacket:
    """In the SDK's form; packet.problem has checked the properties."""
    given = message.properties
    pairs = given.get("user_properties", ())
    return mqtt5.PublishPacket(
        topic=message.topic,
        payload=message.payload,
        qos=mqtt5.QoS(message.qos),
        retain=message.retain,
        payload_format_indicator=given.get("payload_format_indicator"),
        message_expiry_interval_sec=given.get("message_expiry_interval"),
        response_topic=given.get("response_topic"),
        correlation_data_bytes=given.get("correlation_data"),
        content_type=given.get("content_type"),
        user_properties=[
            mqtt5.UserProperty(name=name, value=value)
            for name, value in (pairs.items() if isinstance(pairs, Mapping) else pairs)
        ],
    )


def message_of(packet: mqtt5.PublishPacket) -> Message:
    """An arrived packet in our form."""
    properties = {
        "payload_format_indicator": packet.payload_format_indicator,
        "message_expiry_interval": packet.message_expiry_interval_sec,
        "response_topic": packet.response_topic,
        "correlation_data": packet.correlation_data_bytes,
        "content_type": packet.content_type,
        "user_properties": [(each.name, each.value) for each in packet.user_properties or ()] or None,
    }
    return Message(
        topic=packet.topic,
        payload=bytes(packet.payload or b""),
        priority=Priority.LIVE,
        qos=1 if packet.qos else 0,
        retain=bool(packet.retain),
        properties={name: value for name, value in properties.items() if value is not None},
    )


def _secret(endpoint: Endpoint) -> str | None:
    try:
        return endpoint.password()
    except (OSError, UnicodeDecodeError) as error:
        raise Refused(f"mqtt: the password cannot be read: {error}") from error
