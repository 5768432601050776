"""One message as rules see it: topic, payload (parsed once for all rules), context, and bounds on time and space."""

import random
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from edge_mask.sql.errors import EvaluationError, TookTooLong
from edge_mask.sql.json import NOT_JSON, decode_payload
from edge_mask.sql.values import UNDEFINED, Value


class Deadline:
    """A limit of wall time, then of this thread's processor time.

    Wall time is cheap to read. Processor time decides: a machine that was suspended must not fail a rule.
    """

    __slots__ = ("_cpu", "_seconds", "_until")

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._until = time.monotonic() + seconds
        self._cpu: float | None = None

    def is_over(self) -> bool:
        """Whether the time is up."""
        if time.monotonic() < self._until:
            return False
        if self._cpu is None:
            self._cpu = time.thread_time()
        return time.thread_time() - self._cpu > self._seconds


MAX_STEPS: Final = 100_000
"""Most elements that the nested SELECTs of one evaluation may visit."""

MAX_SECONDS: Final = 0.25
"""Seconds for one rule and its templates per message: wall time first, then processor time."""

MAX_MADE: Final = 8 << 20
"""Most characters and items that one rule and its templates may produce per message."""

_CALLS_BETWEEN: Final = 16
"""Calls between two checks of the clock; each call is bounded by itself."""

_UNREAD: Final = object()


def _new_uuid() -> str:
    return str(uuid.uuid4())


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """Sender, time and transport of the message; statements see unknown ones as "n/a" (traceid(): Undefined)."""

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
    local: "Callable[[RuleInput], Mapping[str, Value]] | None" = None
    """What notifications may say in the words of the site; None where no site is known."""
    cloud: Callable[[str, Sequence[Value]], Value] | None = None
    """Answers for the functions that need AWS; None on a device."""
    random: Callable[[], float] = random.random
    new_uuid: Callable[[], str] = _new_uuid


NOWHERE = Context()
"""A context where everything is unknown."""


class RuleInput:
    """Topic, payload and context; the payload is parsed when a rule first needs it."""

    __slots__ = ("_calls", "_deadline", "_json", "_made", "_steps", "context", "payload", "topic", "variables")

    def __init__(self, topic: str, payload: bytes, context: Context) -> None:
        self.topic = topic
        self.payload = payload
        self.context = context
        self.variables: dict[str, Value] = {}
        self._json: list[Value] = [_UNREAD, _UNREAD, _UNREAD]
        self.restart()

    def restart(self) -> None:
        """Reset the bounds for the next rule."""
        self._calls = self._steps = self._made = 0
        self._deadline: Deadline | None = None

    def begin(self) -> None:
        """`restart`, and clear the variables of the previous rule."""
        self.restart()
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

    # -- bounds -------------------------------------------------------------------------------------

    def step(self) -> None:
        """Count one element of a nested SELECT; EvaluationError when there are too many, or they take too long."""
        self.look()
        self._steps += 1
        if self._steps > MAX_STEPS:
            raise EvaluationError(f"the nested SELECTs would look at more than {MAX_STEPS} elements")

    def call(self) -> None:
        """Count one call of a function; TookTooLong when the rule has no time left."""
        self._calls += 1
        if self._calls % _CALLS_BETWEEN == 0:
            self.look()

    def look(self) -> None:
        """Check the time limit, which starts with the first check; TookTooLong when it is over."""
        if self._deadline is None:
            self._deadline = Deadline(MAX_SECONDS)
        elif self._deadline.is_over():
            raise TookTooLong(f"the rule took longer than {MAX_SECONDS} s for this message")

    def grow(self, size: int) -> None:
        """Count the size of a new value; EvaluationError when the total is too large."""
        self._made += size
        if self._made > MAX_MADE:
            raise EvaluationError(f"the rule would make more than {MAX_MADE} characters of this message")
