"""Tables of cases beside a rule file: `hot.test.yaml` for `hot.yaml`.

Each case has a `topic`, a `payload`, and an expectation: `expect: no match`, the `output` of the rule's statement,
or the resulting `actions` (a list of `republish`, `http`, `log`, `snapshot`, `output`, `notify` or `failed`; each names
only the checked fields). `name`, `rule`, `class` and `context` are optional.
"""

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path as FilePath
from typing import Any, Final

from edge_mask.messages import Priority
from edge_mask.rules.effects import (
    EdgeAction,
    Effect,
    HoldOutput,
    HttpCall,
    Incoming,
    KeepPicture,
    LogLine,
    Notify,
    PulseOutput,
    Republish,
)
from edge_mask.rules.rule_file import RuleDefinition
from edge_mask.rules.rule_set import RuleSet
from edge_mask.rules.shapes import Field, Shape, check
from edge_mask.sql.errors import EvaluationError
from edge_mask.sql.json import NOT_JSON, decode_payload
from edge_mask.sql.rule_input import Context
from edge_mask.sql.values import NO_MATCH, UNDEFINED, Value, equal
from edge_mask.yaml_file import Document, read

_NO_MATCH: Final = "no match"
_CLASSES: Final = {member.name.lower(): member for member in Priority}
_VALUE: Final = Field("value")
_CONTEXT: Final = Shape(
    {
        "timestamp": Field("int"),
        **{name: Field() for name in ("client_id", "principal", "account_id", "trace_id", "source_ip", "uuid")},
        "random": _VALUE,
        "mqtt": _VALUE,
        "shadow": _VALUE,
    }
)
_CASE: Final = Shape(
    {
        "name": Field(),
        "rule": Field(),
        "topic": Field(is_required=True),
        "payload": Field("value", is_required=True),
        "class": Field(choices=tuple(_CLASSES)),
        "context": Field(_CONTEXT),
        "expect": Field(choices=(_NO_MATCH,)),
        "output": _VALUE,
        "actions": _VALUE,
    }
)


@dataclass(frozen=True, slots=True)
class CaseResult:
    """The result of one case: `problem` is empty when it passed."""

    name: str
    problem: str


def table_beside(rule_file: FilePath) -> FilePath:
    """The table of cases of a rule file."""
    return rule_file.with_name(f"{rule_file.stem}.test{rule_file.suffix}")


def load_table(path: FilePath) -> tuple[list[Mapping[str, Any]], list[str]]:
    """The cases of a table, and a sentence for each problem."""
    try:
        document = read(path.read_text("utf-8"), str(path), has_columns=True)
    except OSError as error:
        return [], [f"{path}: cannot be read: {error.strerror}"]
    except UnicodeDecodeError:
        return [], [f"{path}: is not UTF-8 text"]
    if not isinstance(document.data, list) and not document.problems:
        document.complain((), "a list of cases is expected")
    if not isinstance(document.data, list):
        return [], document.problems
    return [case for index, case in enumerate(document.data) if _is_case(document, index, case)], document.problems


def _is_case(document: Document, index: int, case: Any) -> bool:
    if not check(document, (index,), case, _CASE):
        return False
    if not {"expect", "output", "actions"} & case.keys():
        document.complain((index,), f"nothing is expected: give `expect: {_NO_MATCH}`, output or actions")
        return False
    before = len(document.problems)
    if not isinstance(case.get("actions", []), list):
        document.complain((index, "actions"), "a list of actions is expected")
    payload, context = case["payload"], case.get("context", {})
    if _is_bytes(payload) and _bytes(payload["base64"]) is None:
        document.complain((index, "payload", "base64"), "this is not base64")
    drawn = context.get("random", 0.5)
    if isinstance(drawn, bool) or not isinstance(drawn, int | float):
        document.complain((index, "context", "random"), f"a number is expected, not {drawn!r}")
    for key in ("mqtt", "shadow"):
        if not isinstance(context.get(key, {}), dict):
            document.complain((index, "context", key), "a mapping is expected")
    return len(document.problems) == before


def run_case(case: Mapping[str, Any], rules: Sequence[RuleDefinition], number: int) -> CaseResult:
    """Run one case with the rules of its file, disabled ones included."""
    name = str(case.get("name", f"case {number}"))
    asked = case.get("rule", rules[0].name if len(rules) == 1 else None)
    rule = next((rule for rule in rules if rule.name == asked), None)
    if rule is None and (asked is not None or "output" in case):
        return CaseResult(name, f"the file has no rule {asked!r}" if asked else "say which rule the output is of")
    incoming = Incoming(
        topic=case["topic"],
        payload=_payload(case["payload"]),
        priority=_CLASSES[case.get("class", "telemetry")],
        context=_context(case.get("context", {})),
    )
    problems = []
    if rule is not None and ("output" in case or "expect" in case):
        problems.append(_check_output(case, rule, incoming))
    if "actions" in case or (rule is None and "expect" in case):
        problems.append(_check_actions(case, rules, incoming))
    return CaseResult(name, "; ".join(filter(None, problems)))


def _is_bytes(written: Any) -> bool:
    return isinstance(written, dict) and list(written) == ["base64"]


def _bytes(written: Any) -> bytes | None:
    try:
        return base64.b64decode(written, validate=True) if isinstance(written, str) else None
    except ValueError:
        return None


def _payload(written: Any) -> bytes:
    if _is_bytes(written):
        return _bytes(written["base64"]) or b""
    return json.dumps(written, ensure_ascii=False).encode()


def _context(written: Mapping[str, Any]) -> Context:
    # As the daemon reads them from its database: 7.0 is an Int.
    shadows = decode_payload(json.dumps(written["shadow"]).encode(), 2) if "shadow" in written else None
    known = {key: value for key, value in written.items() if key not in {"random", "uuid", "shadow"}}
    return Context(
        **known,
        random=lambda: float(written.get("random", 0.5)),
        new_uuid=lambda: str(written.get("uuid", "00000000-0000-4000-8000-000000000000")),
        shadow=None
        if not isinstance(shadows, dict)
        else lambda thing, name: shadows.get(thing if name is None else f"{thing}/{name}"),
    )


def _check_output(case: Mapping[str, Any], rule: RuleDefinition, incoming: Incoming) -> str:
    try:
        value = rule.statement.evaluate(incoming.topic, incoming.payload, incoming.context)
    except EvaluationError as error:
        return str(error)
    if "expect" in case:
        return "" if value is NO_MATCH else f"the rule matches and gives {_shown(value)}"
    if value is NO_MATCH:
        return "the rule does not match"
    wanted = case["output"]
    return "" if equal(value, wanted) else f"the output is {_shown(value)}, expected is {_shown(wanted)}"


def _check_actions(case: Mapping[str, Any], rules: Sequence[RuleDefinition], incoming: Incoming) -> str:
    effects = RuleSet(replace(rule, is_disabled=False) for rule in rules).apply(incoming)
    seen = [_described(effect) for effect in effects]
    wanted = case.get("actions", [])
    if len(seen) == len(wanted) and all(_contains(a, b) for a, b in zip(seen, wanted, strict=True)):
        return ""
    return f"the actions are {_shown(seen)}, expected are {_shown(wanted)}"


def _described(effect: Effect) -> dict[str, Any]:
    if isinstance(effect, Republish):
        message = effect.message
        body = {"topic": message.topic, "payload": _read(message.payload), "qos": message.qos}
        extra = {
            "retain": message.retain,
            "class": message.priority.name.lower(),
            "properties": dict(message.properties),
        }
        return {"republish": {**body, **extra}}
    if isinstance(effect, HttpCall):
        return {"http": {"url": effect.url, "headers": dict(effect.headers), "body": _read(effect.body)}}
    if isinstance(effect, Notify):
        told = {"to": list(effect.to), "title": effect.title, "text": effect.text, "snapshot": effect.snapshot}
        return {"notify": {**told, "priority": effect.priority}}
    if isinstance(effect, EdgeAction):
        return {effect.kind: _arguments(effect)}
    return {"failed": {"rule": effect.rule, "code": effect.code, "text": effect.text}}


def _arguments(action: EdgeAction) -> dict[str, Any]:
    """The effects under their names in rule files."""
    match action:
        case HoldOutput(line=line, on=on):
            return {"line": line, "value": int(on)}
        case PulseOutput(line=line, lasting=lasting):
            return {"line": line, "pulse": lasting}
        case KeepPicture(camera=camera, reason=reason):
            return {"camera": camera, "reason": reason}
        case LogLine(level=level, text=text):
            return {"level": level, "text": text}
    return {}


def _read(payload: bytes) -> Any:
    value = decode_payload(payload, 2)
    return {"base64": base64.b64encode(payload).decode()} if value is NOT_JSON else value


def _contains(seen: Any, wanted: Any) -> bool:
    """Whether `seen` matches `wanted`; objects may have further keys."""
    if isinstance(seen, dict) and isinstance(wanted, dict):
        return all(key in seen and _contains(seen[key], value) for key, value in wanted.items())
    return equal(seen, wanted)


def _shown(value: Value) -> str:
    return "nothing" if value is UNDEFINED else json.dumps(value, ensure_ascii=False, default=str)
