"""Texts taken for what they mean, where a nucleus makes a text of every value (nucleus lite does of a recipe's YAML).

Only the configuration that comes from a nucleus is read so. What cannot be meant stays as it is, for the sentence that
says what is allowed there.
"""

from collections.abc import Mapping
from typing import Any

from edge_mask.settings.explain import resolve
from edge_mask.settings.schema import schema

_NOTHING = ("null", "~")
_WORDS = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}


def typed(document: Mapping[str, Any]) -> dict[str, Any]:
    """A part of the configuration with its texts as the JSON Schema wants them: `"2"` as 2, `"true"` as true."""
    root = schema()
    return {key: _value(value, _below(root, key), root) for key, value in document.items()}


def _below(part: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = part.get("properties", {}).get(key) or part.get("additionalProperties")
    return found if isinstance(found, Mapping) else {}


def _value(value: Any, part: Mapping[str, Any], root: Mapping[str, Any]) -> Any:
    here = resolve(part, root)
    match value:
        case Mapping():
            kinds = here.get("discriminator", {}).get("mapping", {})
            if isinstance(kind := value.get("kind"), str) and kind in kinds:
                here = resolve({"$ref": kinds[kind]}, root)
            return {key: _value(inner, _below(here, key), root) for key, inner in value.items()}
        case list():
            each = [*here.get("prefixItems", ()), *[here.get("items", {})] * len(value)]
            return [_value(inner, wanted, root) for inner, wanted in zip(value, each, strict=False)]
        case str():
            return _meant(value.strip(), value, part, here)
        case float() if here.get("type") == "integer" and value.is_integer():
            return int(value)  # the classic nucleus may keep every number as a fraction
    return value


def _meant(text: str, as_it_stands: str, part: Mapping[str, Any], here: Mapping[str, Any]) -> Any:
    if text in _NOTHING and _may_be_nothing(part):
        return None
    try:
        match here.get("type"):
            case "boolean":
                return _WORDS.get(text.lower(), as_it_stands)
            case "integer":
                return int(text)
            case "number":
                return float(text)
    except ValueError:
        pass
    return as_it_stands


def _may_be_nothing(part: Mapping[str, Any]) -> bool:
    return any(each.get("type") == "null" for each in part.get("anyOf", ()))
