"""`edge-mask shadow`: the local copies of this device's shadow and of those that its rules write."""

import argparse
import json
import sys
import time
from contextlib import suppress
from typing import Any

from edge_mask.cli.common import add_config, add_json, settings_of


def add(commands: Any) -> None:
    """One command."""
    parser = commands.add_parser("shadow", help="the device shadows kept here", description=__doc__)
    add_config(parser)
    parser.add_argument("--thing", metavar="T", help="whose shadow (default: device.thing_name)")
    parser.add_argument("--name", metavar="N", help="a named shadow")
    parser.add_argument("--list", action="store_true", help="only the names of all, one a line")
    add_json(parser)
    parser.set_defaults(function=_shadow)


def _shadow(arguments: argparse.Namespace) -> int:
    import msgspec  # heavy, like what follows: not for --help

    from edge_mask.ledger.reader import Reader
    from edge_mask.sql.json import to_json

    settings = settings_of(arguments)
    found = Reader(settings.outbox.path).shadows()
    if arguments.list:
        names = [address for address, shadow in found.items() if shadow.exists]
        for line in [json.dumps(names)] if arguments.json else names:
            print(line)
        return 0
    thing = arguments.thing or settings.device.thing_name
    address = thing if arguments.name is None else f"{thing}/{arguments.name}"
    kept = found.get(address)
    document = None if kept is None else kept.document(int(time.time()))
    if document is None:
        print(f"no shadow of {address} is kept here", file=sys.stderr)
        return 1
    text = to_json(document)  # with every digit
    if not arguments.json:
        with suppress(msgspec.DecodeError):  # half a surrogate pair, which it cannot format
            text = msgspec.json.format(text, indent=2)
    print(text.decode())
    return 0
