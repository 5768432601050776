"""A rule's HTTP call as a message that waits in the outbox, and the destination that it waits for."""

from typing import Final
from urllib.parse import urlsplit

from edge_mask.messages import Message, Priority
from edge_mask.rules.effects import HttpCall

PREFIX: Final = "http:"
"""What an HTTP destination's name in the outbox begins with; behind it stand scheme, host and port."""


def waiting_call(call: HttpCall, *, cause: Message, message_id: str) -> Message:
    """An HTTP call always waits in the outbox, also one that a live message led to: then it is telemetry.

    What led to it waits with it, for the rule's error action in case the server refuses.
    """
    properties = {
        "headers": [list(header) for header in call.headers],
        "rule": call.rule,
        "topic": cause.topic,
        "payload": cause.payload,
    }
    priority = min(call.priority, Priority.TELEMETRY)
    return Message(topic=call.url, payload=call.body, priority=priority, qos=1, id=message_id, properties=properties)


def destination_of(url: str) -> str:
    """The outbox destination of a URL: one courier for each scheme, host and port."""
    parts = urlsplit(url)
    host = (parts.hostname or "").lower()
    host = f"[{host}]" if ":" in host else host
    return f"{PREFIX}{parts.scheme.lower()}://{host}{f':{parts.port}' if parts.port else ''}"
