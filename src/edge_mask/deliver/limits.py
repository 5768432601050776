"""What a broker said it takes when it accepted the connection (the properties of an MQTT 5 CONNACK)."""

from dataclasses import dataclass

from edge_mask.messages import Message

NO_LIMIT = 268_435_455
"""The largest packet that MQTT can describe, in bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The broker's bounds; the defaults are those of a broker that named none (as every MQTT 3.1.1 one)."""

    receive_maximum: int = 65_535
    """How many QoS 1 messages may be unacknowledged at once."""
    packet_size: int = NO_LIMIT
    qos: int = 1
    retain: bool = True

    def objection(self, message: Message, size: int) -> str:
        """Why the broker would not take this message of `size` bytes on the wire; empty when it would."""
        if size > self.packet_size:
            return f"the message takes {size} bytes and the broker's maximum packet size is {self.packet_size}"
        if message.qos > self.qos:
            return f"the broker takes messages up to QoS {self.qos} only, this one has QoS {message.qos}"
        if message.retain and not self.retain:
            return "the broker keeps no retained messages"
        return ""


def publish_size(message: Message, properties: int) -> int:
    """Bytes of the whole PUBLISH packet; `properties` is the length of the packed properties (0 in MQTT 3.1.1)."""
    rest = 2 + len(message.topic.encode()) + (2 if message.qos else 0) + properties + len(message.payload)
    length_bytes = 1 + sum(rest >= bound for bound in (128, 16_384, 2_097_152))
    return 1 + length_bytes + rest
