"""The connection of a house to its broker, with the `status` that it says there."""

from collections.abc import Callable

from edge_mask import __version__
from edge_mask.app.certificate import CertificateWatch
from edge_mask.deliver.factory import transport_for
from edge_mask.deliver.transport import BrokerTransport, OnState
from edge_mask.kinds import STATUS
from edge_mask.ledger.reader import Reader
from edge_mask.messages import Event, Message
from edge_mask.runtime.clock import Clock
from edge_mask.settings.model import Settings
from edge_mask.units import Moment
from edge_mask.wire import birth, will
from edge_mask.wire.topics import Topics


def connection_for(
    settings: Settings, topics: Topics, model: str | None, clock: Clock, on_state: OnState
) -> BrokerTransport:
    """The transport that the configuration wants, not opened yet."""
    topic, thing = topics.of(STATUS.name), settings.device.thing_name
    labels = settings.device.labels.given()

    def retained(payload: bytes) -> Message:
        return Message(
            topic=topic, payload=payload, priority=STATUS.priority, qos=STATUS.qos, retain=STATUS.is_retained
        )

    def online() -> Message:
        more = {"labels": labels} if labels else {}
        return retained(birth(thing=thing, version=__version__, model=model, at=clock.now(), **more))

    return transport_for(
        settings.mqtt,
        aws=settings.aws,
        client_id=thing,
        clock=clock,
        on_state=on_state,
        will=retained(will()),
        birth=online,
    )


def certificate_watch(settings: Settings, emit: Callable[[Event], object]) -> Callable[[Moment], int | None]:
    """Tells how many days the device's certificate still holds; None without one."""
    tls = settings.mqtt.tls
    if settings.mqtt.transport == "none" or tls is None or tls.cert is None:
        return lambda _now: None
    return CertificateWatch(tls.cert, emit, Reader(settings.outbox.path).has_fault)
