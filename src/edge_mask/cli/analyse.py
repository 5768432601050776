"""`edge-mask analyse`: the daemon without cameras, which looks at frames of other devices."""

import argparse
from typing import TYPE_CHECKING, Any

from edge_mask.cli.run import add_arguments, serve

if TYPE_CHECKING:
    from edge_mask.settings.model import Settings


def add(commands: Any) -> None:
    """The `analyse` command."""
    parser = commands.add_parser(
        "analyse",
        help="the daemon without cameras: looks at frames of other devices",
        description="Loads the model and looks at frames that other devices send, until SIGTERM or Ctrl-C; the same"
        " daemon as `run`, with the same page, commands and health messages.",
    )
    add_arguments(parser)
    parser.set_defaults(function=_analyse)


def _analyse(arguments: argparse.Namespace) -> int:
    return serve(arguments, _is_for_others)


def _is_for_others(settings: "Settings") -> None:
    """Raises ConfigurationError."""
    from edge_mask.errors import ConfigurationError

    problems = []
    if settings.cameras:
        text = "cameras: `edge-mask analyse` has none; remove them, or use `edge-mask run`, which looks for others too"
        problems.append(text)
    if settings.fleet is None or settings.fleet.type != "analysis":
        problems.append("fleet.type: `edge-mask analyse` needs it to be analysis")
    if settings.mqtt.transport == "none":
        problems.append("mqtt.transport: is none, so nobody could send frames; allowed: another transport")
    if problems:
        raise ConfigurationError(problems)
