"""One message on its way through the rules, parsed once however many rules look at it, and what is known of it."""

import random
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from edge_mask.sql.errors import EvaluationError
from edge_mask.sql.json import NOT_JSON, decode_payload
from edge_mask.sql.values import UNDEFINED, Value

MAX_STEPS: Final = 100_000
"""Elements that the nested SELECTs of one evaluation may look at."""

MAX_SECONDS: Final = 1.0
"""Processor time that the nested SELECTs of one evaluation may take: a bound, no clock that a statement could read."""

_UNREAD: Final = object()


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


class Message:
    """Topic, payload and context; the payload as JSON is made when a rule first asks for it."""

    __slots__ = ("_json", "_started", "_steps", "context", "payload", "topic", "variables")

    def __init__(self, topic: str, payload: bytes, context: Context) -> None:
        self.topic = topic
        self.payload = payload
        self.context = context
        self.variables: dict[str, Value] = {}
        self._json: list[Value] = [_UNREAD, _UNREAD, _UNREAD]
        self._steps = 0
        self._started = 0.0

    def restart(self) -> None:
        """Let the nested SELECTs look at as many elements as a new evaluation may."""
        self._steps = 0

    def begin(self) -> None:
        """Forget what the rule before this one left behind."""
        self._steps = 0
        if self.variables:
            self.variables = {}

    def json(self, version: int) -> Value:
        """The payload as JSON, read as `version` reads numbers; UNDEFINED for a binary payload."""
        value = self._json[version]
        if value is _UNREAD:
            value = self._json[version] = decode_payload(self.payload, version)
        return UNDEFINED if value is NOT_JSON else value

    def everything(self, version: int) -> Value:
        """What `*` stands for: the JSON document, or the bytes of a binary payload."""
        value = self.json(version)
        return self.payload if value is UNDEFINED else value

    def step(self) -> None:
        """Count one element of a nested SELECT; EvaluationError when there are too many, or they take too long."""
        if self._steps == 0:
            self._started = time.thread_time()
        elif time.thread_time() - self._started > MAX_SECONDS:
            raise EvaluationError(f"the nested SELECTs took longer than {MAX_SECONDS} s")
        self._steps += 1
        if self._steps > MAX_STEPS:
            raise EvaluationError(f"the nested SELECTs would look at more than {MAX_STEPS} elements")
