"""Exports rules to AWS: CloudFormation resources, or payloads for `aws iot create-topic-rule`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import yaml

from edge_mask.rules.aws_actions import AWS_ACTIONS, NEEDS_ROLE, ONLY_API
from edge_mask.rules.rule_file import RuleDefinition
from edge_mask.rules.shapes import Field, ListOf, Shape

ROLE_PARAMETER: Final = "RuleRoleArn"


@dataclass(slots=True)
class Exported:
    """The document, and a sentence for each part that AWS does not have."""

    document: Any
    remarks: list[str] = field(default_factory=list)


def as_cli(rules: Sequence[RuleDefinition], role_arn: str | None) -> Exported:
    """A list of `{"ruleName", "topicRulePayload"}`, each an input of `aws iot create-topic-rule --cli-input-json`."""
    exported = Exported([])
    for rule in rules:
        payload = _payload(rule, role_arn, exported.remarks, cloudformation=False)
        if payload is None:
            continue
        if role_arn is None and _roles_missing(payload):
            exported.remarks.append(f"{rule.name}: roleArn is missing; AWS needs one: give --role-arn")
        exported.document.append({"ruleName": rule.name, "topicRulePayload": payload})
    return exported


def as_cloudformation(rules: Sequence[RuleDefinition], role_arn: str | None) -> Exported:
    """A template with one AWS::IoT::TopicRule for each rule; without `role` the role becomes a parameter."""
    resources: dict[str, Any] = {}
    exported = Exported({"AWSTemplateFormatVersion": "2010-09-09"})
    needs_parameter = False
    role: Any = role_arn if role_arn is not None else {"Ref": ROLE_PARAMETER}
    for rule in rules:
        payload = _payload(rule, role, exported.remarks, cloudformation=True)
        if payload is None:
            continue
        needs_parameter |= role_arn is None and _mentions(payload, role)
        resources[_logical_id(rule.name, resources)] = {
            "Type": "AWS::IoT::TopicRule",
            "Properties": {"RuleName": rule.name, "TopicRulePayload": _capitals(payload)},
        }
    if needs_parameter:
        exported.document["Parameters"] = {
            ROLE_PARAMETER: {"Type": "String", "Description": "The role that lets AWS IoT do what the rules say"}
        }
    exported.document["Resources"] = resources
    return exported


class _Dumper(yaml.SafeDumper):
    """No aliases, which CloudFormation refuses; several lines as a block."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002  the library's signature
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _text)


def to_yaml(document: Any) -> str:
    """The document as readable YAML."""
    return yaml.dump(document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)


def _payload(rule: RuleDefinition, role: Any, remarks: list[str], *, cloudformation: bool) -> dict[str, Any] | None:
    written = rule.payload
    made: dict[str, Any] = {"sql": written["sql"], "awsIotSqlVersion": rule.statement.version}
    made["ruleDisabled"] = rule.is_disabled
    if "description" in written:
        made["description"] = written["description"]
    if "edgeMask" in written:
        remarks.append(f"{rule.name}: atMostEvery is the device's own; in AWS the rule takes up every message")
    actions = (_action(rule.name, action, role, remarks, cloudformation) for action in written["actions"])
    made["actions"] = [action for action in actions if action is not None]
    if not made["actions"] and written["actions"]:
        remarks.append(f"{rule.name}: left out, all of its actions are the device's own")
        return None
    if "errorAction" in written:
        error = _action(rule.name, written["errorAction"], role, remarks, cloudformation)
        if error is not None:
            made["errorAction"] = error
    return made


def _action(
    rule: str, action: Mapping[str, Any], role: Any, remarks: list[str], cloudformation: bool
) -> dict[str, Any] | None:
    kind, fields = next(iter(action.items()))
    if kind == "edgeMask":
        remarks.append(f"{rule}: edgeMask.{next(iter(fields))} is the device's own and is left out")
        return None
    if cloudformation and kind in ONLY_API:
        remarks.append(f"{rule}: CloudFormation has no {kind} action; it is left out")
        return None
    if kind == "http" and fields["url"].startswith("http:"):
        remarks.append(f"{rule}: http: AWS posts to https addresses only")
    kept = _for_aws(fields, AWS_ACTIONS[kind], f"{rule}: {kind}", remarks)
    if cloudformation and kept.pop("operation", None) is not None:
        remarks.append(f"{rule}: CloudFormation has no {kind}.operation; it is left out")
    if role is not None and kind in NEEDS_ROLE and "roleArn" not in kept:
        kept["roleArn"] = role
    return {kind: kept}


def _for_aws(fields: Mapping[str, Any], expected: Shape, where: str, remarks: list[str]) -> dict[str, Any]:
    kept = {}
    for key, value in fields.items():
        if expected.fields[key].only_here:
            remarks.append(f"{where}.{key} is the device's own and is left out")
        else:
            kept[key] = value
    return kept


def _roles_missing(payload: Mapping[str, Any]) -> bool:
    actions = [*payload["actions"], *([payload["errorAction"]] if "errorAction" in payload else [])]
    return any(kind in NEEDS_ROLE and "roleArn" not in fields for action in actions for kind, fields in action.items())


def _mentions(value: Any, wanted: Any) -> bool:
    if value == wanted:
        return True
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return any(_mentions(item, wanted) for item in inner)


def _capital(key: str) -> str:
    return key[:1].upper() + key[1:]


def _capitals(payload: Mapping[str, Any]) -> dict[str, Any]:
    """The payload with CloudFormation's keys instead of the API's; keys of free maps stay unchanged."""
    made: dict[str, Any] = {}
    for key, value in payload.items():
        if key == "actions":
            made["Actions"] = [_capital_action(action) for action in value]
        else:
            made[_capital(key)] = _capital_action(value) if key == "errorAction" else value
    return made


def _capital_action(action: Mapping[str, Any]) -> dict[str, Any]:
    return {_capital(kind): _capital_fields(fields, AWS_ACTIONS[kind]) for kind, fields in action.items()}


def _capital_fields(fields: Mapping[str, Any], expected: Shape) -> dict[str, Any]:
    return {_capital(key): _capital_value(value, expected.fields[key]) for key, value in fields.items()}


def _capital_value(value: Any, expected: Field) -> Any:
    if isinstance(expected.kind, Shape):
        return _capital_fields(value, expected.kind)
    if isinstance(expected.kind, ListOf):
        return [_capital_fields(item, expected.kind.item) for item in value]
    return value


def _logical_id(name: str, taken: Mapping[str, Any]) -> str:
    """A resource name for CloudFormation, which allows letters and digits only."""
    made = "".join(_capital(part) for part in name.split("_")) + "Rule"
    return made if made not in taken else f"{made}{len(taken)}"
