"""What pydantic found wrong, as sentences: what stands there, and what is allowed."""

import re
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from edge_mask.redact import HIDDEN, redact
from edge_mask.settings.overlay import Layers
from edge_mask.suggest import closest
from edge_mask.yaml_file import Path

Schema = Mapping[str, Any]
_USER = re.compile(r"://.*@", re.DOTALL)
"""Of an address, also where blanks stand in it."""


def explain(error: ValidationError, layers: Layers, schema: Schema) -> list[str]:
    """One sentence for each thing that is wrong, in the order of the file."""
    found = [(_place(detail, schema), detail) for detail in error.errors(include_url=False)]
    found = [item for item in found if not _follows(item, found)]
    found.sort(key=lambda item: layers.line(item[0]))
    return list(dict.fromkeys(layers.sentence(path, _say(detail, path, schema)) for path, detail in found))


def _follows(item: tuple[Path, ErrorDetails], found: list[tuple[Path, ErrorDetails]]) -> bool:
    """Pydantic counts right entries only: a list is called too short when one of its entries is wrong."""
    path, detail = item
    return detail["type"] == "too_short" and any(
        len(other) > len(path) and other[: len(path)] == path for other, _ in found
    )


def _place(detail: ErrorDetails, schema: Schema) -> Path:
    """Where it stands in the file: pydantic names the kind of a part that has several, too."""
    where = detail["loc"]
    path = tuple(part for at, part in enumerate(where) if part not in _kinds(_at(schema, where[:at], schema)))
    return (*path, "kind") if detail["type"] in _KIND_ERRORS and isinstance(detail["input"], Mapping) else path


def _say(detail: ErrorDetails, path: Path, schema: Schema) -> str:
    kind, value = detail["type"], detail["input"]
    here = _at(schema, detail["loc"], schema)
    match kind:
        case "extra_forbidden":
            return _unknown(path, detail["loc"], schema)
        case "missing":
            return f"is missing; allowed: {allowed_by(here)}"
        case "value_error":
            return redact(str(detail["ctx"]["error"]))
        case "union_tag_not_found" if isinstance(value, Mapping):
            return f"is missing; allowed: {', '.join(_kinds(here))}"
        case "union_tag_not_found":
            return f"{_found(value, kind)}; allowed: a mapping with name and kind"
        case "union_tag_invalid":
            return f"{_found(detail['ctx']['tag'], kind)}; allowed: {', '.join(_kinds(here))}"
    found = "found something else" if any(each in str(path[-1:]) for each in _SECRETS) else _found(value, kind)
    return f"{found}; allowed: {allowed_by(here)}"


_SECRETS = ("password", "token", "secret", "url")
_KIND_ERRORS = ("union_tag_not_found", "union_tag_invalid")


def _unknown(path: Path, where: tuple[int | str, ...], schema: Schema) -> str:
    """A key that stands nowhere, in a part below, or in other kinds of the same part."""
    key = str(path[-1])
    here = _at(schema, where[:-1], schema)
    beside = _kinds(_at(schema, where[:-2], schema))
    owners = [kind for kind, each in beside.items() if key in _keys(resolve({"$ref": each}, schema))]
    if owners:
        return f"does not belong to {_one_of(path)} of kind {where[-2]}; remove it (it is for {', '.join(owners)})"
    for name, part in here.get("properties", {}).items():
        if key in _keys(resolve(part, schema)):
            return f"stands one level deeper, in {name}: {{{key}: …}}"
    return f"unknown key; {nearest(key, _keys(here))}"


def _one_of(path: Path) -> str:
    return "a target" if path[:1] == ("notify",) else "a sensor"


def _kinds(schema: Schema) -> Mapping[str, str]:
    """Kind → its schema's place, for a part that has several kinds."""
    found: Mapping[str, str] = schema.get("discriminator", {}).get("mapping", {})
    return found


def nearest(word: str, words: list[str]) -> str:
    """The word that was probably meant, or all of them."""
    near = closest(word, words)
    return f"allowed here: {', '.join(words)}" if near is None else f'did you mean "{near}"?'


def _found(value: object, kind: str) -> str:
    """What stands there, short and without secrets."""
    if value is None:
        return "has no value"
    if isinstance(value, Mapping):
        return "found a mapping"
    if isinstance(value, list | tuple):
        return f"found a list of {len(value)}"
    if kind == "string_type" and not isinstance(value, bool):
        return f"found the number {value} (put it in quotes)"
    shown = str(value).lower() if isinstance(value, bool) else str(value)
    shown = _USER.sub(rf"://{HIDDEN}@", redact(shown))  # before it is cut: the @ tells where a password ends
    shown = shown if len(shown) <= 60 else shown[:57] + "…"
    return f'found "{shown}"' if isinstance(value, str) else f"found {shown}"


def _at(schema: Schema, path: Path, root: Schema) -> Schema:
    """The part of the JSON Schema that describes the value at `path`; empty when nothing does."""
    here = resolve(schema, root)
    for part in path:
        step: Any
        if part in _kinds(here):
            step = {"$ref": _kinds(here)[str(part)]}
        elif isinstance(part, int):
            prefix = here.get("prefixItems", ())
            step = prefix[part] if part < len(prefix) else here.get("items", {})
        else:
            step = here.get("properties", {}).get(part) or here.get("additionalProperties") or {}
        here = resolve(step if isinstance(step, Mapping) else {}, root)
    return here


def resolve(schema: Schema, root: Schema) -> Schema:
    """Follow `$ref`, and take the part of an optional value that is not null; what stands beside it is kept."""
    beside = {key: value for key, value in schema.items() if key not in ("$ref", "anyOf")}
    if "$ref" in schema:
        return {**resolve(root["$defs"][schema["$ref"].rpartition("/")[2]], root), **beside}
    parts = [part for part in schema.get("anyOf", ()) if part.get("type") != "null"]
    return {**resolve(parts[0], root), **beside} if len(parts) == 1 else schema


def _keys(schema: Schema) -> list[str]:
    return list(schema.get("properties", {}))


def allowed_by(schema: Schema) -> str:
    """What a person may write, from the JSON Schema."""
    if "x-allowed" in schema:
        return str(schema["x-allowed"])
    if "enum" in schema or "const" in schema:
        return ", ".join(map(str, schema.get("enum") or [schema["const"]]))
    kind = schema.get("type")
    match kind:
        case "integer" | "number":
            return ("a whole number" if kind == "integer" else "a number") + _between(schema)
        case "boolean":
            return "true or false"
        case "array":
            return "a list" + _many(schema)
        case "object":
            return f"a mapping with {', '.join(_keys(schema))}"
    if schema.get("format") == "path":
        return "a path"
    return "a text" + _long(schema)


def _many(schema: Schema) -> str:
    low, high = schema.get("minItems", 0), schema.get("maxItems")
    if high is not None:
        return f" of {high}" if low == high else f" of {low} to {high}" if low else f" of at most {high}"
    return f" of at least {low}" if low else ""


def _long(schema: Schema) -> str:
    low, high = schema.get("minLength", 0), schema.get("maxLength")
    if high is not None:
        return f" of {low} to {high} characters" if low else f" of at most {high} characters"
    if low > 1:
        return f" of at least {low} characters"
    return " that is not empty" if low else ""


def _between(schema: Schema) -> str:
    low, high = schema.get("minimum"), schema.get("maximum")
    if (above := schema.get("exclusiveMinimum")) is not None:
        return f" above {above:.15g}" + ("" if high is None else f", up to {high:.15g}")
    if low is not None and high is not None:
        return f" from {low:.15g} to {high:.15g}"
    if low is not None:
        return f" of at least {low:.15g}"
    return "" if high is None else f" of at most {high:.15g}"
