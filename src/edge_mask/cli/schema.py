"""`edge-mask schema`: configuration, messages and HTTP for programs and editors."""

import argparse
import json
from typing import Any


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command."""
    parser = commands.add_parser(
        "schema",
        help="JSON Schema of the configuration or of every message; OpenAPI of HTTP",
        description="Prints the JSON Schema of the configuration, or of every message (AsyncAPI too), or the OpenAPI"
        " document of what is answered over HTTP.",
    )
    parser.add_argument("what", choices=("config", "messages", "http"))
    parser.add_argument(
        "--format",
        choices=("json", "asyncapi", "markdown", "openapi"),
        help="asyncapi: for messages; markdown: the tables of keys, for config (default: openapi for http, else json, a"
        " JSON Schema)",
    )
    parser.set_defaults(function=run, usage_error=parser.error)


def run(arguments: argparse.Namespace) -> int:
    """Print it."""
    match arguments.what, arguments.format or ("openapi" if arguments.what == "http" else "json"):
        case "config", "json":
            from edge_mask.settings.schema import schema

            _print_json(schema())
        case "config", "markdown":
            from edge_mask.settings.schema import tables

            print(tables(), end="")
        case "messages", "json":
            from edge_mask.wire.schema import json_schema

            _print_json(json_schema())
        case "messages", "asyncapi":
            from edge_mask.wire.schema import asyncapi

            _print_yaml(asyncapi())
        case "http", "openapi":
            from edge_mask.web.openapi import text

            print(text(), end="")
        case what, form:
            arguments.usage_error(f"there is no {form} of {what}")
    return 0


def _print_json(schema: dict[str, Any]) -> None:
    print(json.dumps(schema, indent=2, ensure_ascii=False))


def _print_yaml(document: dict[str, Any]) -> None:
    import yaml

    print(yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=110), end="")
