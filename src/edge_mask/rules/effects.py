"""What the rules ask the house to do. They do nothing themselves."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from edge_mask.messages import Message, Priority
from edge_mask.sql.message import NOWHERE, Context


@dataclass(frozen=True, slots=True, kw_only=True)
class Incoming:
    """A message that the rules look at."""

    topic: str
    payload: bytes
    priority: Priority
    context: Context = NOWHERE
    depth: int = 0
    """How many rules it has already come through."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Republish:
    """Send this message. It has been through the rules already, and has no `id` yet."""

    rule: str
    message: Message


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpCall:
    """POST this body."""

    rule: str
    url: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    priority: Priority


@dataclass(frozen=True, slots=True, kw_only=True)
class EdgeAction:
    """Do something on this device.

    `log`: `level`, `text`. `snapshot`: `camera`, `reason`. `output`: `line`, and `value` (0 or 1) or `pulse` (seconds).
    """

    rule: str
    kind: Literal["log", "snapshot", "output"]
    arguments: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleFailed:
    """A rule could not do its work for one message; worth one `errors` message."""

    rule: str
    code: str
    """`evaluation`, `action`, `chain`, `set_aside`, `fault`."""
    text: str
    topic: str
    is_handled: bool = False
    """The rule's own errorAction took it."""
    payload: Mapping[str, Any] = field(default_factory=dict)
    """AWS's error document of the message that failed."""


Effect = Republish | HttpCall | EdgeAction | RuleFailed
