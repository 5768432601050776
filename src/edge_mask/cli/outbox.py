"""`edge-mask outbox`: pending messages, their number and age, drops; purge and repair."""

import argparse
import base64
import json
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from edge_mask.cli.common import add_config, add_json, earliest, human_bytes, human_seconds, parse_time, settings_of
from edge_mask.plural import counted
from edge_mask.redact import redact


def add(commands: Any) -> None:
    """The `outbox` command and its five actions."""
    parser = commands.add_parser("outbox", help="what waits for the network, and what became of it")
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    for name, function, text in (
        ("status", _status, "how much waits, how old it is, what was dropped"),
        ("list", _list, "the waiting messages in the order in which they leave, and those set aside"),
        ("export", _export, "the same with payloads, one JSON object per line"),
        ("purge", _purge, "delete waiting messages"),
        ("repair", _repair, "check the database file; salvage a damaged one, compact a sound one"),
    ):
        action = actions.add_parser(name, help=text, description=text)
        add_config(action)
        action.set_defaults(function=_with_path(function))
        if name in ("status", "list"):
            add_json(action)
        if name in ("list", "export", "purge"):
            action.add_argument("--refused", action="store_true", help="only those that the broker refused")
        if name == "purge":
            action.add_argument("--before", type=parse_time, metavar="T", help="only those seen before this time")
            action.add_argument("--yes", action="store_true", help="do not ask")


def _with_path(function: Callable[[argparse.Namespace, Path], int]) -> Callable[[argparse.Namespace], int]:
    def run(arguments: argparse.Namespace) -> int:
        settings = settings_of(arguments)
        if "before" in arguments:
            arguments.before = earliest(arguments.before, settings.device.zone)
        return function(arguments, settings.outbox.path)

    return run


def _status(arguments: argparse.Namespace, path: Path) -> int:
    from edge_mask.ledger.reader import Reader
    from edge_mask.runtime.clock import SystemClock, boot_id

    status = Reader(path).outbox_status(SystemClock().now(), boot_id())
    if arguments.json:
        print(json.dumps(status))
        return 0
    dropped = status["dropped"]
    print(f"pending   {counted(status['pending'], 'message')}, {human_bytes(status['bytes'])}")
    print(f"oldest    {human_seconds(status['oldest_s'])}" if status["pending"] else "oldest    -")
    print(f"refused   {status['refused']} set aside (edge-mask outbox list --refused)")
    if not_told := status.get("not_told"):
        print(f"not told  {', '.join(f'{count} {_WHY[why]}' for why, count in not_told.items() if count)}")
    print(f"dropped   {dropped['age']} too old, {dropped['space']} for space, {dropped['refused']} refused before")
    return 0


_WHY = {
    "expired": "too late", "cool_down": "in the cool-down", "same_event": "of an event that was told",
    "quiet": "in quiet hours", "nobody": "with nobody to tell", "unsubscribed": "whose browser was gone",
    "no_target": "without such a target",
}  # fmt: skip
"""Of notifications that were not sent."""


def _list(arguments: argparse.Namespace, path: Path) -> int:
    from edge_mask.ledger.reader import Reader

    for row in Reader(path).outbox(refused_only=arguments.refused):
        row.pop("payload")
        row["topic"] = _topic(row)
        seen = _seen(row)
        if arguments.json:
            print(json.dumps({**row, "seen": seen}))
        else:
            reason = f"  {row['reason']}" if row["reason"] else ""
            damaged = f"  (damaged: {', '.join(row['damaged'])})" if "damaged" in row else ""
            print(f"{seen}  {row['state']!s:<8} {row['class']!s:<10} {row['topic']}  {row['id']}{reason}{damaged}")
    return 0


def _seen(row: dict[str, Any]) -> str:
    """When it was seen. A damaged value is shown as it is."""
    try:
        return datetime.fromtimestamp(row["seen"], UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    except (TypeError, ValueError, OverflowError, OSError):
        return str(row["seen"])


def _topic(row: dict[str, Any]) -> Any:
    """The topic. For an HTTP call it is a URL, perhaps with a password; in a damaged row any value."""
    return redact(row["topic"]) if isinstance(row["topic"], str) else row["topic"]


def _export(arguments: argparse.Namespace, path: Path) -> int:
    from edge_mask.ledger.reader import Reader

    for row in _exported(Reader(path).outbox(refused_only=arguments.refused)):
        print(json.dumps(row, ensure_ascii=False))
    return 0


def _exported(rows: Iterator[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """JSON payloads as JSON, others in base64."""
    for row in rows:
        payload = row.pop("payload")
        row["topic"] = _topic(row)
        if not isinstance(payload, bytes):  # a damaged row: show the value as it is
            yield {**row, "payload": payload}
            continue
        try:
            yield {**row, "payload": json.loads(payload)}
        except (ValueError, RecursionError):
            yield {**row, "payload_base64": base64.b64encode(payload).decode()}


def _purge(arguments: argparse.Namespace, path: Path) -> int:
    from edge_mask.ledger.upkeep import purge

    what = (
        ("set-aside message", "set-aside messages")
        if arguments.refused
        else ("message that has not been delivered", "messages that have not been delivered")
    )
    if not arguments.yes:
        if not sys.stdin.isatty():
            print("outbox purge deletes messages for good; say --yes to do it without being asked", file=sys.stderr)
            return 2
        if input(f"Delete {what[1]} of {path} for good? [y/N] ").strip().lower() not in ("y", "yes"):
            print("nothing was deleted")
            return 1
    count = purge(path, refused_only=arguments.refused, before=arguments.before)
    print(f"deleted {counted(count, *what)}")
    return 0


def _repair(_arguments: argparse.Namespace, path: Path) -> int:
    from edge_mask.ledger.upkeep import drop_damaged_hours, repair

    salvaged = repair(path)
    damaged = drop_damaged_hours(path)
    print(f"{path} is sound; compacted" if salvaged is None else str(salvaged))
    if damaged:
        hours = counted(damaged, "hour of a series was damaged and is", "hours of series were damaged and are")
        print(f"{hours} gone; the others are whole")
    return 0
