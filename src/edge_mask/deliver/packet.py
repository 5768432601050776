"""What one PUBLISH packet can carry: the rules of MQTT, and the limits in the broker's CONNACK.

A packet that breaks one of these ends the connection, each time. So the message is refused and never sent.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from edge_mask.messages import Message
from edge_mask.sql.topics import check_topic
from edge_mask.wire.topics import LONGEST, text_problem

NO_LIMIT: Final = 268_435_455
"""The largest packet that MQTT can describe, in bytes."""
AWS_MOST_BYTES: Final = 131_072
"""AWS IoT Core's limit for a payload."""
PROPERTIES: Final = {
    "content_type": "ContentType",
    "response_topic": "ResponseTopic",
    "correlation_data": "CorrelationData",
    "message_expiry_interval": "MessageExpiryInterval",
    "payload_format_indicator": "PayloadFormatIndicator",
    "user_properties": "UserProperty",
}
"""The MQTT 5 properties of a message, and their names in the standard."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerLimits:
    """The broker's limits; the defaults apply to a broker that names none (as in MQTT 3.1.1)."""

    receive_maximum: int = 65_535
    """How many QoS 1 messages may be unacknowledged at once."""
    packet_size: int = NO_LIMIT
    qos: int = 1
    retain: bool = True

    def objection(self, message: Message, size: int) -> str:
        """Why the broker would not accept this message of `size` bytes on the wire; empty when it would."""
        if size > self.packet_size:
            return f"the message takes {size} bytes and the broker's maximum packet size is {self.packet_size}"
        if message.qos > self.qos:
            return f"the broker takes messages up to QoS {self.qos} only, this one has QoS {message.qos}"
        if message.retain and not self.retain:
            return "the broker keeps no retained messages"
        return ""


def quota_problem(message: Message) -> str:
    """Why AWS IoT Core would never take this message, or end the connection over it; empty when it would take it."""
    if len(message.payload) > AWS_MOST_BYTES:
        return f"its payload has {len(message.payload)} bytes; AWS IoT takes at most {AWS_MOST_BYTES}"
    return check_topic(message.topic) or ""


def publish_size(message: Message, properties: int) -> int:
    """Bytes of the whole PUBLISH packet; `properties` is the length of the packed properties (0 in MQTT 3.1.1)."""
    rest = 2 + len(message.topic.encode()) + (2 if message.qos else 0) + properties + len(message.payload)
    length_bytes = 1 + sum(rest >= bound for bound in (128, 16_384, 2_097_152))
    return 1 + length_bytes + rest


def properties_size(message: Message) -> int:
    """Bytes of its packed properties, which `problem` has found right (MQTT 5, section 2.2.2)."""
    size = 0
    for name, value in message.properties.items():
        match name:
            case "content_type" | "response_topic":
                size += 3 + len(value.encode())
            case "correlation_data":
                size += 3 + len(value)
            case "user_properties":
                pairs = value.items() if isinstance(value, Mapping) else value
                size += sum(5 + len(key.encode()) + len(text.encode()) for key, text in pairs)
            case "message_expiry_interval":
                size += 5
            case _:
                size += 2
    return size + 1 + sum(size >= bound for bound in (128, 16_384, 2_097_152))


def problem(message: Message, *, has_properties: bool) -> str:
    """Why no packet can carry this message; empty when one can. MQTT 3.1.1 has no properties and ignores them."""
    found = [_topic_problem("its topic", message.topic)]
    if has_properties:
        found += _property_problems(message.properties)
    return next((each for each in found if each), "")


def filter_problem(topic_filter: str) -> str:
    """Why no SUBSCRIBE packet can carry it; empty when one can."""
    return "it is empty" if not topic_filter else text_problem("it", topic_filter)


def _property_problems(properties: Mapping[str, Any]) -> Iterator[str]:
    for name, value in properties.items():
        match name:
            case "content_type":
                yield text_problem(name, value)
            case "response_topic":
                yield _topic_problem(name, value)
            case "correlation_data":
                if not isinstance(value, bytes) or len(value) > LONGEST:
                    yield f"{name} is not at most {LONGEST} bytes"
            case "message_expiry_interval":
                yield _number_problem(name, value, 2**32 - 1)
            case "payload_format_indicator":
                yield _number_problem(name, value, 1)
            case "user_properties":
                yield from _pair_problems(name, value)
            case _:
                yield f"unknown property {name!r}; there are {', '.join(PROPERTIES)}"


def _pair_problems(name: str, value: Any) -> Iterator[str]:
    pairs = value.items() if isinstance(value, Mapping) else value
    if not isinstance(value, Mapping | list | tuple) or not all(
        isinstance(pair, tuple | list) and len(pair) == 2 for pair in pairs
    ):
        yield f"{name} are not pairs of texts"
        return
    for key, text in pairs:
        yield text_problem(f"a key of {name}", key)
        yield text_problem(f"{name}: {key!r:.40}", text)


def _topic_problem(name: str, topic: Any) -> str:
    if topic == "":
        return f"{name} is empty"
    if isinstance(topic, str) and ("+" in topic or "#" in topic):
        return f"{name} {topic!r:.200} holds a wildcard; allowed: no + and no #"
    return text_problem(name, topic)


def _number_problem(name: str, value: Any, most: int) -> str:
    is_number = isinstance(value, int) and not isinstance(value, bool)
    return "" if is_number and 0 <= value <= most else f"{name} is not a whole number from 0 to {most}"
