"""`edge-mask series export`: what is kept of sensors' readings, as a table or as JSON lines."""

import argparse
import csv
import json
import math
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge_mask.cli.common import a_name, add_config, parse_time, period_of, settings_of
from edge_mask.errors import Refused

if TYPE_CHECKING:
    from edge_mask.ledger.series_nouns import Extent
    from edge_mask.ledger.series_reader import SeriesReader

WHAT = ("raw", "minutes", "summaries")
_NUMBERS = {
    "raw": ("value", "quality"),
    "minutes": ("mean",),
    "summaries": ("count", "min", "mean", "max", "last"),
}
_MINUTE, _TEN = 60, 600
_PART = 1440 * 7
"""Minutes that are read at once."""


def add(commands: Any) -> None:
    """The `export` command."""
    parser = commands.add_parser(
        "export",
        help="what is kept of the readings",
        description="Prints single readings (as long as series.raw keeps them), means of minutes, or summaries of ten"
        " minutes (as long as series.keep keeps them), by sensor and quantity, the oldest first. Times are those at"
        " which a minute begins, in the site's zone. Works beside a running daemon.",
    )
    parser.add_argument("what", choices=WHAT, nargs="?", default="minutes", help="default: minutes")
    parser.add_argument("--sensor", type=a_name, metavar="NAME", help="only of this sensor")
    parser.add_argument("--quantity", type=a_name, metavar="NAME", help="only this quantity")
    for name, text in (("--since", "from this time on"), ("--until", "before this time")):
        parser.add_argument(name, type=parse_time, metavar="T", help=f"{text} (ISO 8601, site's zone)")
    formats = parser.add_mutually_exclusive_group()
    formats.add_argument("--csv", action="store_true", help="comma-separated, with a header (default)")
    formats.add_argument("--json", action="store_true", help="one JSON object per line")
    add_config(parser)
    parser.set_defaults(function=_export, usage_error=parser.error)


def _export(arguments: argparse.Namespace) -> int:
    from edge_mask.ledger.series_reader import reading  # heavy: not for --help

    settings = settings_of(arguments)
    zone = settings.device.zone
    since, until = period_of(arguments, zone)
    columns = ("time", "sensor", "quantity", "unit", *_NUMBERS[arguments.what])
    table = csv.writer(sys.stdout, lineterminator="\n")
    with reading(settings.outbox.path) as reader:
        wanted = _wanted(reader, arguments.sensor, arguments.quantity)
    if not arguments.json:
        table.writerow(columns)
    for extent in wanted:
        for at, *numbers in _rows(settings.outbox.path, arguments.what, extent, since, until):
            time = datetime.fromtimestamp(at, UTC).astimezone(zone).isoformat(timespec=_precision(at))
            row = (time, *extent.name, *numbers)
            if arguments.json:
                print(json.dumps(dict(zip(columns, row, strict=True)), ensure_ascii=False))
            else:
                table.writerow(row)
    return 0


def _wanted(reader: "SeriesReader", sensor: str | None, quantity: str | None) -> "Sequence[Extent]":
    """Raises Refused when nothing is kept of what was asked for."""
    extents = reader.extents()
    found = [each for each in extents if sensor in (None, each.name.sensor) and quantity in (None, each.name.quantity)]
    if not found and (sensor or quantity):
        kept = ", ".join(dict.fromkeys(f"{name.sensor} {name.quantity}" for name, _, _ in extents)) or "nothing"
        raise Refused(f"no series of {' '.join(each for each in (sensor, quantity) if each)}; kept are: {kept}")
    return found


def _rows(
    path: Path, what: str, extent: "Extent", since: float | None, until: float | None
) -> Iterator[tuple[Any, ...]]:
    """Unix seconds and numbers; steps without a reading are left out. Between two parts the daemon may tidy up."""
    from edge_mask.ledger.series_reader import reading

    if what == "raw":
        with reading(path) as reader:
            yield from reader.raw(extent.name, since, until)
        return
    first = extent.first if since is None else max(extent.first, math.ceil(since / _MINUTE))
    end = extent.end if until is None else min(extent.end, math.ceil(until / _MINUTE))
    for begins in range(first, end, _PART):
        part = (begins, min(begins + _PART, end))
        with reading(path) as reader:
            rows = _minutes(reader, extent, *part) if what == "minutes" else _summaries(reader, extent, *part)
            yield from [*rows]


def _minutes(reader: "SeriesReader", extent: "Extent", first: int, end: int) -> Iterator[tuple[Any, ...]]:
    for place, value in enumerate(reader.minutes(extent.name, first, end).values):
        if math.isfinite(value):
            yield (first + place) * _MINUTE, _short(value)


def _summaries(reader: "SeriesReader", extent: "Extent", first: int, end: int) -> Iterator[tuple[Any, ...]]:
    """Those that begin in the period."""
    found = reader.summaries(extent.name, first, end)
    for place, row in enumerate(found.rows):
        minute = found.first + place * 10
        if row["count"] and (first <= minute < end or first == extent.first):
            yield minute * _MINUTE, int(row["count"]), *(_short(row[name]) for name in ("min", "mean", "max", "last"))


def _short(value: Any) -> float:
    """As a float32 tells it, without the digits that it has not."""
    return float(str(value))


def _precision(at: float) -> str:
    return "seconds" if at == int(at) else "milliseconds"
