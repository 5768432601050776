"""`edge-mask series`: sensors' readings over months: what was out of line in them, and what is expected."""

import argparse
import json
import sys
from typing import Any

from edge_mask.cli import series_export
from edge_mask.cli.common import a_path
from edge_mask.cli.series_kept import add_kept


def add(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command's parser with its own commands."""
    parser = subparsers.add_parser("series", help="sensors' readings over months", description=__doc__)
    commands = parser.add_subparsers(dest="series_command", metavar="COMMAND", required=True)
    add_kept(commands)
    _add_replay(commands)
    series_export.add(commands)


def _add_replay(commands: Any) -> None:
    replay = commands.add_parser(
        "replay",
        help="play recorded minutes as the daemon would see them",
        description="Learns from the history in FOLDER, then sees its live minutes one by one with the program of the"
        " daemon, and prints a JSON line for each outlier that begins and for each wanted forecast. In FOLDER are"
        " history.csv and live.csv (or .csv.gz; time,value in UTC; a history without rows is none) and meta.json, an"
        " object with unit, zone, and, as far as known, series, quantity, resolution, limits [min, max] (what"
        " the sensor can measure; or physical_min and physical_max), quiet_hours, shipped_criteria.",
    )
    replay.add_argument("folder", type=a_path, metavar="FOLDER")
    replay.add_argument("--origins", type=a_path, metavar="FILE", help="CSV series,origin: when forecasts are wanted")
    replay.set_defaults(function=_replay)


def _replay(arguments: argparse.Namespace) -> int:
    """Play recorded minutes as the daemon would see them."""
    from edge_mask.series.recording import origins, read, remarks  # heavy: not for --help
    from edge_mask.series.replay import replay

    recording = read(arguments.folder)
    wanted = [] if arguments.origins is None else origins(arguments.origins, recording.name)
    if arguments.origins is not None:
        for remark in remarks(arguments.origins, wanted, recording):
            print(remark, file=sys.stderr)
    for line in replay(recording, wanted):
        print(json.dumps(line))
    return 0
