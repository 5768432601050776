"""`edge-mask series status|learn|forecast|criteria`: what a daemon keeps and has learned, beside it or without it."""

import argparse
import json
import sys
import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from edge_mask.cli import series_criteria
from edge_mask.cli.common import human_seconds
from edge_mask.cli.series_asked import add_command, asked, local, named, title

if TYPE_CHECKING:
    from edge_mask.app.series.overview import Overview
    from edge_mask.settings.model import Settings


def add_kept(commands: Any) -> None:
    """Four commands on the series of a configuration."""
    add_command(commands, "status", _status, "what is stored and known of each series, and what is wrong now")
    learn = add_command(commands, "learn", _learn, "learn the criteria and train the forecast now, from what is stored")
    learn.description = (
        "Learns what is usual (criteria, from 21 days of readings on) and trains the forecast (from 7 days on), in a"
        " process of its own that is nicer than the daemon. Every version of the criteria is kept; the new one is in"
        " force at once, and a running daemon takes it within a minute."
    )
    add_command(commands, "forecast", _forecast, "the newest forecast of each series")
    series_criteria.add(commands)


_BAND = ("values", "low", "high")


def _status(arguments: argparse.Namespace) -> int:
    _, found = asked(arguments)
    for each in found:
        if arguments.json:
            print(json.dumps(_as_data(each)))
        else:
            print(title(each))
            for line in _lines(each):
                print(f"  {line}")
    return 0


def _learn(arguments: argparse.Namespace) -> int:
    """In the process that the daemon takes for it; who asks may wait, and stop it."""
    from edge_mask.app.series.learning import Lesson
    from edge_mask.app.series.learning_process import answers, words
    from edge_mask.errors import Refused

    settings, found = asked(arguments)
    lessons = [
        Lesson(database=settings.outbox.path, site=each.site, model="forecast" in each.site.kinds, at=time.time())
        for each in found
    ]
    if (problem := _no_folder(settings)) is not None:
        raise Refused(problem)
    code = 0
    for told in answers(lessons):
        parts = [told[name] for name in ("criteria", "model") if name in told]
        code |= "failed" in told or any("refused" in part for part in parts)
        for line in [json.dumps(told)] if arguments.json else words(told):
            print(line, flush=True)
    return code


def _no_folder(settings: "Settings") -> str | None:
    from edge_mask.app.series.folder import unusable

    return unusable(settings.outbox.path)


def _forecast(arguments: argparse.Namespace) -> int:
    settings, found = asked(arguments)
    code = 0
    for each in found:
        forecast = each.forecast
        if forecast is None:
            code = 1
            print(f"{title(each)}: no forecast yet: it needs a week of readings and a running daemon", file=sys.stderr)
        elif arguments.json:
            numbers = {name: [round(value, 6) for value in getattr(forecast, name).tolist()] for name in _BAND}
            key = each.site.key
            told = {"sensor": key.sensor, "quantity": key.quantity, "unit": each.site.unit}
            print(json.dumps({**told, "origin": forecast.origin, "step_s": forecast.step_s, **numbers}))
        else:
            print(f"{title(each)}: from {local(forecast.origin, settings)} on: value, low, high")
            for step, row in enumerate(zip(*(getattr(forecast, name).tolist() for name in _BAND), strict=True)):
                at = local(forecast.origin + step * forecast.step_s, settings)
                print(f"  {at}  " + "".join(f"{value:>11.5g}" for value in row))
    return code


def _as_data(each: "Overview") -> dict[str, Any]:
    model = each.found.model
    return {
        **named(each),
        "first": None if each.extent is None else each.extent.first * 60,
        "last": None if each.extent is None else each.extent.end * 60,
        "criteria": asdict(each.criteria),
        "model": None if model is None else {"days": model.days, "trained_to": model.learned_from[1]},
        "problem": "; ".join(each.problems) or None,
        "smallest_leak": each.smallest_leak,
        "open": list(each.open),
    }


def _lines(each: "Overview") -> list[str]:
    """For people: what is stored, known, and wrong."""
    from edge_mask.app.series.overview import abilities, amount

    now = time.time()
    wrong = [f"{one['reason']} ({one['kind']}) for {human_seconds(max(0.0, now - one['began']))}" for one in each.open]
    return [amount(each, now), *abilities(each, now), *wrong]
