"""`edge-mask history` and `edge-mask stats`: the stored visits, and their figures."""

import argparse
import csv
import json
import sys
from typing import TYPE_CHECKING, Any

from edge_mask.cli.common import add_config, add_json, parse_time, period_of, settings_of

if TYPE_CHECKING:
    from edge_mask.ledger.hours import CameraHour
    from edge_mask.ledger.reader import Reader
    from edge_mask.settings.model import Settings

_BAR = 40


def add(commands: Any) -> None:
    """Two commands over one period."""
    history = commands.add_parser("history", help="stored visits")
    history.set_defaults(function=_history)
    formats = history.add_mutually_exclusive_group()
    formats.add_argument("--csv", action="store_true", help="comma-separated, with a header")
    formats.add_argument("--json", action="store_true", help="one JSON object per line")
    stats = commands.add_parser("stats", help="people judged, and what each camera saw, by hour of the site's day")
    stats.set_defaults(function=_stats)
    formats = stats.add_mutually_exclusive_group()
    formats.add_argument("--csv", action="store_true", help="one row for each camera and hour of the calendar")
    add_json(formats)
    for parser in (history, stats):
        parser.set_defaults(usage_error=parser.error)
        add_config(parser)
        for name, text in (("--since", "from this time on"), ("--until", "before this time")):
            note = "ISO 8601, site's zone; of an hour that comes twice the earlier for --since, the later for --until"
            parser.add_argument(name, type=parse_time, metavar="T", help=f"{text} ({note})")


def _opened(arguments: argparse.Namespace) -> "tuple[Reader, Settings]":
    from edge_mask.ledger.reader import Reader  # heavy: not for --help

    settings = settings_of(arguments)
    return Reader(settings.outbox.path), settings


def _history(arguments: argparse.Namespace) -> int:
    from edge_mask.ledger import as_csv

    reader, settings = _opened(arguments)
    zone = settings.device.zone
    visits = reader.visits(*period_of(arguments, zone))
    if arguments.csv:
        sys.stdout.write(as_csv.header())
        sys.stdout.writelines(as_csv.lines(visits, zone))
        return 0
    nobody = True
    for visit in visits:
        nobody = False
        if arguments.json:
            print(json.dumps({**visit, "visited": as_csv.local(visit, zone)}, ensure_ascii=False))
        else:
            print(_line(visit, as_csv.local(visit, zone, "seconds")))
    if nobody and not arguments.json:
        print("no visits", file=sys.stderr)
    return 0


_WENT = {True: "  went through", False: "  did not go through"}


def _line(visit: dict[str, Any], seen: str) -> str:
    """The id comes first: a line may be wider than the terminal, and is broken somewhere behind what will be copied."""
    temperature = visit["temperature"]
    if isinstance(temperature, int | float):
        temperature = f"{temperature:.1f}"
    measured = "" if temperature is None else f"  {temperature}"
    reasons = f"  ({', '.join(map(str, visit['reasons']))})" if visit["reasons"] else ""
    verdict = {1: "passed ", 0: "refused"}.get(visit["ispass"], str(visit["ispass"]))
    damaged = f"  [damaged: {', '.join(visit['damaged'])}]" if "damaged" in visit else ""
    clock = "" if visit["clock_ok"] else "  [clock was not set]"
    what = f"{visit['camera']}  {verdict}  {visit['mask'] or '-'}{measured}{reasons}"
    second = "  [a second look says otherwise]" if visit["amended"] else ""
    went = _WENT.get(visit["passed_through"], "")
    return f"{visit['id']}  {seen}  {what}{went}{second}{clock}{damaged}"


def _stats(arguments: argparse.Namespace) -> int:
    reader, settings = _opened(arguments)
    zone = settings.device.zone
    period = period_of(arguments, zone)
    hours = reader.camera_hours(zone, *period)
    if arguments.csv:
        _hours_as_csv(hours)
        return 0
    from edge_mask.ledger.hours import by_camera

    stats, cameras = reader.stats(zone, *period), by_camera(hours)
    if arguments.json:
        print(json.dumps({**stats, "by_camera": cameras}))
        return 0
    has_gate = any(camera.role == "gate" for camera in settings.cameras)
    if has_gate or stats["judged"] or "damaged" in stats:
        _print_judged(stats, settings.device.timezone)
    if not cameras:
        print("no camera saw anything")
    _print_cameras(cameras)
    return 0


def _print_judged(stats: dict[str, Any], timezone: str) -> None:
    """The sums, and a bar for each hour of the day in which anybody was judged."""
    print(f"judged {stats['judged']}   passed {stats['passed']}   refused {stats['refused']}")
    if "damaged" in stats:
        print(f"damaged {stats['damaged']}: their rows do not say when, or how they were judged (edge-mask history)")
    if not stats["judged"]:
        return
    print(f"by hour of day ({timezone}): # passed, x refused")
    most = max(hour["passed"] + hour["refused"] for hour in stats["by_hour"])
    for hour in stats["by_hour"]:
        total = hour["passed"] + hour["refused"]
        if total:
            passed = round(hour["passed"] / most * _BAR)
            refused = round(hour["refused"] / most * _BAR)
            print(f"  {hour['hour']:02d}  {'#' * passed}{'x' * refused} {total}")


_WORDS = {
    "looks": "looks",
    "no_mask_looks": "without a mask",
    "alerts": "alerts",
    "passed": "passed",
    "refused": "refused",
}


def _print_cameras(cameras: "list[dict[str, Any]]") -> None:
    """A table for each camera: the hours of the day in which it saw anything, and the sum; without empty columns."""
    for camera in cameras:
        columns = [key for key in _WORDS if camera[key]]
        print(f"camera {camera['camera']}:")
        print(f"  {'hour':<6}" + "".join(f"{_WORDS[key]:>16}" for key in columns))
        for hour in camera["by_hour"]:
            if any(hour[key] for key in columns):
                print(f"  {hour['hour']:02d}    " + "".join(f"{hour[key]:>16}" for key in columns))
        print(f"  {'all':<6}" + "".join(f"{camera[key]:>16}" for key in columns))


def _hours_as_csv(hours: "list[CameraHour]") -> None:
    from edge_mask.ledger.as_csv import cell

    table = csv.writer(sys.stdout, lineterminator="\n")
    table.writerow(("hour", "camera", *_WORDS))
    for each in hours:
        table.writerow((each.begins.isoformat(), cell(each.camera), *(getattr(each.counts, key) for key in _WORDS)))
