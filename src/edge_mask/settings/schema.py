"""The JSON Schema of the configuration, and the table of keys for docs/configuration.md."""

import json
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from edge_mask.quantities import Measure
from edge_mask.settings.base import Section
from edge_mask.settings.explain import allowed_by, resolve
from edge_mask.settings.model import Settings


@cache
def schema() -> dict[str, Any]:
    """The output of `edge-mask schema config`; editors use it to complete and check configuration files."""
    made = Settings.model_json_schema(mode="validation")
    _drop_titles(made)
    _write_defaults_with_units(made)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "edge-mask configuration", **made}


def _write_defaults_with_units(made: dict[str, Any]) -> None:
    """`30d` instead of 2592000, as a person would write it."""
    for section in Section.__subclasses__():
        properties = made["$defs"].get(section.__name__, {}).get("properties", {})
        for name, field in section.model_fields.items():
            for measure in field.metadata:
                if isinstance(measure, Measure) and "default" in properties.get(name, {}):
                    properties[name]["default"] = measure.show(field.default)


def _drop_titles(part: Any) -> None:
    """Remove generated titles, which repeat the key; a property called `title` is a mapping and stays."""
    if isinstance(part, dict):
        if isinstance(part.get("title"), str):
            del part["title"]
        for value in part.values():
            _drop_titles(value)
    elif isinstance(part, list):
        for value in part:
            _drop_titles(value)


def tables() -> str:
    """One Markdown table for each section, keys in the order in which they are usually written."""
    root = schema()
    parts = [_table("Top level", root, root, _plain_keys(root))]
    for name, part in root["properties"].items():
        section = _section(part, root)
        if section is not None:
            title = f"`{name}`" if part.get("type") != "array" else f"`{name}` (a list)"
            parts.append(_table(title, section, root, list(section["properties"])))
    return "\n".join(parts)


def _section(part: Mapping[str, Any], root: Mapping[str, Any]) -> Mapping[str, Any] | None:
    here = resolve(part.get("items", part), root)
    return here if "properties" in here else None


def _plain_keys(root: Mapping[str, Any]) -> list[str]:
    return [name for name, part in root["properties"].items() if _section(part, root) is None]


def _table(title: str, section: Mapping[str, Any], root: Mapping[str, Any], keys: list[str]) -> str:
    rows = [row for key in keys for row in _rows(key, section, root)]
    return "\n".join([f"### {title}", "", "| key | default | allowed | meaning |", "|---|---|---|---|", *rows, ""])


def _rows(key: str, section: Mapping[str, Any], root: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    part = resolve(section["properties"][key], root)
    if "properties" in part:
        yield _row(prefix + key, "", "a mapping", section["properties"][key].get("description", ""))
        for inner in part["properties"]:
            yield from _rows(inner, part, root, f"{prefix}{key}.")
    else:
        default = "required" if key in section.get("required", ()) else _default(section["properties"][key])
        yield _row(prefix + key, default, allowed_by(part), part.get("description", ""))


def _default(part: Mapping[str, Any]) -> str:
    value = part.get("default")
    if value is None or value == "":
        return ""
    return f"`{value}`" if isinstance(value, str) else f"`{json.dumps(value)}`"


def _row(key: str, default: str, allowed: str, meaning: str) -> str:
    cells = (f"`{key}`", default, allowed, meaning)
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
