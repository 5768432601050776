"""The OpenAPI 3.1 document: the files beside this one, together with the shapes of the messages.

*.yaml (paths, parameters, shapes of the API's own) ─┐
wire/models.py (what a message looks like) ──────────┴─▶ docs/openapi.yaml, GET /openapi.yaml
"""

from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from typing import Any, Final

import yaml

from edge_mask.wire.schema import definitions

_SHAPE: Final = "#/components/schemas/"
_OF_WHAT_IS_SENT: Final = ("seq", "late")
"""Fields of a message that no row of the history has."""
_STORED: Final = ("Visit", "Alert", "Fault", "Reading")
_ANSWERS: Final = ("ok", "request_id")
"""What the API says by its status."""


@cache
def text() -> str:
    """The document as YAML."""
    return yaml.safe_dump(document(), sort_keys=False, allow_unicode=True, width=110)


def document() -> dict[str, Any]:
    """The whole of it."""
    whole: dict[str, Any] = {"paths": {}}
    for part in _parts():
        for name, value in part.items():
            if name == "components":
                shared = whole.setdefault(name, {})
                for kind, members in value.items():
                    shared.setdefault(kind, {}).update(members)
            elif name == "paths":
                whole["paths"].update(value)
            else:
                whole[name] = value
    messages = definitions(f"{_SHAPE}{{model}}")
    stored = {name: _without(messages[name], _OF_WHAT_IS_SENT) for name in _STORED}
    answers = {name: _without(messages[name], _ANSWERS) for name in ("StatusAnswer", "EraseAnswer")}
    schemas = whole["components"]["schemas"]
    whole["components"]["schemas"] = {**schemas, **_used(whole, {**messages, **stored, **answers, **schemas})}
    return {name: whole[name] for name in ("openapi", "info", "servers", "security", "tags", "paths", "components")}


def _parts() -> Iterator[dict[str, Any]]:
    folder = [each for each in files(__package__).iterdir() if each.name.endswith(".yaml")]
    for each in sorted(folder, key=lambda file: (file.name != "frame.yaml", file.name)):
        yield yaml.safe_load(each.read_text(encoding="utf-8"))


def _without(shape: Mapping[str, Any], fields: tuple[str, ...]) -> dict[str, Any]:
    kept = {name: field for name, field in shape["properties"].items() if name not in fields}
    return {**shape, "properties": kept, "required": [name for name in shape["required"] if name not in fields]}


def _used(whole: Mapping[str, Any], known: Mapping[str, Any]) -> dict[str, Any]:
    """Those shapes that something refers to, directly or not."""
    found: dict[str, Any] = {}
    waiting = sorted(_referred(whole))
    while waiting:
        name = waiting.pop(0)
        if name not in found:
            found[name] = known[name]
            waiting += sorted(_referred(known[name]))
    return dict(sorted(found.items()))


def _referred(part: Any) -> set[str]:
    if isinstance(part, Mapping):
        own = {part["$ref"].removeprefix(_SHAPE)} if str(part.get("$ref", "")).startswith(_SHAPE) else set()
        return own.union(*(_referred(each) for each in part.values()))
    if isinstance(part, list):
        return set().union(*(_referred(each) for each in part))
    return set()
