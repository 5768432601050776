"""The JSON Schema of the configuration."""

from functools import cache
from typing import Any

from edge_mask.quantities import Measure
from edge_mask.settings.base import Section
from edge_mask.settings.model import Settings


@cache
def schema() -> dict[str, Any]:
    """What `edge-mask schema config` prints; editors complete and check configuration files with it."""
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
    """Generated titles only repeat the key; a property that is itself called `title` is a mapping and stays."""
    if isinstance(part, dict):
        if isinstance(part.get("title"), str):
            del part["title"]
        for value in part.values():
            _drop_titles(value)
    elif isinstance(part, list):
        for value in part:
            _drop_titles(value)
