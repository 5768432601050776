"""`edge-mask sink`: the central store, in the foreground."""

import argparse
import os
import signal
import sys
from typing import Any

from edge_mask.cli.common import add_config


def add(commands: Any) -> None:
    """The `sink` command."""
    parser = commands.add_parser(
        "sink",
        help="the central store: from the broker into PostgreSQL or MariaDB",
        description="Subscribes to what devices publish, commits it to the database of the section `sink`, and only"
        " then acknowledges it; until SIGTERM or Ctrl-C. Several may run at once, each with a client id of its own.",
    )
    add_config(parser)
    parser.add_argument("--once", action="store_true", help="store what the broker has kept, and end")
    parser.set_defaults(function=_sink)


def _sink(arguments: argparse.Namespace) -> int:
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: sys.exit(0))
    from edge_mask.errors import Broken, ConfigurationError
    from edge_mask.observe import logs
    from edge_mask.settings.load import load_with_overlay

    found = load_with_overlay(arguments.config, os.environ)
    if found.settings.sink is None:
        raise ConfigurationError([f"{arguments.config}: has no section sink; see docs/sink.md, or config/sink.yaml"])
    try:
        secrets = found.settings.secrets()
    except OSError as error:
        raise ConfigurationError([f"{error.filename} cannot be read: {error.strerror}"]) from error
    logs.configure(found.settings.log.level, found.settings.log.format, secrets)
    from edge_mask.sink.service import Service  # heavy, and only now there is a use for it

    try:
        Service(found.settings).run(once=arguments.once)
    except Broken as error:
        print(f"sink: {error}", file=sys.stderr)
        return 70
    return 0
