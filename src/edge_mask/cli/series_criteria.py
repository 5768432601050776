"""`edge-mask series criteria`: the versions of what is usual, and which is in force."""

import argparse
import json
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from edge_mask.cli.series_asked import add_command, asked, local, named, title

if TYPE_CHECKING:
    from edge_mask.app.series.overview import Overview
    from edge_mask.series.criteria import Criteria
    from edge_mask.settings.model import Settings


def add(commands: Any) -> None:
    """Add the command's parser."""
    criteria = add_command(commands, "criteria", _criteria, "the versions of the criteria, and which is in force")
    criteria.description = (
        "list: every version of each series, * before the one in force, ! before one that cannot be used. show: all"
        " numbers of one version, as YAML. activate N: put version N of one series in force; 0 is what was shipped."
        " A running daemon takes it within a minute."
    )
    criteria.add_argument(
        "what",
        choices=("list", "show", "activate"),
        nargs="?",
        default="list",
        help="all of them (as without it), the values of one, or put one in force",
    )
    criteria.add_argument(
        "version",
        type=_a_version,
        nargs="?",
        metavar="N",
        help="which; 0 is the shipped one. To show: else that in force",
    )


def _a_version(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is not the number of a version")
    return int(text)


def _criteria(arguments: argparse.Namespace) -> int:
    settings, found = asked(arguments)
    if arguments.what == "activate":
        return _activate(arguments, found)
    if arguments.what == "show":
        for each in found:
            version = arguments.version
            _show(arguments, each, each.criteria if version is None else each.folder.criteria(version), settings)
        return 0
    for each in found:
        for number in (0, *each.folder.versions()):
            _list(arguments, each, number, settings)
        if each.in_force.problem is not None and not arguments.json:
            print(f"{title(each)}: {each.in_force.problem}", file=sys.stderr)
    return 0


def _list(arguments: argparse.Namespace, each: "Overview", number: int, settings: "Settings") -> None:
    """One version; one that is damaged says so in its place."""
    from edge_mask.errors import Refused

    is_in_force = number == each.criteria.version
    mark = "*" if is_in_force else " "
    try:
        criteria = each.folder.criteria(number)
    except Refused as error:
        if arguments.json:
            print(json.dumps({**named(each), "version": number, "active": False, "problem": str(error)}))
        else:
            print(f"! {title(each)}: version {number} cannot be used: {error}")
        return
    if arguments.json:
        print(json.dumps({**named(each), **asdict(criteria), "active": is_in_force}))
    else:
        print(f"{mark} {title(each)}: version {number}, {_origin(criteria, settings)}: {_values(criteria)}")


def _activate(arguments: argparse.Namespace, found: "list[Overview]") -> int:
    if arguments.version is None:
        arguments.usage_error("activate needs the number of a version (edge-mask series criteria list)")
    if len(found) != 1:
        listed = "; ".join(title(each) for each in found)
        arguments.usage_error(f"a version is one of one series: say --sensor and --quantity; there are {listed}")
    found[0].folder.activate(arguments.version)
    print(f"{title(found[0])}: version {arguments.version} is in force; a running daemon takes it within a minute")
    return 0


def _origin(criteria: "Criteria", settings: "Settings") -> str:
    if criteria.made is None:
        return "shipped"
    return f"learned {local(criteria.made, settings)} from {criteria.days} days"


def _values(criteria: "Criteria") -> str:
    told = {name: getattr(criteria, name) for name in ("min", "max", "max_step")}
    return ", ".join(f"{name} {value:.5g}" for name, value in told.items() if value is not None) or "no limits"


_EXPLAINED = {
    "max_step": "the largest step from one minute to the next",
    "gap": "minutes between two readings",
    "run": "minutes that a value may stay exactly the same",
    "zero_run": "the same for zero",
    "night_noise": "how much the lowest flow differs from night to night; leaks are seen from twice that on",
}


def _show(arguments: argparse.Namespace, each: "Overview", criteria: "Criteria", settings: "Settings") -> None:
    """As YAML, with times that can be read and what each number is."""
    if arguments.json:
        print(json.dumps({**named(each), **asdict(criteria)}))
        return
    print(f"# {title(each)}\nversion: {criteria.version}  # {_origin(criteria, settings)}")
    if criteria.learned_from is not None:
        first, end = (local(at, settings) for at in criteria.learned_from)
        print(f"# readings from {first} to {end}")
    for name in ("min", "max", *_EXPLAINED):
        if (value := getattr(criteria, name)) is not None:
            print(f"{name}: {value:.6g}".ljust(24) + (f"  # {_EXPLAINED[name]}" if name in _EXPLAINED else ""))
