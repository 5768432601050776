"""The standard conversion to String, and the limit on the size of results."""

from decimal import Decimal
from typing import Final

from edge_mask.sql.errors import EvaluationError
from edge_mask.sql.json import to_json
from edge_mask.sql.values import UNDEFINED, Value, exact

MAX_TEXT: Final = 1 << 20
"""The longest text or list that a statement may produce."""


def to_text(value: Value) -> Value:
    """The standard conversion to String; UNDEFINED for null, Undefined and a binary payload."""
    kind = type(value)
    if kind is str:
        return value
    if kind is int:
        return str(value)
    if kind is bool:
        return "true" if value else "false"
    if kind is float:
        return str(exact(value))
    if kind is Decimal:
        return str(value)
    if kind is list or kind is dict:
        check_size(size_of(value))
        return to_json(value).decode()
    return UNDEFINED


def utf8(text: str) -> bytes:
    """The bytes of a text; half a surrogate pair, which UTF-8 cannot encode, becomes a question mark."""
    return text.encode("utf-8", "replace")


def size_of(value: Value, most: int = MAX_TEXT) -> int:
    """Approximate length of `value` as JSON, shared parts counted each time; stops beyond `most`."""
    size, waiting = 0, [value]
    while waiting and size <= most:
        item = waiting.pop()
        kind = type(item)
        if kind is str:
            size += len(item) + 2
        elif kind is list:
            size += len(item) + 1
            waiting.extend(item)
        elif kind is dict:
            size += sum(map(len, item)) + 4 * len(item) + 1
            waiting.extend(item.values())
        else:
            size += 1
    return size


def check_size(size: int) -> None:
    """Raise an EvaluationError before a statement makes a text or list longer than MAX_TEXT."""
    if size > MAX_TEXT:
        raise EvaluationError(f"a text or list would grow longer than {MAX_TEXT} characters or items")
