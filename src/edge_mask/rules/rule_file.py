"""Rule files: one payload of `aws iot create-topic-rule`, or several by name, as YAML or JSON."""

import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path as FilePath
from typing import Any, Final

from edge_mask.rules.actions import CompiledAction, Fields, HttpAction, RepublishAction
from edge_mask.rules.aws_actions import AWS_ACTIONS
from edge_mask.rules.edge_actions import check_edge, duration, edge_action, names_in
from edge_mask.rules.local import SPOKEN, refuse_unknown
from edge_mask.rules.shapes import Field, check, shape
from edge_mask.sql.errors import RuleError
from edge_mask.sql.statement import DEFAULT_VERSION, VERSIONS, CompiledRule
from edge_mask.sql.template import Template
from edge_mask.suggest import did_you_mean
from edge_mask.yaml_file import Document, Path, read

MakeTemplate = Callable[[str], Template]
"""Compiles a text of an action, for the version and the variables of its rule."""

MAX_ACTIONS: Final = 10
MAX_FILE: Final = 4 << 20

_NAMED_PARTS: Final = {"output": ("output", "line"), "snapshot": ("camera", "camera")}
"""Kinds of `edgeMask` actions that name a part of the device, with the field of that name."""

_NAME: Final = re.compile(r"[a-zA-Z0-9_]{1,128}")
_RULE: Final = shape(
    "description",
    sql=Field(is_required=True),
    awsIotSqlVersion=Field(),
    ruleDisabled=Field("bool"),
    actions=Field("value", is_required=True),
    errorAction=Field("value"),
    edgeMask=Field(shape("", atMostEvery=Field("value"))),
)


@dataclass(frozen=True, slots=True)
class Action:
    """One action as written, and its compiled form (None: it runs in AWS only)."""

    kind: str
    fields: Mapping[str, Any]
    device: CompiledAction | None
    why_aws: str = ""
    """Why it does not run here."""


@dataclass(frozen=True, slots=True)
class RuleDefinition:
    """One valid rule."""

    name: str
    file: str
    statement: CompiledRule
    actions: tuple[Action, ...]
    error_action: Action | None
    is_disabled: bool
    at_most_every: float | None
    """Least seconds between two messages that the rule handles; None without a limit."""
    payload: Mapping[str, Any]
    """The rule as it was written."""
    told: tuple[tuple[str, str], ...] = ()
    """The targets that its notifications name, and the place of each in its file."""

    @property
    def runs_here(self) -> bool:
        """Whether the rule has any work on the device."""
        return not self.statement.cloud_functions and any(action.device for action in self.actions)

    def named_parts(self) -> Iterator[tuple[str, str]]:
        """("output" or "camera", name) of each part of the device that its actions name.

        Names from templates are unknown before a message arrives; a rule that does not run here names nothing.
        """
        if self.is_disabled or not self.runs_here:
            return
        for action in (*self.actions, *((self.error_action,) if self.error_action else ())):
            for kind, fields in action.fields.items() if action.kind == "edgeMask" else ():
                part, key = _NAMED_PARTS.get(kind, ("", ""))
                if part and "${" not in str(fields[key]):
                    yield part, str(fields[key])


def is_table(path: FilePath) -> bool:
    """Whether a file is a table of cases beside a rule file (`hot.test.yaml`) and not a rule file."""
    return path.stem.endswith(".test")


def load_file(path: FilePath) -> tuple[list[RuleDefinition], list[str]]:
    """The valid rules of one file, and a sentence for each problem."""
    try:
        if path.stat().st_size > MAX_FILE:
            return [], [f"{path}: a rule file has at most {MAX_FILE} bytes"]
        text = path.read_text("utf-8")
    except OSError as error:
        return [], [f"{path}: cannot be read: {error.strerror}"]
    except UnicodeDecodeError:
        return [], [f"{path}: is not UTF-8 text"]
    document = read(text, str(path), has_columns=True)
    return list(_rules(document, path.stem)), document.problems


def _rules(document: Document, stem: str) -> Iterator[RuleDefinition]:
    data = document.data
    if data is None and not document.problems:
        document.complain((), "there is no rule in this file")
    if not isinstance(data, dict):
        if data is not None:
            document.complain((), "rules are expected by name, each with sql and actions")
        return
    if isinstance(data.get("topicRulePayload"), dict):
        named: list[tuple[str, Path, Any]] = [
            (str(data.get("ruleName", stem)), ("topicRulePayload",), data["topicRulePayload"])
        ]
    elif isinstance(data.get("sql"), str):
        named = [(re.sub(r"[^a-zA-Z0-9_]", "_", stem), (), data)]
    else:
        named = [(name, (name,), payload) for name, payload in data.items()]
    for name, path, payload in named:
        if not _NAME.fullmatch(name):
            document.complain(path, f"a rule is named by letters, digits and _ (at most 128), not {name!r}")
        elif rule := _rule(document, name, path, payload):
            yield rule


def _rule(document: Document, name: str, path: Path, payload: Any) -> RuleDefinition | None:
    before = len(document.problems)
    if not check(document, path, payload, _RULE):
        return None
    version = payload.get("awsIotSqlVersion", DEFAULT_VERSION)
    statement = _statement(document, path, payload["sql"], version)
    if statement is None:
        return None
    make = partial(Template, version=version, variables=statement.variables)
    actions = _actions(document, (*path, "actions"), payload["actions"], make)
    error = _error_action(document, (*path, "errorAction"), payload, make)
    every = _every(document, path, payload)
    if len(document.problems) > before:
        return None
    disabled = bool(payload.get("ruleDisabled", False))
    told = tuple(_told(document, path, payload))
    return RuleDefinition(name, document.name, statement, actions, error, disabled, every, payload, told)


def _told(document: Document, path: Path, payload: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The names of targets, each with its place in the file."""
    places: list[tuple[Path, Any]] = [(("actions", index), each) for index, each in enumerate(payload["actions"])]
    places.append((("errorAction",), payload.get("errorAction", {})))
    for place, action in places:
        if "notify" not in action.get("edgeMask", {}):
            continue
        fields = action["edgeMask"]["notify"]
        below = (*path, *place, "edgeMask", "notify", "to")
        for index, name in enumerate(names_in(fields)):
            yield name, document.sentence((*below, index) if isinstance(fields["to"], list) else below, "")


def _statement(document: Document, path: Path, sql: str, version: str) -> CompiledRule | None:
    if version not in VERSIONS:
        known = ", ".join(VERSIONS)
        document.complain((*path, "awsIotSqlVersion"), f"{version!r} does not exist; there are {known}")
        return None
    try:
        return CompiledRule(sql, version)
    except RuleError as error:
        document.complain_inside((*path, "sql"), error.sentence, error.line, error.column)
        return None


def _every(document: Document, path: Path, payload: Mapping[str, Any]) -> float | None:
    written = payload.get("edgeMask", {}).get("atMostEvery")
    if written is None:
        return None
    seconds = duration(written)
    if seconds is None or not 0 < seconds < math.inf:
        document.complain((*path, "edgeMask", "atMostEvery"), "a duration is expected, such as 500ms or 1s")
    return seconds


def _actions(document: Document, path: Path, actions: Any, make: MakeTemplate) -> tuple[Action, ...]:
    if not isinstance(actions, list):
        document.complain(path, "a list of actions is expected")
        return ()
    if len(actions) > MAX_ACTIONS:
        document.complain(path, f"a rule has at most {MAX_ACTIONS} actions, this one has {len(actions)}")
    made = (_action(document, (*path, index), action, make) for index, action in enumerate(actions))
    return tuple(action for action in made if action is not None)


def _error_action(document: Document, path: Path, payload: Mapping[str, Any], make: MakeTemplate) -> Action | None:
    if "errorAction" not in payload:
        return None
    action = _action(document, path, payload["errorAction"], make)
    if action and action.device and (action.device.cloud_functions or action.device.uses_shadow):
        document.complain(path, "functions that ask elsewhere (get_thing_shadow, aws_lambda …) cannot stand here")
    return action


def _action(document: Document, path: Path, action: Any, make: MakeTemplate) -> Action | None:
    if not isinstance(action, dict) or len(action) != 1:
        document.complain(path, "one action is expected: its name, and its fields below it")
        return None
    kind, fields = next(iter(action.items()))
    inside = (*path, kind)
    if kind == "edgeMask":
        is_right = check_edge(document, inside, fields)
    elif kind in AWS_ACTIONS:
        is_right = check(document, inside, fields, AWS_ACTIONS[kind])
    else:
        known = [*AWS_ACTIONS, "edgeMask"]
        document.complain(inside, f"there is no such action{did_you_mean(kind, known)}; there are {', '.join(known)}")
        return None
    before = len(document.problems)
    compiled = _compiled(document, inside, fields, make) if is_right else None
    if compiled is None or len(document.problems) > before:
        return None
    device = _device_action(kind, compiled)
    why = "" if device else f"{kind} needs AWS"
    if device and device.cloud_functions:
        why = f"{', '.join(sorted(device.cloud_functions))}() needs AWS"
        device = None
    return Action(kind, fields, device, why)


def _device_action(kind: str, fields: Fields) -> CompiledAction | None:
    match kind:
        case "edgeMask":
            return edge_action(fields)
        case "republish":
            return RepublishAction(fields)
        case "http" if "auth" not in fields:
            return HttpAction(fields)
    return None


def _compiled(document: Document, path: Path, value: Any, make: MakeTemplate) -> Any:
    """The value with each text compiled; problems go into the document."""
    match value:
        case str():
            try:
                template = make(value)
                refuse_unknown(template, is_notification=path[-2:] in SPOKEN)
                return template
            except RuleError as error:
                document.complain_inside(path, error.sentence, error.line, error.column)
                return None
        case dict():
            return {key: _compiled(document, (*path, key), item, make) for key, item in value.items()}
        case list():
            return [_compiled(document, (*path, index), item, make) for index, item in enumerate(value)]
    return value
