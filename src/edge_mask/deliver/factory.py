"""From the `mqtt` section of the configuration to the driver that understands it."""

from collections.abc import Callable

from edge_mask.deliver.transport import BrokerTransport, OnState
from edge_mask.messages import Message
from edge_mask.runtime.clock import Clock
from edge_mask.settings.sending import Mqtt


def transport_for(
    mqtt: Mqtt,
    *,
    client_id: str,
    clock: Clock,
    on_state: OnState,
    will: Message | None = None,
    birth: Callable[[], Message] | None = None,
) -> BrokerTransport:
    """The connection to the broker, not opened yet. `client_id` is the default; the configuration may set another.

    The library of a driver is imported here and nowhere else.
    """
    from edge_mask.deliver.paho import PahoTransport
    from edge_mask.deliver.tls import TlsFiles

    return PahoTransport(
        host=mqtt.host,
        port=mqtt.port,
        client_id=mqtt.client_id or client_id,
        version=mqtt.protocol,
        tls=None if mqtt.tls is None else TlsFiles(ca=mqtt.tls.ca, cert=mqtt.tls.cert, key=mqtt.tls.key),
        username=mqtt.username,
        password=mqtt.read_password,
        keepalive=round(mqtt.keepalive),
        will=will,
        birth=birth,
        on_state=on_state,
        clock=clock,
    )
