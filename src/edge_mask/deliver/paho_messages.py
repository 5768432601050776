"""Our messages in paho's form, and the other way round."""

import logging
from collections.abc import Mapping

import paho.mqtt.client as mqtt
from paho.mqtt.properties import Properties

from edge_mask.deliver.link import Listener
from edge_mask.messages import Message, Priority

log = logging.getLogger(__name__)

_PROPERTIES = {
    "content_type": "ContentType",
    "response_topic": "ResponseTopic",
    "correlation_data": "CorrelationData",
    "message_expiry_interval": "MessageExpiryInterval",
    "payload_format_indicator": "PayloadFormatIndicator",
    "user_properties": "UserProperty",
}


def properties_of(packet: int, message: Message | None = None) -> Properties:
    """MQTT 5 properties in paho's form. Raises ValueError for a name that MQTT does not know."""
    made = Properties(packet)  # type: ignore[no-untyped-call]  # paho left it without annotations
    for name, value in message.properties.items() if message else ():
        if name not in _PROPERTIES:
            raise ValueError(f"unknown property {name!r}; there are {', '.join(_PROPERTIES)}")
        setattr(made, _PROPERTIES[name], list(value.items()) if isinstance(value, Mapping) else value)
    return made


def packed_length(properties: Properties | None) -> int:
    """Bytes that they take in a packet."""
    return 0 if properties is None else len(properties.pack())  # type: ignore[no-untyped-call]  # as above


def tell(listener: Listener, got: mqtt.MQTTMessage) -> None:
    """Call a listener with a message in our words; a listener that raises must not end the connection."""
    known = got.properties
    try:
        message = Message(
            topic=got.topic,
            payload=bytes(got.payload),
            priority=Priority.LIVE,
            qos=1 if got.qos else 0,
            retain=got.retain,
            properties={ours: getattr(known, theirs) for ours, theirs in _PROPERTIES.items() if hasattr(known, theirs)},
        )
        listener(message)
    except Exception:  # a raise inside paho's callback would end its loop
        log.exception("mqtt: a listener failed on a message at %s", got.topic)
