"""`edge-mask erase`: deletes what is kept of people."""

import argparse
import json
from typing import Any

from edge_mask.cli.common import add_config, add_json, earliest, parse_time, settings_of
from edge_mask.plural import counted


def add(commands: Any) -> None:
    """The `erase` command."""
    parser = commands.add_parser(
        "erase",
        help="delete what is kept of people",
        description="Deletes visits, looks, alerts of cameras, readings of the gate's thermometer, their pictures,"
        " the messages that still wait, and what the shadows show of them; prints how much. Works beside a running"
        " daemon. What stays: readings of other sensors, faults, and what was delivered already.",
    )
    add_config(parser)
    add_json(parser)
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--before", type=parse_time, metavar="T", help="everything seen before this time")
    which.add_argument(
        "--visit",
        metavar="ID",
        help="one visit, its alert, and what the thermometer measured from 10 s before it to 10 s after",
    )
    parser.set_defaults(function=_erase)


def _erase(arguments: argparse.Namespace) -> int:
    from edge_mask.act.erase import PATIENCE, erase_pictures
    from edge_mask.act.latest_file import erase_latest
    from edge_mask.ledger.erasure import Erasure
    from edge_mask.ledger.upkeep import erase_people
    from edge_mask.units import Unix

    settings = settings_of(arguments)
    before = earliest(arguments.before, settings.device.zone)
    erasure = Erasure(arguments.visit, before, settings.gate.temperature_sensor, settings.device.thing_name)
    erased = erase_people(settings.outbox.path, erasure)
    cut = None if before is None else Unix(before)
    pictures = erase_pictures(settings.snapshots.dir, erased.pictures, cut, PATIENCE)
    pictures += erase_latest(settings.snapshots.dir, before, erased.seen_at)
    counts = {**erased.counts, "pictures": pictures}
    told = ", ".join(counted(count, what.removesuffix("s")) for what, count in counts.items())
    print(json.dumps(counts) if arguments.json else f"erased {told}")
    return 0
