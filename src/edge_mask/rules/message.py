"""One message on its way through the rules: parsed once, however many rules look at it."""

import time
from typing import Final

from edge_mask.rules.context import Context
from edge_mask.rules.errors import EvaluationError
from edge_mask.rules.values import UNDEFINED, Value
from edge_mask.rules.wire import NOT_JSON, decode_payload

MAX_STEPS: Final = 100_000
"""Elements that the nested SELECTs of one evaluation may look at."""

MAX_SECONDS: Final = 1.0
"""Processor time that the nested SELECTs of one evaluation may take: a bound, no clock that a statement could read."""

_UNREAD: Final = object()


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
