"""base64, and conversions between types by cast()."""

import base64
import binascii
from typing import Final

from edge_mask.sql.functions.registry import Cost, function
from edge_mask.sql.json import NOT_JSON, decode_text
from edge_mask.sql.text import to_text, utf8
from edge_mask.sql.values import UNDEFINED, Value, exact, is_number, simple, to_boolean, to_int_down, to_number, whole

CAST_KINDS: Final = {
    "string": ("text", 1), "nvarchar": ("text", 1), "text": ("text", 1), "ntext": ("text", 1), "varchar": ("text", 1),
    "int": ("int", 1), "integer": ("int", 1), "double": ("double", 1),
    "decimal": ("decimal", 2), "bool": ("boolean", 2), "boolean": ("boolean", 2),
}  # fmt: skip
"""What a word after AS casts to, and since which version."""


@function("encode", 2, since=2)
def encode(value: Value, scheme: Value) -> Value:
    """The text of `value` (the bytes of the payload for `*`) in base64."""
    data = value if isinstance(value, bytes) else to_text(value)
    if scheme != "base64" or data is UNDEFINED:
        return UNDEFINED
    return base64.b64encode(data if isinstance(data, bytes) else utf8(data)).decode()


@function("decode", 2, since=2, cost=Cost.SPACE)
def decode(value: Value, scheme: Value) -> Value:
    """What a base64 text says: a JSON document as such, else a text; null when it cannot be decoded."""
    text = to_text(value)
    if scheme != "base64" or text is UNDEFINED:
        return UNDEFINED
    try:
        decoded = base64.b64decode(utf8(text) + b"=" * (-len(text) % 4), validate=True).decode()
    except (binascii.Error, ValueError):
        return None
    document = decode_text(decoded, 2)
    return decoded if document is NOT_JSON else document


def cast(value: Value, kind: str, version: int) -> Value:
    """`cast(value as kind)`, the kind one of the values of CAST_KINDS."""
    if kind == "text":
        return to_text(value)
    if kind == "boolean":
        if is_number(value):
            return value != 0
        return to_boolean(value)
    number: Value = int(value) if isinstance(value, bool) else to_number(value)
    if number is UNDEFINED:
        return UNDEFINED
    if kind == "int":
        return to_int_down(number)
    return whole(number) if version > 1 else _with_fraction(number, double=kind == "double")


def _with_fraction(number: Value, *, double: bool) -> Value:
    """In version 2015-10-08 a cast number stays a Decimal, also without a fraction."""
    decimal = exact(number)
    return float(decimal) if double and abs(decimal.adjusted()) < 300 else simple(decimal)
