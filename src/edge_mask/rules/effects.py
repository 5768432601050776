"""The effects of rules, as values. The house carries them out."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

from edge_mask.kinds import Urgency
from edge_mask.messages import Message, Priority
from edge_mask.sql.rule_input import NOWHERE, Context
from edge_mask.units import Seconds

LogLevel = Literal["info", "warning", "error"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Incoming:
    """A message for the rules."""

    topic: str
    payload: bytes
    priority: Priority
    context: Context = NOWHERE
    depth: int = 0
    """How many rules have republished it already."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Republish:
    """Send this message. The rules have seen it already; it has no `id` yet."""

    rule: str
    message: Message
    depth: int = 1
    """How many rules in a row have led to it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpCall:
    """POST this body."""

    rule: str
    url: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    priority: Priority


@dataclass(frozen=True, slots=True, kw_only=True)
class Notify:
    """Tell people."""

    rule: str
    to: tuple[str, ...]
    """Names of targets."""
    title: str
    text: str
    snapshot: bool
    """With the picture of the message, where it has one and may be sent."""
    priority: Urgency | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EdgeAction:
    """Do something on this device: one of the four below."""

    kind: ClassVar[str]
    """Its name in rule files."""
    rule: str
    """Empty when a person or a program has asked for it by a command."""

    @property
    def by(self) -> str:
        """Who wants it, in sentences."""
        return f"rule {self.rule}" if self.rule else "a command"


@dataclass(frozen=True, slots=True, kw_only=True)
class LogLine(EdgeAction):
    """Write a line to the log."""

    kind: ClassVar[str] = "log"
    level: LogLevel
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class KeepPicture(EdgeAction):
    """Keep the next picture of a camera."""

    kind: ClassVar[str] = "snapshot"
    camera: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldOutput(EdgeAction):
    """Switch an output line on or off until told otherwise."""

    kind: ClassVar[str] = "output"
    line: str
    on: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PulseOutput(EdgeAction):
    """Switch an output line on for a while."""

    kind: ClassVar[str] = "output"
    line: str
    lasting: Seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleFailed:
    """A rule failed for one message; causes one `errors` message."""

    rule: str
    code: str
    """`evaluation`, `action`, `chain`, `set_aside`, `fault`."""
    text: str
    topic: str
    is_handled: bool = False
    """The rule's own errorAction has handled it."""
    payload: Mapping[str, Any] = field(default_factory=dict)
    """AWS's error document of the message that failed."""


Effect = Republish | HttpCall | Notify | EdgeAction | RuleFailed
