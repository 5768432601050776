"""Functions that return facts about the message other than its payload."""

import base64
from typing import Final, Literal

from edge_mask.sql.errors import EvaluationError
from edge_mask.sql.functions.registry import Cost, function
from edge_mask.sql.rule_input import RuleInput
from edge_mask.sql.text import to_text
from edge_mask.sql.topics import without_basic_ingest
from edge_mask.sql.values import UNDEFINED, Value, to_int_down

UNKNOWN: Final = "n/a"
_PROPERTIES: Final = {
    "content_type": "content_type",
    "response_topic": "response_topic",
    "correlation_data": "correlation_data",
    "format_indicator": "payload_format_indicator",
}


@function("topic", 0, 1, sees_message=True)
def topic(message: RuleInput, *segment: Value) -> Value:
    """The topic, or its n-th part counted from 1."""
    whole_topic = without_basic_ingest(message.topic)
    if not segment:
        return whole_topic
    number, parts = to_int_down(segment[0]), whole_topic.split("/")
    return parts[number - 1] if number is not UNDEFINED and 1 <= number <= len(parts) else UNDEFINED


@function("timestamp", 0, sees_message=True)
def timestamp(message: RuleInput) -> Value:
    """Milliseconds since 1970 when the rules look at the message."""
    return message.context.timestamp


@function("clientid", 0, sees_message=True)
def client_id(message: RuleInput) -> Value:
    """The MQTT client that sent the message."""
    known = message.context.client_id if message.context.over_mqtt else None
    return UNKNOWN if known is None else known


@function("principal", 0, sees_message=True)
def principal(message: RuleInput) -> Value:
    """Thumbprint of the certificate, or name, that the sender showed."""
    return UNKNOWN if message.context.principal is None else message.context.principal


@function("accountid", 0, sees_message=True)
def account_id(message: RuleInput) -> Value:
    """The AWS account of the rule."""
    return UNKNOWN if message.context.account_id is None else message.context.account_id


@function("sourceip", 0, sees_message=True)
def source_ip(message: RuleInput) -> Value:
    """The address the message came from."""
    return UNKNOWN if message.context.source_ip is None else message.context.source_ip


@function("traceid", 0, sees_message=True)
def trace_id(message: RuleInput) -> Value:
    """The trace id of an MQTT message."""
    known = message.context.trace_id if message.context.over_mqtt else None
    return UNDEFINED if known is None else known


@function("newuuid", 0, sees_message=True)
def new_uuid(message: RuleInput) -> Value:
    """A new random UUID."""
    return message.context.new_uuid()


@function("rand", 0, sees_message=True)
def rand(message: RuleInput) -> Value:
    """A number from 0.0 to 1.0."""
    return message.context.random()


@function("get_mqtt_property", 1, sees_message=True)
def get_mqtt_property(message: RuleInput, name: Value) -> Value:
    """An MQTT 5 header: content_type, response_topic, correlation_data (in base64) or format_indicator."""
    known = _PROPERTIES.get(name) if isinstance(name, str) else None
    value = message.context.mqtt.get(known) if known else None
    if value is None:
        return UNDEFINED
    if known == "payload_format_indicator":
        return "UTF8_DATA" if value else "UNSPECIFIED_BYTES"
    return base64.b64encode(value).decode() if isinstance(value, bytes) else value


@function("get_user_properties", 0, 1, sees_message=True, cost=Cost.SPACE)
def get_user_properties(message: RuleInput, *key: Value) -> Value:
    """Every value of one user property, or all properties as objects."""
    properties = message.context.user_properties
    if not key:
        return [{name: value} for name, value in properties] or UNDEFINED
    return [value for name, value in properties if name == key[0]] or UNDEFINED


@function("get_thing_shadow", 2, 3, since=2, sees_message=True, cost=Cost.SPACE)
def get_thing_shadow(message: RuleInput, thing: Value, *rest: Value) -> Value:
    """The local shadow of a thing: (thing, role) or (thing, shadow name, role)."""
    name = to_text(thing)
    shadow_name = to_text(rest[0]) if len(rest) > 1 else None
    if message.context.shadow is None or name is UNDEFINED or shadow_name is UNDEFINED:
        return UNDEFINED
    if "/" in name:  # no thing has such a name, and `thing/name` is the key of a named shadow
        return UNDEFINED
    document = message.context.shadow(name, shadow_name)
    return UNDEFINED if document is None else document


@function("sql_version", 0)
def sql_version() -> Value:
    """The version of the rule; the compiler, which knows it, puts it in the place of the call."""
    return UNDEFINED


# -- what only AWS can answer: a rule with one of these is exported, and does not run on the device -----------


def _enter(name: str, least: int, most: int | None = -1, *, since: Literal[1, 2] = 1) -> None:
    @function(name, least, most, since=since, sees_message=True, runs_in_aws=True)
    def body(message: RuleInput, *arguments: Value) -> Value:
        if message.context.cloud is None:
            raise EvaluationError(f"{name}() runs in AWS, not on the device")
        return message.context.cloud(name, arguments)


_enter("aws_lambda", 2)
_enter("get_dynamodb", 4, 6, since=2)
_enter("get_secret", 3, 4)
_enter("machinelearning_predict", 3)
_enter("get_registry_data", 3)

AT_MOST_ONCE = "get_dynamodb"
"""Calling it twice in one statement is an error."""
