"""JSON in and JSON out, without losing a digit.

A payload's numbers become int or float where that is exact and Decimal where it is not; the way back writes each
number with all of its digits.
"""

import json
import re
from decimal import Decimal, InvalidOperation, Overflow
from typing import Final

from edge_mask.rules.errors import EvaluationError
from edge_mask.rules.values import PRECISION, UNDEFINED, Value, plain, simple

MAX_DEPTH: Final = 100
"""Arrays and objects inside one another, in a payload."""

_FLOAT_DIGITS: Final = 16
"""A number this short, sign and point included, has at most 15 digits, and a double gives them all back."""


class _NotJson:
    """The payload is not a JSON document."""

    __slots__ = ()


NOT_JSON: Final = _NotJson()


def _decimal(text: str) -> Decimal:
    try:
        return PRECISION.create_decimal(text)
    except (Overflow, InvalidOperation):
        return Decimal(text)


def _fraction(text: str) -> Value:
    if len(text) <= _FLOAT_DIGITS:
        number = float(text)
        if 1e-300 < abs(number) < 1e300:
            return number
    return simple(_decimal(text))


def _fraction_or_int(text: str) -> int | float | Decimal:
    if len(text) <= _FLOAT_DIGITS:
        number = float(text)
        if 1e-300 < abs(number) < 1e15:
            return int(number) if number.is_integer() else number
    return plain(_decimal(text))


def _long_int(text: str) -> int | Decimal:
    return int(text) if len(text) < 1000 else _decimal(text)


def _refuse_constant(text: str) -> Value:
    raise ValueError(f"{text} is not JSON")


_DECODERS: Final = {
    version: json.JSONDecoder(parse_float=parse_float, parse_constant=_refuse_constant)
    for version, parse_float in ((1, _fraction), (2, _fraction_or_int))
}
_CAREFUL: Final = {
    version: json.JSONDecoder(parse_float=parse_float, parse_int=_long_int, parse_constant=_refuse_constant)
    for version, parse_float in ((1, _fraction), (2, _fraction_or_int))
}


def decode_text(text: str, version: int) -> Value:
    """The JSON document in `text`, or NOT_JSON; EvaluationError when it is nested too deep to walk."""
    try:
        try:
            value = _DECODERS[version].decode(text)
        except json.JSONDecodeError:
            return NOT_JSON
        except ValueError:  # an integer of thousands of digits, or a constant that is not JSON
            value = _CAREFUL[version].decode(text)
    except ValueError:
        return NOT_JSON
    except RecursionError:
        raise EvaluationError(f"the payload is nested deeper than {MAX_DEPTH} levels") from None
    if text.count("[") + text.count("{") > MAX_DEPTH:
        _check_depth(value)
    return value


def _check_depth(value: Value) -> None:
    level, depth = [value], 0
    while level:
        depth += 1
        if depth > MAX_DEPTH + 1:
            raise EvaluationError(f"the payload is nested deeper than {MAX_DEPTH} levels")
        inside: list[Value] = []
        for item in level:
            if type(item) is dict:
                inside.extend(item.values())
            elif type(item) is list:
                inside.extend(item)
        level = inside


def decode_payload(payload: bytes, version: int) -> Value:
    """The JSON document of a payload, or NOT_JSON for a binary one."""
    try:
        text = payload.decode()
    except UnicodeDecodeError:
        return NOT_JSON
    return decode_text(text, version)


class _NeedsExactText(Exception):
    """A Decimal that no double can spell."""


def _default(value: object) -> int | float:
    if isinstance(value, Decimal):
        number = plain(value)
        if not isinstance(number, Decimal):
            return number
    raise _NeedsExactText


_ENCODER: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False, default=_default)
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_quote: Final = json.encoder.encode_basestring


def _write(value: Value) -> str:
    if isinstance(value, dict):
        return "{" + ",".join(f"{_quote(key)}:{_write(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(_write, value)) + "]"
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, bytes):
        raise EvaluationError("a binary payload cannot stand inside JSON: use encode(*, 'base64')")
    return _ENCODER.encode(value)


def to_json_text(value: Value) -> str:
    """The value as JSON without blanks; what is no text (a lone surrogate) stays in the string."""
    try:
        try:
            return _ENCODER.encode(value)
        except _NeedsExactText:
            return _write(value)
    except RecursionError:
        raise EvaluationError("the result is nested too deep to write as JSON") from None


def _escape(surrogate: re.Match[str]) -> str:
    return f"\\u{ord(surrogate[0]):04x}"


def to_payload(value: Value) -> bytes:
    """The bytes that are published for a rule's result: raw bytes as they are, Undefined as nothing, else JSON."""
    if isinstance(value, bytes):
        return value
    if value is UNDEFINED:
        return b""
    return _SURROGATE.sub(_escape, to_json_text(value)).encode()
