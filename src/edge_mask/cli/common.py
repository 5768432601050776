"""Shared by several commands: common options, and readable times and sizes."""

import argparse
import os
import sys
from datetime import datetime, tzinfo
from pathlib import Path
from typing import TYPE_CHECKING

from edge_mask.ledger import site_time

if TYPE_CHECKING:
    from edge_mask.settings.model import Settings

_MINUTE, _HOUR, _DAY = 60.0, 3600.0, 86400.0


def a_name(text: str) -> str:
    """An argparse type: refuse an empty value (an unset shell variable) instead of using a default."""
    if not text:
        raise argparse.ArgumentTypeError("the name is empty")
    return text


def a_path(text: str) -> Path:
    """An argparse type: a path; an empty one would be the current folder."""
    return Path(a_name(text))


def add_config(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--config", type=a_path, required=True, metavar="FILE", help="the configuration (YAML)")


def settings_of(arguments: argparse.Namespace) -> "Settings":
    """The configuration of `--config` with the stored overlay, as the daemon uses it."""
    from edge_mask.settings.load import load_with_overlay  # heavy: not for --help

    found = load_with_overlay(arguments.config, os.environ)
    for sentence in found.refused:
        print(f"not in force: {sentence}", file=sys.stderr)
    return found.settings


def add_json(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="JSON instead of text")


def positive_seconds(text: str) -> float:
    """An argparse type: a duration above 0."""
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0.0 < seconds < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds above 0")
    return seconds


def parse_time(text: str) -> datetime:
    """An argparse type: an ISO 8601 date or time, with or without a zone."""
    try:
        return datetime.fromisoformat(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a time; allowed: 2026-11-20, 2026-11-20T09:30, 2026-11-20T09:30:00+09:00"
        ) from error


def earliest(time: datetime | None, zone: tzinfo) -> float | None:
    """See ledger/site_time.py; nothing given means no bound."""
    return None if time is None else site_time.earliest(time, zone)


def latest(time: datetime | None, zone: tzinfo) -> float | None:
    """The same for the end of a period."""
    return None if time is None else site_time.latest(time, zone)


def period_of(arguments: argparse.Namespace, zone: tzinfo) -> tuple[float | None, float | None]:
    """`--since` and `--until`; a period that ends before it begins is wrong usage."""
    since, until = earliest(arguments.since, zone), latest(arguments.until, zone)
    if since is not None and until is not None and since >= until:
        arguments.usage_error(f"--since {arguments.since} is not before --until {arguments.until}")
    return since, until


def human_bytes(count: float) -> str:
    """`1.5 MB`: decimal units, as the configuration takes them."""
    for unit in ("B", "kB", "MB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} GB"


def human_seconds(seconds: float) -> str:
    """`3 h 5 min`: the two largest units."""
    if seconds < _MINUTE:
        return f"{seconds:.0f} s"
    if seconds < _HOUR:
        return f"{seconds // _MINUTE:.0f} min {seconds % _MINUTE:.0f} s"
    if seconds < _DAY:
        return f"{seconds // _HOUR:.0f} h {seconds % _HOUR // _MINUTE:.0f} min"
    return f"{seconds // _DAY:.0f} d {seconds % _DAY // _HOUR:.0f} h"
