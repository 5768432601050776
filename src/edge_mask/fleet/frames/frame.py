"""A frame on its way to another device, and its answer: what both sides have to know.

commands/infer  ◀── JPEG; content type, camera, frame, ts, purpose; correlation data, response topic; QoS 0, 1 s
answer          ──▶ {"ok": true, "by", "model", "faces", "inference_ms", "free"}, or ok: false and error.code
"""

from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any, Final, Literal

from edge_mask.messages import Message
from edge_mask.wire.topics import Topics

Purpose = Literal["peer", "second_look"]
Trouble = Literal["busy", "bad_picture", "broken_output"]

PEER: Final = "peer"
SECOND_LOOK: Final = "second_look"
JPEG: Final = "image/jpeg"
MOST_BYTES: Final = 120_000
"""Of the picture: together with its properties it stays below what AWS IoT carries."""
FRESH: Final = 1.0
"""Seconds that a frame is worth an answer."""
_MOST_PROPERTIES: Final = 16
"""User properties that are read; a request may hold thousands."""
_LONGEST: Final = 128


def properties_of(message: Message) -> Mapping[str, str]:
    """Its user properties, as far as anybody needs them."""
    pairs: Any = message.properties.get("user_properties") or ()
    given: Iterable[tuple[Any, Any]] = pairs.items() if isinstance(pairs, Mapping) else pairs
    return {
        key: text
        for key, text in islice(given, _MOST_PROPERTIES)
        if isinstance(key, str) and isinstance(text, str) and len(text) <= _LONGEST
    }


def purpose_of(message: Message, topics: Topics) -> Purpose | None:
    """What an arrived frame is for; None for anything but a frame of another device."""
    if message.topic != topics.command("infer") or message.properties.get("content_type") != JPEG:
        return None
    match properties_of(message).get("purpose"):
        case "peer":
            return "peer"
        case "second_look":
            return "second_look"
    return None
