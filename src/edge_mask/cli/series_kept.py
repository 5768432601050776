"""`edge-mask series status|learn|forecast|criteria`: what a daemon keeps and has learned, beside it or without it."""

import argparse
import json
import sys
import time
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any

from edge_mask.cli.common import a_name, add_config, add_json, human_seconds, settings_of

if TYPE_CHECKING:
    from edge_mask.app.series.overview import Overview
    from edge_mask.series.criteria import Criteria
    from edge_mask.settings.model import Settings


def add_kept(commands: Any) -> None:
    """Four commands on the series of a configuration."""
    _add(commands, "status", _status, "what is stored and known of each series, and what is wrong now")
    learn = _add(commands, "learn", _learn, "learn the criteria and train the forecast now, from what is stored")
    learn.description = "A running daemon takes it within a minute. Every version of the criteria is kept."
    _add(commands, "forecast", _forecast, "the newest forecast of each series")
    criteria = _add(commands, "criteria", _criteria, "the versions of the criteria, and which is in force")
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


def _add(commands: Any, name: str, function: Any, text: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(name, help=text)
    parser.set_defaults(function=function, usage_error=parser.error)
    add_config(parser)
    add_json(parser)
    parser.add_argument("--sensor", type=a_name, metavar="NAME", help="of one sensor (of an id: line-001)")
    parser.add_argument("--quantity", type=a_name, metavar="NAME", help="of one quantity")
    return parser


def _a_version(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is not the number of a version")
    return int(text)


# -- the four commands -----------------------------------------------------------------------------------


def _status(arguments: argparse.Namespace) -> int:
    _, found = _asked(arguments)
    for each in found:
        if arguments.json:
            print(json.dumps(_as_data(each)))
        else:
            print(_title(each))
            for line in _lines(each):
                print(f"  {line}")
    return 0


def _learn(arguments: argparse.Namespace) -> int:
    """In this process: who asks may wait, and stop it."""
    from edge_mask.app.series.learning import Lesson, teach

    settings, found = _asked(arguments)
    code = 0
    for each in found:
        wants_model = "forecast" in each.site.kinds
        told = teach(Lesson(database=settings.outbox.path, site=each.site, model=wants_model, at=time.time()))
        parts = {name: told[name] for name in ("criteria", "model") if name in told}
        code |= any("refused" in part for part in parts.values())
        if arguments.json:
            print(json.dumps(told))
            continue
        for name, part in parts.items():
            version = f"version {part['version']}, " if "version" in part else ""
            learned = part["refused"] if "refused" in part else f"{version}from {part['days']} days"
            print(f"{_title(each)}: {name}: {learned}")
    return code


def _forecast(arguments: argparse.Namespace) -> int:
    settings, found = _asked(arguments)
    code = 0
    for each in found:
        forecast = each.forecast
        if forecast is None:
            code = 1
            print(f"{_title(each)}: no forecast yet: it needs a week of readings and a running daemon", file=sys.stderr)
        elif arguments.json:
            numbers = {name: [round(value, 6) for value in getattr(forecast, name).tolist()] for name in _BAND}
            key = each.site.key
            told = {"sensor": key.sensor, "quantity": key.quantity, "unit": each.site.unit}
            print(json.dumps({**told, "origin": forecast.origin, "step_s": forecast.step_s, **numbers}))
        else:
            print(f"{_title(each)}: from {_local(forecast.origin, settings)} on: value, low, high")
            for step, row in enumerate(zip(*(getattr(forecast, name).tolist() for name in _BAND), strict=True)):
                at = _local(forecast.origin + step * forecast.step_s, settings)
                print(f"  {at}  " + "".join(f"{value:>11.5g}" for value in row))
    return code


def _criteria(arguments: argparse.Namespace) -> int:
    settings, found = _asked(arguments)
    if arguments.what == "activate":
        return _activate(arguments, found)
    for each in found:
        active = each.folder.active
        if arguments.what == "show":
            number = active if arguments.version is None else arguments.version
            _show(arguments, each, each.folder.criteria(number))
            continue
        for number in (0, *each.folder.versions()):
            criteria = each.folder.criteria(number)
            if arguments.json:
                print(json.dumps({**_named(each), **asdict(criteria), "active": number == active}))
            else:
                mark = "*" if number == active else " "
                print(f"{mark} {_title(each)}: version {number}, {_origin(criteria, settings)}: {_values(criteria)}")
    return 0


def _activate(arguments: argparse.Namespace, found: "list[Overview]") -> int:
    if arguments.version is None:
        arguments.usage_error("activate needs the number of a version (edge-mask series criteria list)")
    if len(found) != 1:
        listed = "; ".join(_title(each) for each in found)
        arguments.usage_error(f"a version is one of one series: say --sensor and --quantity; there are {listed}")
    found[0].folder.activate(arguments.version)
    print(f"{_title(found[0])}: version {arguments.version} is in force; a running daemon takes it within a minute")
    return 0


# -- what they share -------------------------------------------------------------------------------------

_BAND = ("values", "low", "high")


def _asked(arguments: argparse.Namespace) -> "tuple[Settings, list[Overview]]":
    """The configuration and the series that are meant; wrong usage when there is none."""
    from edge_mask.app.series.overview import overviews  # heavy: not for --help
    from edge_mask.errors import Refused

    settings = settings_of(arguments)
    if settings.kept_series is None:
        raise Refused("no series are kept: write `series:` in the configuration, or `outliers:` at a sensor")
    found = overviews(settings)
    meant = [
        each
        for each in found
        if arguments.sensor in (None, each.site.key.sensor) and arguments.quantity in (None, each.site.key.quantity)
    ]
    if not meant:
        listed = ", ".join(_title(each) for each in found) or "none that was heard yet"
        raise Refused(f"there is no such series; there are: {listed}")
    return settings, meant


def _title(each: "Overview") -> str:
    return f"{each.site.key.sensor} {each.site.key.quantity}"


def _named(each: "Overview") -> dict[str, str]:
    return {"sensor": each.site.key.sensor, "quantity": each.site.key.quantity, "unit": each.site.unit}


def _as_data(each: "Overview") -> dict[str, Any]:
    model = each.model()
    return {
        **_named(each),
        "first": None if each.extent is None else each.extent.first * 60,
        "last": None if each.extent is None else each.extent.end * 60,
        "criteria": asdict(each.criteria),
        "model": None if model.model is None else {"days": model.model.days, "trained_to": model.model.learned_from[1]},
        "problem": model.problem,
        "smallest_leak": each.smallest_leak,
        "open": list(each.open),
    }


def _lines(each: "Overview") -> list[str]:
    """For people: what is stored, known, and wrong."""
    from edge_mask.app.series.overview import abilities, amount

    now = time.time()
    wrong = [f"{one['reason']} ({one['kind']}) for {human_seconds(max(0.0, now - one['began']))}" for one in each.open]
    return [amount(each, now), *abilities(each, now), *wrong]


def _origin(criteria: "Criteria", settings: "Settings") -> str:
    if criteria.made is None:
        return "shipped"
    return f"learned {_local(criteria.made, settings)} from {criteria.days} days"


def _values(criteria: "Criteria") -> str:
    told = {name: getattr(criteria, name) for name in ("min", "max", "max_step")}
    return ", ".join(f"{name} {value:.5g}" for name, value in told.items() if value is not None) or "no limits"


def _show(arguments: argparse.Namespace, each: "Overview", criteria: "Criteria") -> None:
    if arguments.json:
        print(json.dumps({**_named(each), **asdict(criteria)}))
    else:
        print(f"# {_title(each)}\n{criteria.to_yaml()}", end="")


def _local(at: float, settings: "Settings") -> str:
    return datetime.fromtimestamp(at, settings.device.zone).strftime("%Y-%m-%d %H:%M")
