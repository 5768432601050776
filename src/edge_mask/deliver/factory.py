"""From the `mqtt` section of the configuration to the driver that understands it."""

from collections.abc import Callable
from typing import Final

from edge_mask.deliver.destination import BROKER, Broker
from edge_mask.deliver.tls import TlsFiles
from edge_mask.deliver.transport import BrokerTransport, OnState
from edge_mask.messages import Message
from edge_mask.runtime.clock import Clock
from edge_mask.settings.aws import Aws
from edge_mask.settings.sending import Mqtt, Outbox, Tls

AWS_IN_FLIGHT: Final = 100
"""Publishes without an acknowledgement that AWS IoT Core allows a connection."""
AWS_RATE: Final = 100.0
"""Publishes a second that it allows a connection."""
NUCLEUS_IN_FLIGHT: Final = 1
"""One after the other: a nucleus that says no to a message and yes to the next would change their order. It answers
from this machine, so that costs little; nucleus lite fails when many come at once."""
HTTPS_PORT: Final = 443
ALPN: Final = "x-amzn-mqtt-ca"
"""What AWS IoT Core must be asked for on port 443, where it also serves HTTPS."""


def broker_for(mqtt: Mqtt, outbox: Outbox, boot: str) -> Broker:
    """The broker as its courier sees it, within the quotas of AWS IoT Core where that is the broker."""
    window, rate = outbox.window, outbox.drain_rate
    if mqtt.transport == "aws-iot":
        window, rate = min(window, AWS_IN_FLIGHT), min(rate, AWS_RATE)
    is_nucleus = mqtt.transport == "greengrass"
    if is_nucleus:
        window, rate = min(window, NUCLEUS_IN_FLIGHT), min(rate, AWS_RATE)
    return Broker(name=BROKER, boot=boot, window=window, drain_rate=rate, blames_hang_ups=not is_nucleus)


def transport_for(
    mqtt: Mqtt,
    *,
    aws: Aws | None = None,
    client_id: str,
    clock: Clock,
    on_state: OnState,
    will: Message | None = None,
    birth: Callable[[], Message] | None = None,
    most_bytes: int | None = None,
) -> BrokerTransport:
    """The connection to the broker, not opened yet. `client_id` is the thing name; the configuration may set another.
    A broker of MQTT 5 is told to send no packet of more than `most_bytes`.

    The library of a driver is imported here and nowhere else.
    """
    if mqtt.transport == "aws-iot":
        return _aws_iot(mqtt, aws or Aws(), client_id, clock, on_state, will, birth)
    if mqtt.transport == "greengrass":
        from edge_mask.deliver.greengrass import GreengrassTransport

        local = [each.replace("{thing}", client_id) for each in (aws or Aws()).greengrass.local]
        return GreengrassTransport(local=local, will=will, birth=birth, on_state=on_state, clock=clock)
    from edge_mask.deliver.paho import PahoTransport

    return PahoTransport(
        host=mqtt.host,
        port=mqtt.port,
        client_id=mqtt.client_id or client_id,
        version=mqtt.protocol,
        tls=None if mqtt.tls is None else tls_files(mqtt.tls),
        username=mqtt.username,
        password=mqtt.read_password,
        keepalive=round(mqtt.keepalive),
        most_bytes=most_bytes,
        needs_subscriber=mqtt.require_subscriber,
        will=will,
        birth=birth,
        on_state=on_state,
        clock=clock,
    )


def _aws_iot(
    mqtt: Mqtt,
    aws: Aws,
    thing: str,
    clock: Clock,
    on_state: OnState,
    will: Message | None,
    birth: Callable[[], Message] | None,
) -> BrokerTransport:
    from edge_mask.deliver.aws_iot import AwsIotTransport
    from edge_mask.deliver.aws_iot_identity import Identity, Token

    token = None
    if (held := aws.pkcs11) is not None:
        token = Token(
            library=held.library,
            pin=held.read_pin,
            label=held.token_label,
            slot=held.slot,
            key_label=held.key_label,
        )
    alpn = ALPN if mqtt.port == HTTPS_PORT else None
    return AwsIotTransport(
        host=mqtt.host,
        port=mqtt.port,
        client_id=mqtt.client_id or thing,
        identity=Identity(tls_files(mqtt.tls or Tls()), token, alpn),
        thing=thing,
        username=mqtt.username,
        password=mqtt.read_password,
        keepalive=round(mqtt.keepalive),
        will=will,
        birth=birth,
        on_state=on_state,
        clock=clock,
    )


def tls_files(tls: Tls) -> TlsFiles:
    """Where its files lie."""
    return TlsFiles(ca=tls.ca, cert=tls.cert, key=tls.key)
