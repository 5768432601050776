"""A line of the AWS CLI, read by the models of its services (botocore's), and carried out against moto.

`check` finds what the CLI would refuse: a service, an operation or a parameter that does not exist or is missing,
and a value of the wrong form. What only the CLI has (files for output, `--query`) is known by name.
"""

import json
import shlex
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3  # type: ignore[import-untyped]  # it ships no types
import botocore.session  # type: ignore[import-untyped]
import jmespath  # type: ignore[import-untyped]
from botocore import xform_name
from botocore.validate import ParamValidator  # type: ignore[import-untyped]

SESSION = botocore.session.get_session()
GLOBAL = {"--query", "--output", "--region", "--cli-binary-format", "--cli-input-json"}
OUTFILES = {"--certificate-pem-outfile": "certificatePem", "--private-key-outfile": "keyPair.PrivateKey"}
HIGH_LEVEL = {"s3"}
"""Commands of the CLI itself, with no service model behind them."""


@dataclass(slots=True)
class Call:
    """One command line, understood."""

    service: str
    method: str
    parameters: dict[str, Any] = field(default_factory=dict)
    options: dict[str, str] = field(default_factory=dict)
    answer_file: str | None = None


NOT_BY_MOTO = {"get_retained_message"}


class Wrong(Exception):
    """What the CLI would say no to."""


def check(line: str, folder: Path) -> Call | None:
    """None for a high-level command. Raises Wrong."""
    _aws, service, *rest = shlex.split(line)
    if service in HIGH_LEVEL:
        return None
    if service not in SESSION.get_available_services():
        raise Wrong(f"there is no service {service}")
    model = SESSION.get_service_model(service)
    operations = {xform_name(name, "-"): name for name in model.operation_names}
    operation = rest.pop(0)
    if operation not in operations:
        raise Wrong(f"{service} has no operation {operation}")
    shape = model.operation_model(operations[operation]).input_shape
    members = {xform_name(name, "-"): (name, member) for name, member in (shape.members if shape else {}).items()}
    call = Call(service, xform_name(operations[operation]))
    while rest:
        _take(rest, call, members, folder)
    if shape is not None and (problems := ParamValidator().validate(call.parameters, shape)).has_errors():
        raise Wrong(f"{operation}: {problems.generate_report()}")
    return call


def run(call: Call, folder: Path) -> str:
    """What the CLI would print."""
    if call.method in NOT_BY_MOTO:
        return ""
    answer = getattr(boto3.client(call.service), call.method)(**call.parameters)
    for option, path in OUTFILES.items():
        if option in call.options:
            (folder / call.options[option]).write_text(jmespath.search(path, answer))
    if call.answer_file is not None:
        (folder / call.answer_file).write_bytes(answer["payload"].read())
    found = jmespath.search(call.options["--query"], answer) if "--query" in call.options else answer
    return found if isinstance(found, str) else json.dumps(found, default=str)


def _take(rest: list[str], call: Call, members: dict[str, Any], folder: Path) -> None:
    option = rest.pop(0)
    if not option.startswith("--"):
        if rest or not call.service.endswith("-data"):
            raise Wrong(f"{option} stands alone")
        call.answer_file = option
    elif option in GLOBAL or option in OUTFILES:
        call.options[option] = rest.pop(0)
        if option == "--cli-input-json":
            call.parameters |= json.loads(_text(call.options[option], folder))
    elif option[2:] in members:
        name, member = members[option[2:]]
        flag = member.type_name == "boolean"
        call.parameters[name] = True if flag else _value(rest.pop(0), member, folder)
    else:
        raise Wrong(f"{call.service} {call.method} has no {option}")


def _value(given: str, member: Any, folder: Path) -> Any:
    text = _text(given, folder)
    if member.type_name in ("structure", "map"):
        return json.loads(text)
    if member.type_name == "list":
        return json.loads(text) if text.startswith("[") else [text]
    if member.type_name in ("integer", "long"):
        return int(text)
    if (allowed := getattr(member, "enum", ())) and text not in allowed:  # botocore leaves it to the service
        raise Wrong(f"{text} is none of {', '.join(allowed)}")
    return text.encode() if member.type_name == "blob" else text


def _text(given: str, folder: Path) -> str:
    for prefix in ("file://", "fileb://"):
        if given.startswith(prefix):
            return (folder / given.removeprefix(prefix)).read_text(encoding="utf-8")
    return given
