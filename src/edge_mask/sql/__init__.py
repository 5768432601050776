"""AWS IoT SQL on the device: pure, no MQTT, no clock.

compile_rule("SELECT * FROM 'kf99/topic' WHERE temperature > 30", "2016-03-23").evaluate(topic, payload, context)
"""

from edge_mask.sql.errors import EvaluationError, RuleError
from edge_mask.sql.json import to_payload
from edge_mask.sql.rule_input import NOWHERE, Context, RuleInput
from edge_mask.sql.statement import DEFAULT_VERSION, VERSIONS, CompiledRule, compile_rule
from edge_mask.sql.template import Template, render_template
from edge_mask.sql.values import NO_MATCH, UNDEFINED, Value

__all__ = [
    "DEFAULT_VERSION",
    "NOWHERE",
    "NO_MATCH",
    "UNDEFINED",
    "VERSIONS",
    "CompiledRule",
    "Context",
    "EvaluationError",
    "RuleError",
    "RuleInput",
    "Template",
    "Value",
    "compile_rule",
    "render_template",
    "to_payload",
]
