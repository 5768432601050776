"""The schema and the documents made from it are current, and agree with what is loaded."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from jsonschema.validators import Draft202012Validator

from edge_mask.settings.explain import resolve
from edge_mask.settings.schema import schema, tables

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted((ROOT / "config").glob("*.yaml"))


def test_the_committed_schema_is_current() -> None:
    committed = json.loads((ROOT / "config/schema.json").read_text(encoding="utf-8"))
    assert committed == json.loads(json.dumps(schema())), "run `make schema`"


def test_the_table_of_keys_in_the_documentation_is_current() -> None:
    text = (ROOT / "docs/configuration.md").read_text(encoding="utf-8")
    begin = text.index("-->\n", text.index("<!-- keys: begin")) + len("-->\n")
    assert text[begin : text.index("<!-- keys: end")] == tables(), "edge-mask schema config --format markdown"


def test_it_is_a_schema() -> None:
    Draft202012Validator.check_schema(schema())


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_each_example_satisfies_it(path: Path) -> None:
    data = yaml.safe_load(path.read_text(encoding="utf-8"))
    if data.get("detections") is False:  # YAML 1.1's idea of `off`
        data["detections"] = "off"
    jsonschema.validate(data, schema())


def test_it_refuses_what_the_loader_refuses() -> None:
    good: dict[str, Any] = {"cameras": [{"name": "a", "source": "usb:0"}]}
    jsonschema.validate(good, schema())
    mistakes: list[dict[str, Any]] = [
        {"web": {"port": 0}},
        {"webb": {}},
        {"gate": {"window": "2 parsecs"}},
        {"cameras": [{"name": "a"}]},
    ]
    for bad in mistakes:
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate({**good, **bad}, schema())


def test_every_key_is_described() -> None:
    sections = [schema(), *schema()["$defs"].values()]
    keys = [(name, key) for section in sections for name, key in section.get("properties", {}).items()]
    assert len(keys) > 60
    assert [name for name, key in keys if not resolve(key, schema()).get("description")] == []
