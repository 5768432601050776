"""The device's own action, `edgeMask`: a log line, a picture, an output line, or a notification."""

from collections.abc import Callable, Mapping
from typing import Any, Final, get_args

from edge_mask import quantities
from edge_mask.kinds import Urgency
from edge_mask.messages import Priority
from edge_mask.rules.actions import CompiledAction, Fields
from edge_mask.rules.effects import Effect, HoldOutput, KeepPicture, LogLevel, LogLine, Notify, PulseOutput
from edge_mask.rules.local import ANYWHERE, LOCAL
from edge_mask.rules.shapes import Field, Shape, check, shape
from edge_mask.sql.errors import EvaluationError
from edge_mask.sql.rule_input import RuleInput
from edge_mask.sql.template import Template
from edge_mask.units import Seconds
from edge_mask.yaml_file import Document, Path

LEVELS: Final[tuple[LogLevel, ...]] = get_args(LogLevel)
URGENCIES: Final[tuple[Urgency, ...]] = get_args(Urgency)
MAX_PULSE: Final = 60.0
"""Longest pulse in seconds: a buzzer that sounds longer is a fault, not an alarm."""

EDGE_KINDS: Final = {
    "log": shape("text!", level=Field(choices=LEVELS)),
    "snapshot": shape("camera! reason"),
    "output": Shape(
        {
            "line": Field("value", is_required=True),
            "value": Field("int", choices=(0, 1)),
            "pulse": Field("value"),
        }
    ),
    "notify": Shape(
        {
            "to": Field("value", is_required=True),
            "title": Field(),
            "text": Field(is_required=True),
            "snapshot": Field("bool"),
            "priority": Field(choices=URGENCIES),
        }
    ),
}

_LONGEST_LINE: Final = 1000
"""Characters of a line in the log, and of the reason for a picture."""
_LONGEST_NAME: Final = 200
"""Characters in the name of a camera or an output line."""


def duration(value: Any) -> float | None:
    """A duration such as `500ms` or `2m` in seconds, as in the configuration; None for any other value."""
    try:
        return quantities.duration().read(value)
    except ValueError:
        return None


def check_edge(document: Document, path: Path, value: Any) -> bool:
    """Whether `value` is a valid `edgeMask` action; problems go into the document."""
    if not isinstance(value, dict) or len(value) != 1 or next(iter(value)) not in EDGE_KINDS:
        document.complain(path, f"exactly one of {', '.join(EDGE_KINDS)} is expected here")
        return False
    kind, fields = next(iter(value.items()))
    inside = (*path, kind)
    if not check(document, inside, fields, EDGE_KINDS[kind]):
        return False
    if kind == "notify":
        return _check_names(document, (*inside, "to"), fields["to"])
    return kind != "output" or _check_output(document, inside, fields)


def _check_names(document: Document, path: Path, to: Any) -> bool:
    """One name or several; whether there are such targets only the configuration knows."""
    names = to if isinstance(to, list) else [to]
    if not names or not all(isinstance(name, str) and name and "${" not in name for name in names):
        document.complain(path, "the name of a target is expected, or a list of names, such as [guard, office]")
        return False
    return True


def names_in(fields: Mapping[str, Any]) -> list[str]:
    """The targets of a `notify` action, as it was written."""
    to = fields["to"]
    return to if isinstance(to, list) else [to]


def _check_output(document: Document, path: Path, fields: dict[str, Any]) -> bool:
    line = fields["line"]
    if isinstance(line, bool) or not isinstance(line, str | int):
        document.complain((*path, "line"), "the name or number of an output line is expected")
        return False
    if ("value" in fields) == ("pulse" in fields):
        document.complain(path, "either value (0 or 1) or pulse (a duration such as 500ms) is expected")
        return False
    lasted = duration(fields.get("pulse", 1))
    if lasted is None or not 0 < lasted <= MAX_PULSE:
        document.complain((*path, "pulse"), f"a duration up to {MAX_PULSE:.0f} s is expected, such as 500ms or 2s")
        return False
    return True


class LogAction(CompiledAction):
    """`edgeMask: {log: …}`."""

    name = "LogAction"

    def __init__(self, fields: Fields) -> None:
        super().__init__(fields)
        self._text: Template = fields["text"]
        self._level: LogLevel = fields["level"].text if "level" in fields else "info"

    @property
    def resource(self) -> str:
        """The text."""
        return self._text.text

    def perform(self, rule: str, output: bytes, seen: RuleInput, priority: Priority) -> Effect:  # noqa: ARG002  one signature
        """One log line."""
        text = self._text.render(seen)[:_LONGEST_LINE]
        return LogLine(rule=rule, level=self._level, text="".join(sign if sign.isprintable() else " " for sign in text))


class SnapshotAction(CompiledAction):
    """`edgeMask: {snapshot: …}`: keep the next picture of a camera."""

    name = "SnapshotAction"

    def __init__(self, fields: Fields) -> None:
        super().__init__(fields)
        self._camera: Template = fields["camera"]
        self._reason: Template | None = fields.get("reason")

    @property
    def resource(self) -> str:
        """The camera."""
        return self._camera.text

    def perform(self, rule: str, output: bytes, seen: RuleInput, priority: Priority) -> Effect:  # noqa: ARG002  one signature
        """The camera's name and why."""
        reason = "" if self._reason is None else self._reason.render(seen)
        camera = _name("the name of the camera", self._camera.render(seen))
        return KeepPicture(rule=rule, camera=camera, reason=reason[:_LONGEST_LINE] or f"rule {rule}")


class OutputAction(CompiledAction):
    """`edgeMask: {output: …}`: a GPIO line for a gate, a lamp or a buzzer."""

    name = "OutputAction"

    def __init__(self, fields: Fields) -> None:
        super().__init__(fields)
        line, pulse = fields["line"], fields.get("pulse")
        self._line = line if isinstance(line, Template) else Template(str(line))
        self._pulse = duration(pulse.text if isinstance(pulse, Template) else pulse)
        self._on = fields.get("value") == 1

    @property
    def resource(self) -> str:
        """The line."""
        return self._line.text

    def perform(self, rule: str, output: bytes, seen: RuleInput, priority: Priority) -> Effect:  # noqa: ARG002  one signature
        """The line and what to do with it."""
        line = _name("the name of the output line", self._line.render(seen))
        if self._pulse is None:
            return HoldOutput(rule=rule, line=line, on=self._on)
        return PulseOutput(rule=rule, line=line, lasting=Seconds(self._pulse))


class NotifyAction(CompiledAction):
    """`edgeMask: {notify: …}`: a notification to targets of the configuration."""

    name = "NotifyAction"

    def __init__(self, fields: Fields) -> None:
        super().__init__(fields)
        to = fields["to"]
        self._to = tuple(name.text for name in (to if isinstance(to, list) else [to]))
        self._title: Template | None = fields.get("title")
        self._text: Template = fields["text"]
        self._snapshot = bool(fields.get("snapshot", False))
        self._priority: Urgency | None = fields["priority"].text if "priority" in fields else None

    @property
    def resource(self) -> str:
        """The targets."""
        return ", ".join(self._to)

    def perform(self, rule: str, output: bytes, seen: RuleInput, priority: Priority) -> Effect:  # noqa: ARG002  one signature
        """What to say, and to whom."""
        beside = {LOCAL: (seen.context.local or ANYWHERE)(seen)}
        title = "" if self._title is None else self._title.render(seen, beside)
        text = self._text.render(seen, beside)
        return Notify(rule=rule, to=self._to, title=title, text=text, snapshot=self._snapshot, priority=self._priority)


def _name(what: str, name: str) -> str:
    if not name:
        raise EvaluationError(f"{what} is empty")
    if len(name) > _LONGEST_NAME:
        raise EvaluationError(f"{what} has {len(name)} characters; at most {_LONGEST_NAME} are allowed")
    return name


_ACTIONS: Final[Mapping[str, Callable[[Fields], CompiledAction]]] = {
    "log": LogAction,
    "snapshot": SnapshotAction,
    "output": OutputAction,
    "notify": NotifyAction,
}


def edge_action(fields: Fields) -> CompiledAction:
    """The action below `edgeMask:`. Its fields are already checked."""
    kind, inner = next(iter(fields.items()))
    return _ACTIONS[kind](inner)
