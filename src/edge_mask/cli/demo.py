"""`edge-mask demo`: shows it at work on bundled input, with its own broker."""

import argparse
import os
import signal
import sys
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from edge_mask.cli.common import positive_seconds
from edge_mask.errors import ConfigurationError

if TYPE_CHECKING:
    from edge_mask.demo.series_show import SeriesShow
    from edge_mask.demo.show import Show


def add(commands: Any) -> None:
    """The `demo` command."""
    parser = commands.add_parser(
        "demo",
        help="the daemon on bundled sample input, with a broker of its own",
        description="Starts a broker on loopback and the daemon on a short film and a thermometer's readings, and"
        " prints each message that a subscriber receives. Ctrl-C ends it; nothing is left behind.",
    )
    parser.add_argument(
        "--series", action="store_true", help="instead: a month of a water meter in twenty seconds, with a leak in it"
    )
    parser.add_argument("--max-seconds", type=positive_seconds, metavar="S", help="end after S seconds")
    parser.add_argument(
        "--model", metavar="PKG", help="model package, or one of its files (default: models/mask-detector)"
    )
    parser.add_argument(
        "--no-browser", action="store_true", help="do not open the page (it is opened from a terminal with a display)"
    )
    parser.set_defaults(function=_demo)


def _demo(arguments: argparse.Namespace) -> int:
    def say(text: str) -> None:
        try:
            print(text, flush=True)
        except OSError:  # `edge-mask demo | head`, or a terminal that was closed
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            show.stop()

    if arguments.series and arguments.model:
        raise ConfigurationError(["--model belongs to the film; --series shows a water meter and uses none"])
    show = _series(say) if arguments.series else _film(say, arguments)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        # Not within the handler: it may interrupt whoever holds the lock that a stop needs.
        signal.signal(number, lambda *_: threading.Thread(target=show.stop, daemon=True).start())
    return show.run(arguments.max_seconds)


def _film(say: Callable[[str], None], arguments: argparse.Namespace) -> "Show":
    from edge_mask.demo.show import Show
    from edge_mask.packages.location import DEFAULT, find_package

    return Show(say, find_package(arguments.model or DEFAULT).resolve(), opens=_is_watched(arguments))


def _series(say: Callable[[str], None]) -> "SeriesShow":
    from edge_mask.demo.series_show import SeriesShow

    return SeriesShow(say)


def _is_watched(arguments: argparse.Namespace) -> bool:
    """Whether somebody sits before a display here: no script, no service, no login from elsewhere."""
    has_display = bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
    return has_display and sys.stdout.isatty() and not arguments.no_browser
