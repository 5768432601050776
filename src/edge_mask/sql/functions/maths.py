"""Numbers: rounding, trigonometry, bits."""

import math
from collections.abc import Callable
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_UP, Decimal, DecimalException
from typing import Final

from edge_mask.sql.arithmetic import remainder, subtract
from edge_mask.sql.functions.registry import function
from edge_mask.sql.values import PRECISION, UNDEFINED, Value, compare, exact, is_number, to_int_down, to_number

_MAX_PLACES: Final = 34


def _double(value: Value) -> float | None:
    """The argument in double precision; None when it is no number or too large for one."""
    number = to_number(value)
    if number is UNDEFINED:
        return None
    try:
        double = float(number)
    except OverflowError:
        return None
    return double if math.isfinite(double) else None


def _real(compute: Callable[[], float]) -> Value:
    """The result in double precision; UNDEFINED when it is imaginary or not finite."""
    try:
        result = compute()
    except (ValueError, OverflowError, ZeroDivisionError):
        return UNDEFINED
    return result if math.isfinite(result) else UNDEFINED


def _enter_real(name: str, compute: Callable[[float], float]) -> None:
    @function(name, 1)
    def body(value: Value) -> Value:
        double = _double(value)
        return UNDEFINED if double is None else _real(lambda: compute(double))


for _name, _compute in (
    ("acos", math.acos),
    ("asin", math.asin),
    ("atan", math.atan),
    ("cos", math.cos),
    ("cosh", math.cosh),
    ("exp", math.exp),
    ("ln", math.log),
    ("log", math.log10),
    ("sin", math.sin),
    ("sinh", math.sinh),
    ("sqrt", math.sqrt),
    ("tan", math.tan),
    ("tanh", math.tanh),
):
    _enter_real(_name, _compute)


@function("atan2", 2)
def atan2(y: Value, x: Value) -> Value:
    """The angle of the point (x, y), in radians."""
    a, b = _double(y), _double(x)
    return UNDEFINED if a is None or b is None else math.atan2(a, b)


@function("power", 2)
def power(base: Value, exponent: Value) -> Value:
    """base ^ exponent in double precision."""
    a, b = _double(base), _double(exponent)
    return UNDEFINED if a is None or b is None else _real(lambda: math.pow(a, b))


@function("abs", 1)
def absolute(value: Value) -> Value:
    """The distance from zero."""
    number = to_number(value)
    if number is UNDEFINED:
        return UNDEFINED
    return subtract(0, number) if compare(number, 0) < 0 else number


@function("sign", 1)
def sign(value: Value) -> Value:
    """-1, 0 or 1."""
    number = to_number(value)
    return UNDEFINED if number is UNDEFINED else compare(number, 0)


def _enter_rounding(name: str, rounding: str) -> None:
    @function(name, 1)
    def body(value: Value) -> Value:
        number = to_number(value)
        if number is UNDEFINED or type(number) is int:
            return number
        return int(exact(number).to_integral_value(rounding=rounding))


_enter_rounding("ceil", ROUND_CEILING)
_enter_rounding("floor", ROUND_FLOOR)
_enter_rounding("round", ROUND_HALF_UP)


@function("trunc", 2)
def trunc(value: Value, places: Value) -> Value:
    """The number with at most `places` (0..34) digits after the point, trailing zeros stripped."""
    number = to_number(value)
    if number is UNDEFINED or not is_number(places) or (count := to_int_down(places)) is UNDEFINED:
        return UNDEFINED
    if type(number) is int:
        return number
    unit = Decimal(1).scaleb(-min(max(count, 0), _MAX_PLACES))
    decimal = exact(number)
    try:
        cut = decimal - PRECISION.remainder(decimal, unit)
    except DecimalException:  # more whole digits than 34: nothing to cut
        return number
    return int(cut) if cut == cut.to_integral_value() else cut.normalize(PRECISION)


@function("mod", 2)
def mod(left: Value, right: Value) -> Value:
    """left % right."""
    return remainder(left, right)


@function("remainder", 2)
def remainder_(left: Value, right: Value) -> Value:
    """left % right."""
    return remainder(left, right)


def _enter_bits(name: str, compute: Callable[[int, int], int]) -> None:
    @function(name, 2)
    def body(left: Value, right: Value) -> Value:
        a, b = to_int_down(left), to_int_down(right)
        return UNDEFINED if a is UNDEFINED or b is UNDEFINED else compute(a, b)


_enter_bits("bitand", lambda a, b: a & b)
_enter_bits("bitor", lambda a, b: a | b)
_enter_bits("bitxor", lambda a, b: a ^ b)


@function("bitnot", 1)
def bitnot(value: Value) -> Value:
    """Every bit turned round, in two's complement."""
    number = to_int_down(value)
    return UNDEFINED if number is UNDEFINED else ~number


@function("nanvl", 2)
def nanvl(first: Value, second: Value) -> Value:
    """The first argument unless it is null or Undefined."""
    return second if first is None or first is UNDEFINED else first
