"""Builds the result of SELECT: an object with each item under its key or path of keys."""

from collections.abc import Callable

from edge_mask.sql.errors import EvaluationError
from edge_mask.sql.rule_input import RuleInput
from edge_mask.sql.values import UNDEFINED, Value

Closure = Callable[[Value, RuleInput], Value]
Made = tuple[Closure, tuple[str, ...], bool]
"""A value, the path it goes to (empty: merge), and whether it is a `*`."""


def projection(items: list[Made]) -> Closure:
    """The closure that makes the object; a lone `*` is the payload itself."""
    if len(items) == 1 and not items[0][1]:
        return items[0][0]
    if all(len(path) == 1 for _value, path, _star in items):
        return _flat([(value, path[0]) for value, path, _star in items])

    def make(scope: Value, message: RuleInput) -> Value:
        made: dict[str, Value] = {}
        for value, path, _star in items:
            result = value(scope, message)
            if not path:
                made.update(_mergeable(result))
            elif result is not UNDEFINED:
                _put(made, path, _json(result))
        return made

    return make


def _flat(items: list[tuple[Closure, str]]) -> Closure:
    def make(scope: Value, message: RuleInput) -> Value:
        made: dict[str, Value] = {}
        for value, key in items:
            result = value(scope, message)
            if result is not UNDEFINED:
                made[key] = result if type(result) is not bytes else _json(result)
        return made

    return make


def no_array(value: Closure) -> Closure:
    """SELECT VALUE as version 2015-10-08 has it: anything but an array."""

    def make(scope: Value, message: RuleInput) -> Value:
        result = value(scope, message)
        if type(result) is list:
            raise EvaluationError("SELECT VALUE of an array needs awsIotSqlVersion 2016-03-23")
        return result

    return make


def _mergeable(value: Value) -> dict[str, Value]:
    if not isinstance(value, dict):
        raise EvaluationError("SELECT *, … adds to a JSON object, and this payload is none")
    return value


def _json(value: Value) -> Value:
    if isinstance(value, bytes):
        raise EvaluationError("a binary payload cannot stand inside JSON: use encode(*, 'base64')")
    return value


def _put(made: dict[str, Value], path: tuple[str, ...], value: Value) -> None:
    """Put `value` at `path` and copy the objects on the way: all rules share the payload."""
    for key in path[:-1]:
        inner = made.get(key)
        made[key] = dict(inner) if isinstance(inner, dict) else {}
        made = made[key]
    made[path[-1]] = value
