"""+ - * / % and the comparisons, by AWS's operator tables: an operand that is no number gives Undefined."""

import operator
from collections.abc import Callable
from decimal import Decimal, DecimalException
from typing import Final

from edge_mask.sql.text import check_size, to_text
from edge_mask.sql.values import (
    PRECISION,
    UNDEFINED,
    Value,
    bounded_int,
    compare,
    equal,
    exact,
    is_number,
    to_boolean,
    to_number,
    whole,
)

Binary = Callable[[Value, Value], Value]

_EXACT_FLOAT: Final = 2**53


def _decimals(operation: Callable[[Decimal, Decimal], Decimal], left: Value, right: Value) -> Value:
    try:
        return operation(exact(left), exact(right))
    except DecimalException:
        return UNDEFINED


def _numeric(ints: Callable[[int, int], Value], decimals: Callable[[Decimal, Decimal], Decimal]) -> Binary:
    def run(left: Value, right: Value) -> Value:
        if type(left) is int and type(right) is int:
            return ints(left, right)
        left, right = to_number(left), to_number(right)
        if left is UNDEFINED or right is UNDEFINED:
            return UNDEFINED
        return _decimals(decimals, left, right)

    return run


def _divide_ints(left: int, right: int) -> Value:
    if right == 0:
        return UNDEFINED
    quotient = abs(left) // abs(right)
    return bounded_int(quotient if (left < 0) == (right < 0) else -quotient)


def _remainder_ints(left: int, right: int) -> Value:
    if right == 0:
        return UNDEFINED
    rest = abs(left) % abs(right)
    return bounded_int(-rest if left < 0 else rest)


subtract: Final = _numeric(lambda a, b: bounded_int(a - b), PRECISION.subtract)
multiply: Final = _numeric(lambda a, b: bounded_int(a * b), PRECISION.multiply)
divide: Final = _numeric(_divide_ints, PRECISION.divide)
remainder: Final = _numeric(_remainder_ints, PRECISION.remainder)


def _add(version: int) -> Binary:
    tidy = whole if version > 1 else _same

    def run(left: Value, right: Value) -> Value:
        if type(left) is int and type(right) is int:
            return bounded_int(left + right)
        if type(left) is str or type(right) is str:
            return _join(to_text(tidy(left)), to_text(tidy(right)))
        if is_number(left) and is_number(right):
            return _decimals(PRECISION.add, left, right)
        return UNDEFINED

    return run


def _same(value: Value) -> Value:
    return value


def _join(left: Value, right: Value) -> Value:
    if left is UNDEFINED or right is UNDEFINED:
        return UNDEFINED
    check_size(len(left) + len(right))
    return left + right


def _ordered(test: Callable[[Value, Value], bool]) -> Binary:
    def run(left: Value, right: Value) -> Value:
        a, b = type(left), type(right)
        if (a is int or a is float) and (b is int or b is float) and -_EXACT_FLOAT < right < _EXACT_FLOAT:
            return test(left, right)
        left, right = to_number(left), to_number(right)
        if left is UNDEFINED or right is UNDEFINED:
            return UNDEFINED
        return test(compare(left, right), 0)

    return run


def _equals(left: Value, right: Value) -> Value:
    if left is UNDEFINED or right is UNDEFINED:
        return UNDEFINED
    return equal(left, right)


def _differs(left: Value, right: Value) -> Value:
    if left is UNDEFINED or right is UNDEFINED:
        return UNDEFINED
    return not equal(left, right)


def _is_in(left: Value, right: Value) -> Value:
    if left is UNDEFINED or type(right) is not list:
        return UNDEFINED
    return any(equal(left, item) for item in right)


def negate(value: Value) -> Value:
    """`- value`."""
    return subtract(0, value)


def logical_not(value: Value) -> Value:
    """`NOT value`."""
    truth = to_boolean(value)
    return UNDEFINED if truth is UNDEFINED else not truth


ORDERS: Final[dict[str, Callable[[Value, Value], bool]]] = {
    ">": operator.gt, ">=": operator.ge, "<": operator.lt, "<=": operator.le,
}  # fmt: skip

_COMMON: Final[dict[str, Binary]] = {
    "-": subtract, "*": multiply, "/": divide, "%": remainder, "=": _equals, "<>": _differs, "IN": _is_in,
    **{sign: _ordered(test) for sign, test in ORDERS.items()},
}  # fmt: skip

OPERATORS: Final[dict[int, dict[str, Binary]]] = {version: {**_COMMON, "+": _add(version)} for version in (1, 2)}
"""By version of the language and sign."""
