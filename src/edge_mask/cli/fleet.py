"""`edge-mask fleet`: the devices on the broker, as they announce themselves."""

import argparse
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

from edge_mask.cli.common import a_name, add_config, add_json, positive_seconds, settings_of

if TYPE_CHECKING:
    from edge_mask.fleet.registry.registry import Device, Registry

_HEAD: Final = ("THING", "STATE", "TYPE", "NAME", "MODEL", "ROOM", "SOFTWARE", "REPORTED")
_NONE: Final = "-"
_MOST: Final = 40
"""Characters of one cell."""


def add(commands: Any) -> None:
    """Two commands."""
    parser = commands.add_parser("fleet", help="the devices on the broker", description=__doc__)
    kinds = parser.add_subparsers(dest="fleet_command", metavar="COMMAND", required=True)
    listing = kinds.add_parser("list", help="a line for each device", description=_list.__doc__)
    listing.set_defaults(function=_list)
    show = kinds.add_parser("show", help="all that one device says of itself", description=_show.__doc__)
    show.add_argument("thing", type=a_name, metavar="THING")
    show.set_defaults(function=_show)
    for command in (listing, show):
        add_config(command)
        command.add_argument(
            "--quiet", type=positive_seconds, default=0.5, metavar="S",
            help="hear the broker until nothing more comes for so many seconds (default: 0.5); more where it is far",
        )  # fmt: skip
        add_json(command)


def _list(arguments: argparse.Namespace) -> int:
    """A line for each device that the broker knows: its `status`, `about`, `room` and `model/reported`.

    What a device does not say properly is a sentence on stderr, and is left out.
    """
    from edge_mask.fleet.registry.text import as_json, table

    registry = _heard(arguments, "+")
    devices = [registry.devices[thing] for thing in sorted(registry.devices)]
    if arguments.json:
        print(as_json([each.as_data() for each in devices]))
    elif devices:
        print("\n".join(table([_HEAD, *map(_row, devices)])))
    else:
        print(f"no device says anything on {', '.join(registry.topics.values())}", file=sys.stderr)
    _complain(registry, devices)
    return 0


def _show(arguments: argparse.Namespace) -> int:
    """All that one device says of itself. Exit code 1 when the broker knows nothing of it."""
    from edge_mask.fleet.registry.text import as_json, shown, table

    registry = _heard(arguments, arguments.thing)
    device = registry.devices.get(arguments.thing)
    if device is None or not (device.said or device.problems):
        print(shown(f"{arguments.thing}: the broker knows no such device; `fleet list` names all"), file=sys.stderr)
        return 1
    if arguments.json:
        print(as_json(device.as_data()))
    else:
        print("\n".join(table([("thing", device.thing), ("state", device.state), *_lines(device)])))
    _complain(registry, [device])
    return 0


def _heard(arguments: argparse.Namespace, thing: str) -> "Registry":
    from edge_mask.fleet.registry.hearing import hear
    from edge_mask.fleet.registry.registry import Registry

    settings = settings_of(arguments)
    registry = Registry(settings.topics, thing)
    hear(settings, registry.topics.values(), registry.hear, quiet=arguments.quiet)
    return registry


def _complain(registry: "Registry", devices: "list[Device]") -> None:
    for device in devices:
        for problem in device.problems.values():
            print(problem, file=sys.stderr)
    if registry.left_out:
        print(f"more than {len(registry.devices)} things; the others are left out", file=sys.stderr)


def _row(device: "Device") -> list[str]:
    from edge_mask.fleet.registry.text import shown

    status, about, room, reported = (device.as_data()[name] or {} for name in ("status", "about", "room", "reported"))
    model = about.get("model") or {}
    cells = (
        device.thing,
        f"{device.state}, watching" if about.get("watching") and device.state == "online" else device.state,
        about.get("type"),
        about.get("name"),
        f"{model['name']} {model['version']}" if model else status.get("model"),
        _room(room) if device.state != "offline" else None,
        about.get("software") or (status.get("version") and f"edge-mask {status['version']}"),
        " ".join(str(reported[name]) for name in ("state", "name", "version") if reported.get(name)),
    )
    return [shown(str(cell or _NONE), _MOST) for cell in cells]


def _room(room: dict[str, Any]) -> str | None:
    if not room:
        return None
    return f"{room['free']} free" + ("" if room["ms"] is None else f", {room['ms']:g} ms")


def _lines(device: "Device") -> Iterator[tuple[str, str]]:
    from edge_mask.fleet.registry.text import shown

    for kind, fields in device.said.items():
        for name, value in _flat(fields):
            if name not in ("thing", "v", "state") or kind == "model/reported":
                yield f"{kind} {name}", shown(value, 1024)


def _flat(fields: dict[str, Any], inside: str = "") -> Iterator[tuple[str, str]]:
    for name, value in fields.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{inside}{name}.")
        elif value not in (None, "", []):
            yield f"{inside}{name}", ", ".join(map(str, value)) if isinstance(value, list) else str(value)
