"""The values of the language and the standard conversions between them.

Undefined is its own value, distinct from null. Numbers are `int`, `float` or `Decimal`; a float stands for the
decimal number that its shortest text spells (0.1 is exactly one tenth), so that most numbers never cost a Decimal.
"""

import re
from decimal import ROUND_DOWN, ROUND_HALF_UP, Context, Decimal, DivisionByZero, InvalidOperation, Overflow
from typing import Any, Final

Value = Any
"""None, bool, int, float, Decimal, str, bytes (a binary payload), list, dict or UNDEFINED."""


class _Undefined:
    """The absence of a value."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "UNDEFINED"

    def __bool__(self) -> bool:
        return False


class _NoMatch:
    """The message is not for this rule."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "NO_MATCH"


UNDEFINED: Final = _Undefined()
NO_MATCH: Final = _NoMatch()

PRECISION: Final = Context(prec=34, Emin=-999, Emax=999, traps=[DivisionByZero, InvalidOperation, Overflow])
"""34 digits, magnitudes up to 9.99E999."""

_INT_LIMIT: Final = 10**34
_EXACT_FLOAT: Final = 2**53
_NUMBER: Final = re.compile(r"-?\d+(\.\d+)?([eE]-?\d+)?", re.ASCII)
_MAX_EXPONENT: Final = 999


def is_number(value: Value) -> bool:
    """Int or Decimal; a Boolean is neither."""
    kind = type(value)
    return kind is int or kind is float or kind is Decimal


def exact(number: float | Decimal) -> Decimal:
    """The decimal number that an int, float or Decimal stands for."""
    kind = type(number)
    if kind is float:
        return Decimal(repr(number))
    return number if isinstance(number, Decimal) else Decimal(number)


def text_to_number(text: str) -> Value:
    """A text that spells a number, as an int or Decimal; UNDEFINED for any other text."""
    if len(text) > 1000 or not _NUMBER.fullmatch(text):
        return UNDEFINED
    try:
        number = Decimal(text)
    except InvalidOperation:  # an exponent of nineteen digits
        return UNDEFINED
    return number if number.is_zero() or abs(number.adjusted()) <= _MAX_EXPONENT else UNDEFINED


def to_number(value: Value) -> Value:
    """The standard conversion to Decimal, without one for null (every function's table says Undefined)."""
    kind = type(value)
    if kind is int or kind is float:
        return value
    if kind is Decimal:
        return value if value.is_zero() or abs(value.adjusted()) <= _MAX_EXPONENT else UNDEFINED
    return text_to_number(value) if kind is str else UNDEFINED


def to_int_nearest(value: Value) -> Value:
    """The standard conversion to Int: a Decimal goes to the nearest, a text loses its fraction."""
    number = to_number(value)
    if number is UNDEFINED or type(number) is int:
        return number
    rounding = ROUND_DOWN if type(value) is str else ROUND_HALF_UP
    return int(exact(number).to_integral_value(rounding=rounding))


def to_int_down(value: Value) -> Value:
    """To Int where a function says "rounded down": the fraction is dropped."""
    number = to_number(value)
    return number if number is UNDEFINED or type(number) is int else int(exact(number))


def to_boolean(value: Value) -> Value:
    """A Boolean, or the text "true" or "false" in any case; UNDEFINED otherwise."""
    if value is True or value is False:
        return value
    if type(value) is str and len(value) <= len("false"):
        return {"true": True, "false": False}.get(value.lower(), UNDEFINED)
    return UNDEFINED


def whole(value: Value) -> Value:
    """In version 2016-03-23 a number without a fraction is an Int, however it was written or computed."""
    kind = type(value)
    if kind is float:
        return int(exact(value)) if value.is_integer() and abs(value) < 1e34 else value
    if kind is Decimal:
        return plain(value)
    return value


def plain(number: Decimal) -> int | float | Decimal:
    """The plainest number of the same worth: int, else float, else the Decimal itself."""
    if number.is_zero():
        return 0
    if number.adjusted() < PRECISION.prec and number == number.to_integral_value():
        return int(number)
    nearest = float(number) if abs(number.adjusted()) < 300 else 0.0
    return nearest if Decimal(repr(nearest)) == number else number


def simple(value: Value) -> Value:
    """A Decimal that a float stands for as that float; anything else unchanged."""
    if type(value) is not Decimal:
        return value
    nearest = float(value) if value.is_zero() or abs(value.adjusted()) < 300 else 0.0
    return nearest if Decimal(repr(nearest)) == value else value


def bounded_int(number: int) -> Value:
    """An Int of at most 34 digits; a longer one becomes a Decimal rounded to 34, UNDEFINED beyond 9.99E999."""
    if -_INT_LIMIT < number < _INT_LIMIT:
        return number
    try:
        return PRECISION.create_decimal(number)
    except Overflow:
        return UNDEFINED


def compare(left: Value, right: Value) -> int:
    """-1, 0 or 1 for two numbers, exact over int, float and Decimal."""
    if Decimal not in (type(left), type(right)) and -_EXACT_FLOAT < left < _EXACT_FLOAT:
        return int(left > right) - int(left < right)
    a, b = exact(left), exact(right)
    return (a > b) - (a < b)


def equal(left: Value, right: Value) -> bool:
    """Equality of two defined values; values of different types are never equal."""
    kind = type(left)
    if kind is not type(right):
        return is_number(left) and is_number(right) and compare(left, right) == 0
    if kind is list:
        return len(left) == len(right) and all(equal(a, b) for a, b in zip(left, right, strict=True))
    if kind is dict:
        return left.keys() == right.keys() and all(equal(left[key], right[key]) for key in left)
    return bool(left == right)
