"""`edge-mask package deploy`: what model devices are to have, retained on their topics; and what becomes of it."""

import argparse
import json
import re
import sys
import time
from typing import TYPE_CHECKING, Any, Final

from edge_mask.cli.common import a_name, a_path, add_config, add_json, positive_seconds
from edge_mask.cli.package_access import access_of, add_access, configuration_of
from edge_mask.cli.wish_broker import WishBroker
from edge_mask.errors import Refused

if TYPE_CHECKING:
    from edge_mask.wire.fleet_models import Desired

_WAIT: Final = 900.0
_END: Final = {"active": True, "refused": False, "rolled_back": False}
"""The states after which nothing more comes, and whether that is success."""


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command."""
    parser = commands.add_parser("deploy", help="wish a package of devices", description=_deploy.__doc__)
    parser.add_argument("--thing", nargs="+", required=True, type=_a_thing, metavar="NAME", help="the devices")
    parser.add_argument(
        "--source", action="append", default=[], type=a_name, metavar="ADDRESS", help="where it is; tried in this order"
    )
    parser.add_argument("--digest", type=a_name, metavar="sha256:…", help="default: what the first source says now")
    parser.add_argument("--name", type=a_name, help="of the package (default: as a source says)")
    parser.add_argument("--version", type=a_name, help="of the package (default: as a source says)")
    parser.add_argument("--signature", type=a_path, metavar="FILE", help="sent along, for sources without it")
    parser.add_argument("--window", type=_a_window, metavar="HH:MM-HH:MM", help="only then, by the device's clock")
    parser.add_argument("--remove", action="store_true", help="take the wish back; the model that looks stays")
    parser.add_argument(
        "--wait", nargs="?", type=positive_seconds, const=_WAIT, metavar="S", help=f"until it is active (S: {_WAIT:g})"
    )
    add_config(parser)
    add_access(parser, has_config=False)
    add_json(parser)
    parser.set_defaults(function=_deploy)


def _a_thing(text: str) -> str:
    if re.fullmatch(r"[A-Za-z0-9:_-]{1,128}", text) is None:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no thing name; allowed: up to 128 letters, digits, ':', '_', '-'"
        )
    return text


def _a_window(text: str) -> list[str]:
    if re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-3]):[0-5]\d", text) is None:
        raise argparse.ArgumentTypeError(f"{text!r} is no window; allowed: 02:00-05:00")
    return text.split("-")


def _deploy(arguments: argparse.Namespace) -> int:
    """Publish, retained, which package the devices are to have; each fetches it, tries it, and takes it or goes back.

    A device that is away gets the wish when it comes. With --wait, follows what they report: exit code 0 when it is
    active on all of them, 1 otherwise.
    """
    settings = configuration_of(arguments)
    if "{thing}" not in settings.topics.root:
        raise Refused("topics.root has no {thing}, so that the wish would be everybody's")
    wish = None if arguments.remove else _wish(arguments)
    payload = b"" if wish is None else wish.model_dump_json(exclude_defaults=True).encode()
    with WishBroker(settings, arguments.thing) as broker:
        for thing in arguments.thing:
            broker.publish(thing, payload)
            _print(arguments, thing, wish)
        if wish is None or arguments.wait is None:
            return 0
        return _followed(arguments, broker, wish.revision)


def _wish(arguments: argparse.Namespace) -> "Desired":
    from edge_mask.cli.package import signature_file
    from edge_mask.packages.remote.address import parse
    from edge_mask.packages.remote.resolve import manifest_of, resolved
    from edge_mask.wire.fleet_models import desired_of

    addresses = [parse(text) for text in arguments.source]
    if not addresses:
        raise Refused("--source is missing: where the devices fetch it; or --remove")
    access, limits = access_of(arguments, *addresses)
    digest = arguments.digest or addresses[0].digest or resolved(addresses[0], access, limits)
    name, version = arguments.name, arguments.version
    if name is None or version is None:
        found = manifest_of(addresses, digest, access, limits)
        name, version = name or found.name, version or found.version
    content: dict[str, Any] = {
        "revision": time.time_ns() // 1_000_000,
        "name": name,
        "version": version,
        "digest": digest,
        "sources": [address.written for address in addresses],
    }
    if arguments.signature is not None:
        content["signature"] = signature_file(arguments.signature)
    if arguments.window is not None:
        content["window"] = arguments.window
    return desired_of(content)


def _print(arguments: argparse.Namespace, thing: str, wish: "Desired | None") -> None:
    if arguments.json:
        print(json.dumps({"thing": thing, "desired": wish and wish.model_dump(exclude_defaults=True)}), flush=True)
    elif wish is None:
        print(f"{thing}: nothing is wished any more", flush=True)
    else:
        print(f"{thing}: {wish.name} {wish.version} is wished (revision {wish.revision})", flush=True)


def _plain(text: str) -> str:
    """What came from outside must not move the cursor."""
    return "".join(letter if letter.isprintable() else " " for letter in text)


def _followed(arguments: argparse.Namespace, broker: "WishBroker", revision: int) -> int:
    """Until every device is done, or the time is over."""
    until = time.monotonic() + arguments.wait
    waiting, all_well = set(arguments.thing), True
    last: dict[str, dict[str, Any]] = {}
    while waiting:
        heard = broker.heard(until - time.monotonic())
        if heard is None:
            missing = ", ".join(sorted(waiting))
            print(f"{missing}: not done within {arguments.wait:g} s; the wish stays", file=sys.stderr)
            return 1
        thing, said = heard
        news = {key: said.get(key) for key in ("revision", "state", "error")}
        if news["revision"] != revision or last.get(thing) == news:
            continue
        last[thing] = news
        state, error = str(said.get("state")), said.get("error")
        if arguments.json:
            print(json.dumps({"thing": thing, "reported": said}, ensure_ascii=False), flush=True)
        else:
            print(_plain(f"{thing}: {state}{f': {error}' if error else ''}"), flush=True)
        if state in _END:
            waiting.discard(thing)
            all_well = all_well and _END[state]
    return 0 if all_well else 1
