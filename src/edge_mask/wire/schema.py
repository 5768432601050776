"""JSON Schema and AsyncAPI document of the messages, generated from the models."""

from collections.abc import Iterator
from typing import Any

from pydantic.json_schema import models_json_schema

from edge_mask.kinds import KINDS
from edge_mask.wire.command_models import COMMANDS, SHAPES, NotDone
from edge_mask.wire.envelope import VERSION
from edge_mask.wire.models import MESSAGES, Part, Reading

ROOT = "edge-mask/{thing}"


def json_schema() -> dict[str, Any]:
    """What `edge-mask schema messages` prints: one definition for each message, and any of them at the top."""
    shapes: list[type[Part]] = [*(shape for kinds in MESSAGES.values() for shape in kinds), Reading, *SHAPES]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"edge-mask messages, version {VERSION}",
        "x-topics": {f"{ROOT}/{kind}": [shape.__name__ for shape in kinds] for kind, kinds in MESSAGES.items()},
        "x-commands": {
            f"{ROOT}/commands/{name}": {"request": asked.__name__, "answer": [answered.__name__, NotDone.__name__]}
            for name, (asked, answered) in COMMANDS.items()
        },
        "anyOf": [{"$ref": f"#/$defs/{shape.__name__}"} for shape in shapes],
        "$defs": definitions("#/$defs/{model}"),
    }


def asyncapi() -> dict[str, Any]:
    """The same as an AsyncAPI 3.0 document."""
    named = {shape.__name__: shape for kinds in (*MESSAGES.values(), SHAPES) for shape in kinds}
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "edge-mask",
            "version": f"{VERSION}.0.0",
            "description": "What the device publishes, and what it can be asked. Every topic can be renamed.",
            "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
        },
        "defaultContentType": "application/json",
        "channels": {**{topic: _channel(topic, kinds) for topic, kinds in MESSAGES.items()}, **dict(_questions())},
        "operations": {**dict(_operations()), **dict(_dialogues())},
        "components": {
            "messages": {name: _message(name, shape) for name, shape in named.items()},
            "schemas": definitions("#/components/schemas/{model}"),
        },
    }


def definitions(template: str) -> dict[str, Any]:
    """Every shape by its name; `template` says how one refers to another."""
    shapes = [shape for kinds in MESSAGES.values() for shape in kinds]
    wanted = [(shape, "serialization") for shape in (*shapes, Reading, *SHAPES)]
    made = models_json_schema(wanted, ref_template=template)[1]["$defs"]  # type: ignore[arg-type]  # list is invariant
    return {name: _tidy(made[name]) for name in sorted(made)}


def _tidy(part: Any, inside: str = "") -> Any:
    """Remove generated titles and defaults; a field with a default is not required."""
    if isinstance(part, list):
        return [_tidy(each) for each in part]
    if not isinstance(part, dict):
        return part
    if inside == "properties":
        return {name: _tidy(value) for name, value in part.items()}
    kept = {key: _tidy(value, key) for key, value in part.items() if key not in ("title", "default")}
    absent = [name for name, field in part.get("properties", {}).items() if "default" in field]
    if "required" in kept and absent:
        kept["required"] = [name for name in kept["required"] if name not in absent]
    return kept


def _channel(topic: str, kinds: tuple[type[Part], ...]) -> dict[str, Any]:
    return {
        "address": f"{ROOT}/{topic}",
        "messages": {shape.__name__: {"$ref": f"#/components/messages/{shape.__name__}"} for shape in kinds},
        "parameters": {"thing": {"description": "The device's `thing_name`."}},
    }


def _operations() -> Iterator[tuple[str, dict[str, Any]]]:
    for kind in KINDS:
        yield (
            f"publish{kind.name.capitalize()}",
            {
                "action": "send",
                "channel": {"$ref": f"#/channels/{kind.name}"},
                "summary": f"Priority {kind.priority.name.lower()}.",
                "bindings": {"mqtt": {"qos": kind.qos, "retain": kind.is_retained}},
            },
        )


def _questions() -> Iterator[tuple[str, dict[str, Any]]]:
    for name, (asked, answered) in COMMANDS.items():
        yield f"commands.{name}", _channel(f"commands/{name}", (asked,))
        yield f"commands.{name}.response", _channel(f"commands/{name}/response", (answered, NotDone))


def _dialogues() -> Iterator[tuple[str, dict[str, Any]]]:
    mqtt = {"mqtt": {"qos": 1, "retain": False}}
    for name in COMMANDS:
        asked, answered = (f"#/channels/commands.{name}{end}" for end in ("", ".response"))
        yield (
            f"take{name.capitalize()}",
            {
                "action": "receive",
                "channel": {"$ref": asked},
                "summary": "Answered on the response topic of the request, with its correlation data, or below it.",
                "bindings": mqtt,
                "reply": {"channel": {"$ref": answered}},
            },
        )
        answer = {"action": "send", "channel": {"$ref": answered}, "summary": "Never stored.", "bindings": mqtt}
        yield f"answer{name.capitalize()}", answer


def _message(name: str, shape: type[Part]) -> dict[str, Any]:
    summary = " ".join((shape.__doc__ or "").split())
    return {"name": name, "summary": summary, "payload": {"$ref": f"#/components/schemas/{name}"}}
