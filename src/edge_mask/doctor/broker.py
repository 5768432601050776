"""Connects to the broker as the daemon does, under a name of its own, and listens to the topics of sensors."""

import queue
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from edge_mask.app.sensors import mqtt_feed, policies_of
from edge_mask.deliver.factory import transport_for
from edge_mask.deliver.transport import BrokerTransport
from edge_mask.doctor.finding import PATIENCE, Finding
from edge_mask.doctor.keeping import keeping
from edge_mask.doctor.sensors import doubt_of
from edge_mask.errors import TryLater
from edge_mask.messages import Message
from edge_mask.nucleus.place import is_component
from edge_mask.runtime.clock import SystemClock
from edge_mask.sense.feed import Gone, Nonsense, Said, Utterance
from edge_mask.settings.feeds import MqttSensor
from edge_mask.settings.model import Settings
from edge_mask.units import Seconds
from edge_mask.wire.uuid7 import IdMaker

_LISTENS_FOR = 3.0
"""Seconds; most sensors say nothing in that time, but the broker may have kept something."""
_ONLY_INSIDE = "the nucleus lets in only what it has started itself: tried when it runs this component"


def broker(settings: Settings) -> Finding | Sequence[Finding]:
    """Whether the broker lets this device in, and what it may lose."""
    if settings.mqtt.transport == "greengrass" and not is_component():
        return Finding("broker", "warning", _ONLY_INSIDE)
    with _connected(settings) as (transport, reason):
        found = Finding("broker", "ok", reason)
        if settings.mqtt.transport != "mqtt" or settings.is_only_a_sink:
            return found
        from edge_mask.deliver.paho import PahoTransport  # its library is imported where it is used

        assert isinstance(transport, PahoTransport)
        now = SystemClock().now()
        return [found, *keeping(settings, transport, now, IdMaker().make(now))]


def sensors(settings: Settings) -> Sequence[Finding]:
    """What is heard on the topics of all `mqtt` sensors, over one connection."""
    wanted = [sensor for sensor in settings.sensors if isinstance(sensor, MqttSensor)]
    if settings.mqtt.transport == "greengrass" and not is_component():
        return [Finding(f"sensor {sensor.name}", "warning", _ONLY_INSIDE) for sensor in wanted]
    arrived: queue.Queue[Message] = queue.Queue()
    with _connected(settings) as (transport, _reason):
        for topic in dict.fromkeys(topic for each in wanted for topic in (each.topic, each.availability) if topic):
            transport.subscribe(topic, arrived.put)
        got = _collected(arrived, {each.topic for each in wanted})
    return [_finding(settings, sensor, got) for sensor in wanted]


def _collected(arrived: "queue.Queue[Message]", topics: set[str]) -> dict[str, Message]:
    """The last message of each topic, once all topics have said something or the time is over."""
    got: dict[str, Message] = {}
    until = time.monotonic() + _LISTENS_FOR
    while not topics <= got.keys() and (left := until - time.monotonic()) > 0:
        try:
            message = arrived.get(timeout=left)
        except queue.Empty:
            break
        got[message.topic] = message
    return got


def _finding(settings: Settings, sensor: MqttSensor, got: dict[str, Message]) -> Finding:
    part = f"sensor {sensor.name}"
    state = None if sensor.availability is None else got.get(sensor.availability)
    said = got.get(sensor.topic)
    heard = [utterance for message in (state, said) if message is not None for utterance in _heard(sensor, message)]
    for each in heard:
        match each:
            case Gone(reason=reason) | Nonsense(reason=reason):
                return Finding(part, "warning", reason)
            case Said(reading=reading):
                text = f"{reading.quantity} {reading.value:g} {reading.unit}".rstrip()
                kept = " (kept by the broker: the daemon waits for a new one)" if said and said.retain else ""
                policy = policies_of(sensor, sensor.stuck_after)[sensor.quantity]
                doubt = doubt_of(settings, reading, policy)
                return Finding(part, "warning" if doubt else "ok", f"{text}{kept}{doubt}")
    return Finding(part, "ok", f"listens to {sensor.topic}; nothing came within {_LISTENS_FOR:g} s, as is usual")


def _heard(sensor: MqttSensor, message: Message) -> Sequence[Utterance]:
    """What the daemon would make of it, were it new."""
    feed = mqtt_feed([sensor], SystemClock(), None)
    is_value = message.topic == sensor.topic
    feed.hear(replace(message, retain=message.retain and not is_value))
    return feed.listen(Seconds(0.0))


@contextmanager
def _connected(settings: Settings) -> Iterator[tuple[BrokerTransport, str]]:
    """With its own client id: a running daemon must keep its connection. Raises TryLater."""
    states: queue.Queue[tuple[bool, str]] = queue.Queue()
    mqtt = settings.mqtt.model_copy(update={"client_id": settings.check_client_id})
    transport = transport_for(
        mqtt,
        aws=settings.aws,
        client_id=settings.device.thing_name,
        clock=SystemClock(),
        on_state=lambda connected, reason: states.put((connected, reason)),
    )
    try:
        transport.open()
        try:
            connected, reason = states.get(timeout=PATIENCE - _LISTENS_FOR - 1.0)
        except queue.Empty as error:
            where = "the nucleus" if mqtt.transport == "greengrass" else f"{mqtt.host}:{mqtt.port}"
            raise TryLater(f"{where} does not answer") from error
        if not connected:
            raise TryLater(reason)
        yield transport, reason
    finally:
        transport.close(Seconds(1.0))
