"""What a line of the AWS CLI sends to a device, read as the device reads it: wishes, jobs, commands."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from tests.identity.aws_cli import Call, Wrong

from edge_mask.control.cloud import job_document, wished
from edge_mask.errors import ConfigurationError
from edge_mask.settings.load import load
from edge_mask.settings.overlay import Overlay
from edge_mask.wire.command_models import COMMANDS
from edge_mask.wire.topics import Topics


def is_understood(call: Call, config: Path) -> None:
    """Raises Wrong for what the device with this configuration would refuse."""
    match call.method:
        case "update_thing_shadow" if call.parameters.get("shadowName") == "edge-mask":
            _wish(json.loads(call.parameters["payload"]), config)
        case "create_job":
            _job(json.loads(call.parameters["document"]), config)
        case "publish" if "/commands/" in call.parameters["topic"]:
            _command(call, config)


def _wish(document: Mapping[str, Any], config: Path) -> None:
    try:
        wish = wished.Wish.read(document["state"]["desired"])
    except wished.Wrong as error:
        raise Wrong(str(error)) from error
    _set(wish.config, config)


def _job(document: Mapping[str, Any], config: Path) -> None:
    try:
        operation = job_document.operation(document)
    except job_document.NotKnown as error:
        raise Wrong(str(error)) from error
    if isinstance(operation, job_document.Set):
        _set(operation.part, config)


def _command(call: Call, config: Path) -> None:
    settings = load(config, {})
    topics = Topics(settings.topics.root, settings.device.thing_name, settings.topics.renames)
    asked = {topics.command(name): asked for name, (asked, _answered) in COMMANDS.items()}
    if call.parameters["topic"] not in asked:
        raise Wrong(f"no command is heard on {call.parameters['topic']}")
    try:
        asked[call.parameters["topic"]].model_validate_json(call.parameters.get("payload", b"{}"))
    except ValidationError as error:
        raise Wrong(str(error)) from error


def _set(part: Mapping[str, Any], config: Path) -> None:
    try:
        load(config, {}, Overlay().changed(part, "wish"))
    except ConfigurationError as error:
        raise Wrong("; ".join(error.problems)) from error
