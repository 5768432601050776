"""Whether the broker may lose what it has acknowledged, as far as that can be seen from outside.

What it says when it accepts a connection, what mosquitto publishes about itself, and, with `mqtt.require_subscriber`,
its answer to one message. How often it saves its queue to the disk, and how long a queue may be, nobody can see.
"""

import queue
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import TimeoutError as Overdue
from typing import TYPE_CHECKING, Final

from edge_mask.deliver.packet import BrokerLimits
from edge_mask.doctor.finding import Finding
from edge_mask.kinds import Priority
from edge_mask.messages import Message
from edge_mask.settings.model import Settings
from edge_mask.units import Moment
from edge_mask.wire.envelope import VERSION, timestamp, to_bytes

if TYPE_CHECKING:  # its library is imported where it is used
    from edge_mask.deliver.paho import PahoTransport

PART: Final = "broker keeps"
PROBE: Final = "check"
"""The topic below the root of the one message that is published."""
_LARGEST: Final = 131_072
"""Bytes of a payload that this device may send."""
_ROOM: Final = 1024
"""For topic and properties."""
_VERSION, _DROPPED = "$SYS/broker/version", "$SYS/broker/publish/messages/dropped"
_LISTENS_FOR: Final = 1.0
_ANSWERS_WITHIN: Final = 3.0
_SEE: Final = "docs/fleet.md says what to set"


def keeping(settings: Settings, transport: "PahoTransport", now: Moment, new_id: str) -> Sequence[Finding]:
    """One finding for each reason to doubt, or one that says what cannot be seen. `transport` is connected."""
    said = _said(transport)
    doubts = [*_of_the_protocol(settings, transport.limits), *_of_itself(said)]
    doubts += _of_its_answer(settings, transport, now, new_id)
    if doubts:
        return [Finding(PART, "warning", doubt) for doubt in doubts]
    name = said.get(_VERSION, "").strip() or "a broker that says nothing of itself"
    return [Finding(PART, "ok", f"{name}; how often it saves its queue cannot be seen from here: {_SEE}")]


def _of_the_protocol(settings: Settings, limits: BrokerLimits) -> Iterator[str]:
    if settings.mqtt.protocol != "5":
        yield "MQTT 3.1.1 has no word for a message that was refused or thrown away; with protocol: 5 it is told"
    if limits.qos < 1:
        yield "it takes messages at QoS 0 only, so that none is acknowledged; all that is stored would be set aside"
    if limits.packet_size < _LARGEST + _ROOM:
        most = limits.packet_size
        yield f"it takes packets of at most {most} bytes; a larger message (they have up to {_LARGEST}) is set aside"
    if not limits.retain:
        yield "it keeps no retained messages: who comes later does not learn that this device is there"


def _of_itself(said: dict[str, str]) -> Iterator[str]:
    dropped = said.get(_DROPPED, "").strip()
    if dropped.isdecimal() and int(dropped) > 0:
        why = "as a subscriber's queue was full (max_queued_messages)"
        yield f"it has dropped {dropped} messages since its start, {why}; {_SEE}"


def _of_its_answer(settings: Settings, transport: "PahoTransport", now: Moment, new_id: str) -> Iterator[str]:
    if not settings.mqtt.require_subscriber:
        return
    thing = settings.device.thing_name
    topic = f"{settings.topics.root}/{PROBE}".replace("{thing}", thing)
    body = {"id": new_id, "thing": thing, "ts": timestamp(now.wall), "v": VERSION, "text": "edge-mask check"}
    message = Message(topic=topic, payload=to_bytes(body), priority=Priority.TELEMETRY, qos=1, id=new_id)
    try:
        receipt = transport.send(message).result(_ANSWERS_WITHIN)
    except Overdue:
        return
    if receipt.is_unheard:
        yield f"nobody subscribes to {topic} now: what this device sends waits until somebody does"


def _said(transport: "PahoTransport") -> dict[str, str]:
    """What mosquitto tells everybody who may listen; nothing of other brokers."""
    arrived: queue.Queue[Message] = queue.Queue()
    for topic in (_VERSION, _DROPPED):
        transport.subscribe(topic, arrived.put)
    said: dict[str, str] = {}
    until = time.monotonic() + _LISTENS_FOR
    while len(said) < 2 and (left := until - time.monotonic()) > 0:
        try:
            message = arrived.get(timeout=left)
        except queue.Empty:
            break
        said[message.topic] = message.payload[:200].decode("utf-8", "replace")
    return said
