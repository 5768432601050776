"""The building blocks of a compiled statement: each is a function of (scope, message)."""

from collections.abc import Callable
from typing import Final, cast

from edge_mask.sql.arithmetic import Binary
from edge_mask.sql.ast import Literal, Node
from edge_mask.sql.errors import EvaluationError
from edge_mask.sql.functions import Function
from edge_mask.sql.functions.registry import Cost
from edge_mask.sql.rule_input import RuleInput
from edge_mask.sql.text import check_size, size_of
from edge_mask.sql.values import UNDEFINED, Value, equal, to_boolean

Closure = Callable[[Value, RuleInput], Value]
"""Scope (the payload, or the element a nested SELECT looks at) and message in, value out."""

_SIMPLE_LIMIT: Final = 2**53
_LARGE: Final = frozenset({list, dict})
_HELD: Final = 4
"""Cost of an array item, in characters of a text."""


def attribute(name: str) -> Closure:
    """A key of the scope."""

    def run(scope: Value, _message: RuleInput) -> Value:
        try:
            return scope[name]
        except (KeyError, TypeError):  # not there, or the scope is no object
            return UNDEFINED

    return run


def member(base: Closure, name: str) -> Closure:
    """`base.name`."""

    def run(scope: Value, message: RuleInput) -> Value:
        value = base(scope, message)
        try:
            return value[name]
        except (KeyError, TypeError):  # as above
            return UNDEFINED

    return run


def chained(first: Closure, steps: list[tuple[Binary, Closure]]) -> Closure:
    """Operators that bind equally, from left to right."""
    if len(steps) == 1:
        operation, right = steps[0]

        def run_one(scope: Value, message: RuleInput) -> Value:
            return _counted(operation, first(scope, message), right(scope, message), message)

        return run_one

    def run(scope: Value, message: RuleInput) -> Value:
        value = first(scope, message)
        for operation, right in steps:
            value = _counted(operation, value, right(scope, message), message)
        return value

    return run


def _counted(operation: Binary, left: Value, right: Value, message: RuleInput) -> Value:
    """One operation. Arrays and objects count as time, new texts as space."""
    if type(right) in _LARGE:
        message.look()
    value = operation(left, right)
    if type(value) is str:
        message.grow(len(value))
    return value


def small_number(node: Node) -> float | None:
    """The number of a literal that compares with any int or float directly."""
    if isinstance(node, Literal) and type(node.value) in (int, float) and abs(node.value) < _SIMPLE_LIMIT:
        return cast("float", node.value)
    return None


def against(left: Closure, test: Callable[[Value, Value], bool], general: Binary, limit: float) -> Closure:
    """`left > 30`: the most common condition, with a short path for the most common values."""

    def run(scope: Value, message: RuleInput) -> Value:
        value = left(scope, message)
        kind = type(value)
        if kind is int or kind is float:
            return test(value, limit)
        return general(value, limit)

    return run


def attribute_against(
    name: str, test: Callable[[Value, Value], bool], general: Binary, limit: float
) -> Callable[[Value, RuleInput], bool]:
    """`WHERE name > 30`, the most common WHERE, as one function: with a hundred rules its speed counts."""

    def run(scope: Value, _message: RuleInput) -> bool:
        try:
            value = scope[name]
        except (KeyError, TypeError):  # as above
            return False
        kind = type(value)
        if kind is int or kind is float:
            return test(value, limit)
        return general(value, limit) is True

    return run


def logical(parts: list[Closure], winner: bool) -> Closure:
    """AND (winner False) and OR (True). One operand may decide alone; else all must be Booleans, or it is Undefined."""

    def run(scope: Value, message: RuleInput) -> Value:
        result: Value = not winner
        for part in parts:
            truth = to_boolean(part(scope, message))
            if truth is winner:
                return winner
            if truth is UNDEFINED:
                result = UNDEFINED
        return result

    return run


def cased(subject: Closure, branches: list[tuple[Closure, Closure]], otherwise: Closure | None) -> Closure:
    """`CASE subject WHEN … THEN … ELSE … END`."""

    def run(scope: Value, message: RuleInput) -> Value:
        value = subject(scope, message)
        if value is UNDEFINED:
            return UNDEFINED
        for test, result in branches:
            if type(value) in _LARGE:
                message.look()
            candidate = test(scope, message)
            if candidate is not UNDEFINED and equal(value, candidate):
                return result(scope, message)
        return UNDEFINED if otherwise is None else otherwise(scope, message)

    return run


def called(found: Function, arguments: list[Closure]) -> Closure:
    """Call a function with checked argument count and counted cost."""
    call = _plain_call(found, arguments)
    if found.cost is Cost.TIME:

        def timed(scope: Value, message: RuleInput) -> Value:
            message.look()
            return _measured(call(scope, message), message)

        return timed
    if found.cost is Cost.SPACE:

        def spacious(scope: Value, message: RuleInput) -> Value:
            message.look()
            value = call(scope, message)
            message.grow(_HELD * size_of(value) if type(value) in _LARGE else 0)
            return _measured(value, message)

        return spacious

    def run(scope: Value, message: RuleInput) -> Value:
        message.call()
        return _measured(call(scope, message), message)

    return run


def _measured(value: Value, message: RuleInput) -> Value:
    if type(value) is str:
        message.grow(len(value))
    return value


def _plain_call(found: Function, arguments: list[Closure]) -> Closure:
    body = found.body
    if found.sees_message:
        return lambda scope, message: body(message, *[argument(scope, message) for argument in arguments])
    if len(arguments) == 1:
        only = arguments[0]
        return lambda scope, message: body(only(scope, message))
    if len(arguments) == 2:
        left, right = arguments
        return lambda scope, message: body(left(scope, message), right(scope, message))
    return lambda scope, message: body(*[argument(scope, message) for argument in arguments])


def attempt(inner: Closure) -> Closure:
    """The value, or Undefined when it cannot be computed for this message."""

    def run(scope: Value, message: RuleInput) -> Value:
        try:
            return inner(scope, message)
        except EvaluationError:
            return UNDEFINED

    return run


def array(items: list[Closure]) -> Closure:
    """`[a, b]` without Undefined items."""

    def run(scope: Value, message: RuleInput) -> Value:
        values = (item(scope, message) for item in items)
        return [value for value in values if value is not UNDEFINED]

    return run


def mapping(members: list[tuple[str, Closure]]) -> Closure:
    """`{'a': b}` without Undefined values."""

    def run(scope: Value, message: RuleInput) -> Value:
        values = ((name, value(scope, message)) for name, value in members)
        return {name: value for name, value in values if value is not UNDEFINED}

    return run


def query(source: Closure, make: Closure, keep: Callable[[Value, RuleInput], bool] | None) -> Closure:
    """A nested SELECT: one result for each element of an array, a single one for an object."""

    def one(element: Value, message: RuleInput) -> Value:
        message.step()
        return make(element, message) if keep is None or keep(element, message) else UNDEFINED

    def run(scope: Value, message: RuleInput) -> Value:
        value = source(scope, message)
        if type(value) is not list:
            return one(value, message) if type(value) is dict else UNDEFINED
        found: list[Value] = []
        size = 0
        for element in value:
            result = one(element, message)
            if result is not UNDEFINED:
                found.append(result)
                made = size_of(result)
                size += made
                check_size(size)
                message.grow(made)
        return found

    return run


def exists(inner: Closure) -> Closure:
    """Whether a nested SELECT finds anything."""

    def run(scope: Value, message: RuleInput) -> Value:
        found = inner(scope, message)
        return found is not UNDEFINED and found != []

    return run
