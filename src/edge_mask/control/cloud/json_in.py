"""Reading what arrives on the cloud's topics: anybody may have sent it, so nothing in it is believed."""

import json
from collections.abc import Mapping
from typing import Any, Final, NoReturn

LARGEST: Final = 131_072
"""Bytes of a message that AWS IoT Core carries."""
_DEEPEST: Final = 60


class Nonsense(Exception):
    """This is not what the service sends; the text says what was expected."""


def read_object(payload: bytes) -> dict[str, Any]:
    """The JSON object in a payload. Raises Nonsense."""
    if len(payload) > LARGEST:
        raise Nonsense(f"{len(payload)} bytes; at most {LARGEST} are read")
    try:
        found = json.loads(payload, parse_constant=_refuse)
    except (ValueError, RecursionError):
        raise Nonsense("no JSON that can be read") from None
    if not isinstance(found, dict):
        raise Nonsense("JSON, but no object")
    if _is_deeper(found, _DEEPEST):
        raise Nonsense(f"nested more than {_DEEPEST} deep")
    return found


def whole_number(values: Mapping[str, Any], key: str, default: int | None = None) -> int:
    """The whole number at `key`. Raises Nonsense."""
    value = values.get(key, default)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**63:
        raise Nonsense(f"{key} is no whole number")
    return value


def object_at(values: Mapping[str, Any], key: str) -> dict[str, Any]:
    """The object at `key`, an empty one when there is none. Raises Nonsense."""
    value = values.get(key)
    if value is not None and not isinstance(value, dict):
        raise Nonsense(f"{key} is no object")
    return value or {}


def text_at(values: Mapping[str, Any], key: str) -> str:
    """The text at `key`, empty when there is none. Raises Nonsense."""
    value = values.get(key)
    if value is not None and not isinstance(value, str):
        raise Nonsense(f"{key} is no text")
    return value or ""


def to_payload(content: Mapping[str, Any]) -> bytes:
    """The bytes of a message, without spaces."""
    return json.dumps(content, separators=(",", ":"), ensure_ascii=True).encode()


def _is_deeper(value: Any, most: int) -> bool:
    inside = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return most < 0 or any(_is_deeper(each, most - 1) for each in inside)


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON")
