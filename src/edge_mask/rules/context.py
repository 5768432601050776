"""What a statement can know besides topic and payload, all of it passed in."""

import random
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from edge_mask.rules.values import Value


def _new_uuid() -> str:
    return str(uuid.uuid4())


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """Who sent the message, when, and how; what is unknown is "n/a" (traceid(): Undefined) to the statement."""

    timestamp: int = 0
    """Milliseconds since 1970-01-01T00:00:00Z."""
    client_id: str | None = None
    principal: str | None = None
    account_id: str | None = None
    trace_id: str | None = None
    source_ip: str | None = None
    over_mqtt: bool = True
    mqtt: Mapping[str, Value] = field(default_factory=dict)
    """MQTT 5 properties: content_type, response_topic, correlation_data, payload_format_indicator."""
    user_properties: Sequence[tuple[str, str]] = ()
    shadow: Callable[[str, str | None], Value] | None = None
    """The shadow document of (thing, shadow name or None), or None when there is none."""
    cloud: Callable[[str, Sequence[Value]], Value] | None = None
    """Answers for the functions that need AWS; None on a device."""
    random: Callable[[], float] = random.random
    new_uuid: Callable[[], str] = _new_uuid


NOWHERE = Context()
"""The context that knows nothing."""
