"""AWS IoT SQL on the device: pure, no MQTT, no clock.

compile_rule("SELECT * FROM 'kf99/topic' WHERE temperature > 30", "2016-03-23").evaluate(topic, payload, context)
"""

from edge_mask.rules.context import NOWHERE, Context
from edge_mask.rules.errors import EvaluationError, RuleError
from edge_mask.rules.message import Message
from edge_mask.rules.statement import DEFAULT_VERSION, VERSIONS, CompiledRule, compile_rule
from edge_mask.rules.template import Template, render_template
from edge_mask.rules.values import NO_MATCH, UNDEFINED, Value
from edge_mask.rules.wire import to_payload

__all__ = [
    "DEFAULT_VERSION",
    "NOWHERE",
    "NO_MATCH",
    "UNDEFINED",
    "VERSIONS",
    "CompiledRule",
    "Context",
    "EvaluationError",
    "Message",
    "RuleError",
    "Template",
    "Value",
    "compile_rule",
    "render_template",
    "to_payload",
]
