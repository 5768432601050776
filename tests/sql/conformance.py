"""The adapter between a conformance case (statement, topic, payload, context) and our rules."""

import base64
import json
from collections.abc import Sequence
from typing import Any

from edge_mask.sql import NO_MATCH, UNDEFINED, Context, RuleInput, Template, compile_rule

__all__ = ["NO_MATCH", "evaluate", "payload_of"]


def payload_of(case: Any) -> bytes:
    """The bytes of a case's payload: `{"base64": …}` alone is binary, anything else is written as JSON."""
    if isinstance(case, dict) and list(case) == ["base64"]:
        return base64.b64decode(case["base64"])
    return json.dumps(case, ensure_ascii=False).encode()


def _answers(context: dict[str, Any], function: str, arguments: Sequence[Any]) -> Any:
    for call in context.get("cloud", {}).get(function, []):
        if call["args"] == list(arguments):
            return call["returns"]
    raise AssertionError(f"no answer is prepared for {function}{tuple(arguments)}")


def _shadow(context: dict[str, Any], thing: str, name: str | None) -> Any:
    for call in context.get("cloud", {}).get("get_thing_shadow", []):
        if call["args"][0] == thing and (call["args"][1] if len(call["args"]) > 2 else None) == name:
            return call["returns"]
    return None


def evaluate(sql: str, topic: str, payload: bytes, context: dict[str, Any], version: str) -> Any:
    """The outgoing value (bytes for a binary payload), NO_MATCH, or the text of the context's template."""
    known = Context(
        timestamp=context.get("timestamp", 0),
        client_id=context.get("client_id"),
        principal=context.get("principal"),
        account_id=context.get("account_id"),
        trace_id=context.get("trace_id"),
        over_mqtt=context.get("protocol", "mqtt") != "http",
        shadow=lambda thing, name: _shadow(context, thing, name),
        cloud=lambda function, arguments: _answers(context, function, arguments),
    )
    rule = compile_rule(sql, version)
    if "template" in context:
        message = RuleInput(topic, payload, known)
        rule.assign(message)
        return Template(context["template"], version, rule.variables).render(message)
    value = rule.evaluate(topic, payload, known)
    return "" if value is UNDEFINED else value
