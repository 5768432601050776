"""Functions that only AWS can answer: a rule with one of them is exported, and not run on the device."""

from typing import Literal

from edge_mask.rules.errors import EvaluationError
from edge_mask.rules.functions.registry import function
from edge_mask.rules.message import Message
from edge_mask.rules.values import Value


def _enter(name: str, least: int, most: int | None = -1, *, since: Literal[1, 2] = 1) -> None:
    @function(name, least, most, since=since, sees_message=True, runs_in_aws=True)
    def body(message: Message, *arguments: Value) -> Value:
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
