"""What the commands on series share: which series are meant, and what they are called."""

import argparse
from datetime import datetime
from typing import TYPE_CHECKING, Any

from edge_mask.cli.common import a_name, add_config, add_json, settings_of

if TYPE_CHECKING:
    from edge_mask.app.series.overview import Overview
    from edge_mask.settings.model import Settings


def add_command(commands: Any, name: str, function: Any, text: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(name, help=text)
    parser.set_defaults(function=function, usage_error=parser.error)
    add_config(parser)
    add_json(parser)
    parser.add_argument("--sensor", type=a_name, metavar="NAME", help="of one sensor (of an id: line-001)")
    parser.add_argument("--quantity", type=a_name, metavar="NAME", help="of one quantity")
    return parser


def asked(arguments: argparse.Namespace) -> "tuple[Settings, list[Overview]]":
    """The configuration and the series that are meant; wrong usage when there is none."""
    from edge_mask.app.series.overview import overviews  # heavy: not for --help
    from edge_mask.errors import DatabaseError, Refused
    from edge_mask.ledger.database import is_there

    settings = settings_of(arguments)
    if settings.kept_series is None:
        raise Refused("no series are kept: write `series:` in the configuration, or `outliers:` at a sensor")
    if not is_there(settings.outbox.path):
        raise DatabaseError(
            f"{settings.outbox.path}: there is no such database yet; it appears when the daemon first runs"
        )
    found = overviews(settings)
    meant = [
        each
        for each in found
        if arguments.sensor in (None, each.site.key.sensor) and arguments.quantity in (None, each.site.key.quantity)
    ]
    if not meant:
        listed = ", ".join(title(each) for each in found) or "none that was heard yet"
        raise Refused(f"there is no such series; there are: {listed}")
    return settings, meant


def title(each: "Overview") -> str:
    return f"{each.site.key.sensor} {each.site.key.quantity}"


def named(each: "Overview") -> dict[str, str]:
    return {"sensor": each.site.key.sensor, "quantity": each.site.key.quantity, "unit": each.site.unit}


def local(at: float, settings: "Settings") -> str:
    return datetime.fromtimestamp(at, settings.device.zone).strftime("%Y-%m-%d %H:%M")
