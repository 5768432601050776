"""The JSON Schema of the configuration, and the table of keys for docs/configuration.md."""

import json
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from edge_mask.quantities import Measure
from edge_mask.settings.base import Section
from edge_mask.settings.explain import allowed_by, resolve
from edge_mask.settings.model import Settings
from edge_mask.settings.notify import BY_KIND as TARGETS
from edge_mask.settings.sensors import BY_KIND


@cache
def schema() -> dict[str, Any]:
    """The output of `edge-mask schema config`; editors use it to complete and check configuration files."""
    made = Settings.model_json_schema(mode="validation")
    made["properties"]["sensors"]["items"] = _by_kind(BY_KIND)
    made["$defs"]["Notify"]["properties"]["targets"]["items"] = _by_kind(TARGETS)
    _drop_titles(made)
    _write_defaults_with_units(made)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "edge-mask configuration", **made}


def _write_defaults_with_units(made: dict[str, Any]) -> None:
    """`30d` instead of 2592000, as a person would write it."""
    for section in _below(Section):
        properties = made["$defs"].get(section.__name__, {}).get("properties", {})
        for name, field in section.model_fields.items():
            for measure in field.metadata:
                if isinstance(measure, Measure) and "default" in properties.get(name, {}):
                    properties[name]["default"] = measure.show(field.default)


def _by_kind(sections: Mapping[str, type[Section]]) -> dict[str, Any]:
    """One of several sections, chosen by `kind`, as OpenAPI's discriminator says it."""
    places = {kind: f"#/$defs/{section.__name__}" for kind, section in sections.items()}
    one_of = [{"$ref": place} for place in dict.fromkeys(places.values())]
    return {"oneOf": one_of, "discriminator": {"propertyName": "kind", "mapping": places}}


def _below(section: type[Section]) -> Iterator[type[Section]]:
    for each in section.__subclasses__():
        yield each
        yield from _below(each)


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
        title = f"`{name}`" if part.get("type") != "array" else f"`{name}` (a list)"
        if kinds := _kinds_of(part):
            parts.append(_table_of_kinds(title, kinds, root))
        elif (section := _section(part, root)) is not None:
            parts.append(_table(title, section, root, list(section["properties"])))
            parts += [
                _table_of_kinds(f"`{name}.{key}` (a list)", kinds, root)
                for key, inner in section["properties"].items()
                if (kinds := _kinds_of(inner))
            ]
    return "\n".join(parts)


def _section(part: Mapping[str, Any], root: Mapping[str, Any]) -> Mapping[str, Any] | None:
    here = resolve(part.get("items", part), root)
    return here if "properties" in here else None


def _plain_keys(root: Mapping[str, Any]) -> list[str]:
    return [name for name, part in root["properties"].items() if _section(part, root) is None and not _kinds_of(part)]


def _kinds_of(part: Mapping[str, Any]) -> dict[str, list[str]]:
    """The schema's place of each section of a list that has several → the kinds it is for."""
    found: dict[str, list[str]] = {}
    for kind, place in part.get("items", {}).get("discriminator", {}).get("mapping", {}).items():
        found.setdefault(place, []).append(kind)
    return found


def _table_of_kinds(title: str, kinds: Mapping[str, list[str]], root: Mapping[str, Any]) -> str:
    """Each key once, with the kinds that have it; twice where it means different things."""
    owners: dict[str, list[str]] = {}
    for place, names in kinds.items():
        section = resolve({"$ref": place}, root)
        for key in section["properties"]:
            for row in _rows(key, section, root):
                if not row.startswith("| `kind` "):
                    owners.setdefault(row, []).extend(names)
    every = [name for names in kinds.values() for name in names]
    kind_row = _row("kind", "required", ", ".join(every), "What it is read from, and which of the keys below it has.")
    rows = [f"{row} {'all' if names == every else ', '.join(names)} |" for row, names in owners.items()]
    rows.sort(key=lambda row: not row.endswith(" all |"))
    head = ["| key | default | allowed | meaning | kinds |", "|---|---|---|---|---|", f"{kind_row} all |"]
    return "\n".join([f"### {title}", "", *head, *rows, ""])


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
