"""The published schemas are current, whole, and so are the examples in the documentation."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema.validators import Draft7Validator, Draft202012Validator

from edge_mask.kinds import KINDS
from edge_mask.wire.schema import asyncapi, json_schema

ROOT = Path(__file__).parents[2]


def references(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        if isinstance(part.get("$ref"), str):
            yield part["$ref"]
        for value in part.values():
            yield from references(value)
    elif isinstance(part, list):
        for value in part:
            yield from references(value)


def resolve(document: dict[str, Any], reference: str) -> Any:
    found: Any = document
    for step in reference.removeprefix("#/").split("/"):
        found = found[step]
    return found


def test_the_committed_schema_is_current() -> None:
    committed = json.loads((ROOT / "docs/messages.schema.json").read_text(encoding="utf-8"))
    assert committed == json_schema(), "run `make schema`"


def test_the_committed_asyncapi_document_is_current() -> None:
    committed = yaml.safe_load((ROOT / "docs/asyncapi.yaml").read_text(encoding="utf-8"))
    assert committed == asyncapi(), "edge-mask schema messages --format asyncapi > docs/asyncapi.yaml"


def test_it_is_a_schema_and_every_reference_leads_somewhere() -> None:
    Draft202012Validator.check_schema(json_schema())
    assert all(isinstance(resolve(json_schema(), reference), dict) for reference in references(json_schema()))


def test_the_asyncapi_document_hangs_together() -> None:
    document = asyncapi()
    assert all(isinstance(resolve(document, reference), dict) for reference in references(document))
    for schema in document["components"]["schemas"].values():
        Draft7Validator.check_schema(schema)
    for channel in document["channels"].values():
        assert set(re.findall(r"\{(\w+)\}", channel["address"])) == set(channel["parameters"])
        assert channel["messages"]
    for operation in document["operations"].values():
        assert operation["action"] in ("send", "receive")
    used = {operation["channel"]["$ref"].rpartition("/")[2] for operation in document["operations"].values()}
    assert used == set(document["channels"])


def test_every_topic_of_the_house_is_described() -> None:
    assert {kind.name for kind in KINDS} <= set(asyncapi()["channels"])


def examples() -> list[tuple[str, str]]:
    text = "".join((ROOT / f"docs/{page}.md").read_text(encoding="utf-8") for page in ("messages", "control", "series"))
    return re.findall(r"<!-- example: (\w+) -->\n```json\n(.*?)```", text, re.DOTALL)


def test_every_message_has_an_example() -> None:
    assert {name for name, _ in examples()} >= set(json_schema()["$defs"]) - {
        *("Box", "Counts", "Face", "OutboxHealth", "Dropped", "RuleHealth", "Labels", "Lasting"),
        *("CameraHealth", "SensorHealth", "VisitsToday", "NotTold", "PeersHealth", "ModelOfDevice", "Watching"),
        *("SeenFace", "PartState", "ModelName", "EraseCounts", "Problem"),
    }


@pytest.mark.parametrize(("name", "text"), examples())
def test_the_examples_in_the_documentation_are_right(name: str, text: str) -> None:
    Draft202012Validator({**json_schema(), "anyOf": [{"$ref": f"#/$defs/{name}"}]}).validate(json.loads(text))


@pytest.mark.parametrize(
    ("words", "file"),
    [
        (["config"], "config/schema.json"),
        (["messages"], "docs/messages.schema.json"),
        (["messages", "--format", "asyncapi"], "docs/asyncapi.yaml"),
    ],
)
def test_the_command_prints_what_is_committed(words: list[str], file: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "edge_mask", "schema", *words], capture_output=True, text=True, check=True
    )
    assert done.stdout == (ROOT / file).read_text(encoding="utf-8")


def test_a_form_that_does_not_exist_is_wrong_usage() -> None:
    words = ["schema", "config", "--format", "asyncapi"]
    done = subprocess.run([sys.executable, "-m", "edge_mask", *words], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "there is no asyncapi of config" in done.stderr
