"""`edge-mask check`: validates the configuration, then opens every part and says how it is."""

import argparse
import json
import os
from itertools import chain
from typing import Any

from edge_mask.cli.common import add_config, add_json


def add(commands: Any) -> None:
    """The `check` command."""
    parser = commands.add_parser(
        "check",
        help="validate a configuration and try every part of it",
        description="Validates the configuration, then opens every part (model, cameras, sensors, database, broker) and"
        " prints one line each: ok, warning (it runs all the same) or failed. Exit code 1 when something failed.",
    )
    add_config(parser)
    add_json(parser)
    parser.set_defaults(function=_check)


def _check(arguments: argparse.Namespace) -> int:
    from edge_mask.doctor import Finding, as_dict, examine
    from edge_mask.settings.load import load_with_overlay

    found = load_with_overlay(arguments.config, os.environ)
    remarks = [Finding("configuration", "warning", sentence) for sentence in found.remarks]
    overlay = [Finding("overlay", "warning", f"not in force: {sentence}") for sentence in found.refused]
    if found.overlay.config:
        overlay.append(Finding("overlay", "ok", f"{found.kept_at}, version {found.overlay.version}"))
    failed = False
    if not arguments.json:
        print(f"{'configuration':<22} ok       {arguments.config}")
    for finding in chain(remarks, overlay, examine(found.settings)):
        failed = failed or finding.state == "failed"
        if arguments.json:
            print(json.dumps(as_dict(finding), ensure_ascii=False), flush=True)
        else:
            print(f"{finding.part:<22} {finding.state:<8} {finding.text}", flush=True)
    return int(failed)
