"""JSON in and JSON out, without losing a digit.

A payload's numbers become int or float where that is exact and Decimal where it is not; the way back writes each
number with all of its digits. msgspec supports both: it passes on the text of a fraction, and writes a Decimal as a
number. The standard library handles what msgspec refuses (half a surrogate pair, integers of thousands of digits).
"""

import json
import re
from decimal import Decimal, InvalidOperation, Overflow
from typing import Final

import msgspec

from edge_mask.sql.errors import EvaluationError
from edge_mask.sql.values import PRECISION, UNDEFINED, Value, plain, simple

MAX_DEPTH: Final = 100
"""Deepest nesting of a payload."""

_WORTH_CHECKING: Final = 1000
"""A payload with fewer bytes cannot be nested too deep."""

_FLOAT_DIGITS: Final = 16
"""A number this short, sign and point included, has at most 15 digits, and a double gives them all back."""


_BOUNDLESS: Final = Decimal((0, (1,), 10**18 - 1))


class _NotJson:
    """The payload is not a JSON document."""

    __slots__ = ()


NOT_JSON: Final = _NotJson()


def _decimal(text: str) -> Decimal:
    try:
        return PRECISION.create_decimal(text)
    except (Overflow, InvalidOperation):
        pass
    try:
        return Decimal(text)
    except InvalidOperation:  # an exponent of nineteen digits: beyond all that can be computed, like any over 999
        return _BOUNDLESS.copy_negate() if text.startswith("-") else _BOUNDLESS


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


_FRACTIONS: Final = {1: _fraction, 2: _fraction_or_int}
_DECODE: Final = {version: msgspec.json.Decoder(float_hook=hook).decode for version, hook in _FRACTIONS.items()}
_DECODE_MORE: Final = {
    version: json.JSONDecoder(parse_float=hook, parse_int=_long_int, parse_constant=_refuse_constant).decode
    for version, hook in _FRACTIONS.items()
}
_encode: Final = msgspec.json.Encoder(decimal_format="number").encode
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_quote: Final = json.encoder.encode_basestring


def decode_text(text: str, version: int) -> Value:
    """The JSON document in `text`, or NOT_JSON; EvaluationError when it is nested too deep to walk."""
    try:
        value = _DECODE[version](text)
    except (msgspec.MsgspecError, ValueError):
        return _decode_more(text, version)
    except RecursionError:
        raise _too_deep() from None
    if len(text) > _WORTH_CHECKING and text.count("[") + text.count("{") > MAX_DEPTH:
        _check_depth(value)
    return value


def decode_payload(payload: bytes, version: int) -> Value:
    """The JSON document of a payload, or NOT_JSON for a binary one."""
    try:
        value = _DECODE[version](payload)
    except (msgspec.MsgspecError, ValueError):
        try:
            return _decode_more(payload.decode(), version)
        except UnicodeDecodeError:
            return NOT_JSON
    except RecursionError:
        raise _too_deep() from None
    if len(payload) > _WORTH_CHECKING and payload.count(b"[") + payload.count(b"{") > MAX_DEPTH:
        _check_depth(value)
    return value


def _decode_more(text: str, version: int) -> Value:
    try:
        value = _DECODE_MORE[version](text)
    except ValueError:
        return NOT_JSON
    except RecursionError:
        raise _too_deep() from None
    _check_depth(value)
    return value


def _too_deep() -> EvaluationError:
    return EvaluationError(f"the payload is nested deeper than {MAX_DEPTH} levels")


def _check_depth(value: Value) -> None:
    level, depth = [value], 0
    while level:
        depth += 1
        if depth > MAX_DEPTH + 1:
            raise _too_deep()
        inside: list[Value] = []
        for item in level:
            if type(item) is dict:
                inside.extend(item.values())
            elif type(item) is list:
                inside.extend(item)
        level = inside


def _write(value: Value) -> str:
    """JSON of a value with half a surrogate pair in one of its texts, escaped as it came in."""
    if isinstance(value, dict):
        return "{" + ",".join(f"{_write(key)}:{_write(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(_write, value)) + "]"
    if isinstance(value, str):
        return _SURROGATE.sub(lambda half: f"\\u{ord(half[0]):04x}", _quote(value))
    return _encode(value).decode()


def to_json(value: Value) -> bytes:
    """The value as JSON without blanks."""
    try:
        try:
            return _encode(value)
        except UnicodeEncodeError:
            return _write(value).encode()
    except RecursionError:
        raise EvaluationError("the result is nested too deep to write as JSON") from None


def to_payload(value: Value) -> bytes:
    """The bytes that are published for a rule's result: raw bytes as they are, Undefined as nothing, else JSON."""
    if type(value) is bytes:
        return value
    return b"" if value is UNDEFINED else to_json(value)
