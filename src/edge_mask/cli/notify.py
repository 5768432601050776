"""`edge-mask notify`: tries a target, so that one knows before the night whether the telephone rings."""

import argparse
import json
from typing import Any

from edge_mask.cli.common import a_name, add_config, add_json, settings_of


def add(commands: Any) -> None:
    """The `notify` command and its action."""
    parser = commands.add_parser("notify", help="send a notification to try a target")
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    test = actions.add_parser(
        "test",
        help="send a notification to one target now",
        description="Sends one notification past the outbox, quiet hours and cool-down, and says what came of it. Exit"
        " code 1 when it was not taken.",
    )
    test.add_argument("name", type=a_name, metavar="NAME", help="a target under notify.targets")
    add_config(test)
    add_json(test)
    test.set_defaults(function=_test)


def _test(arguments: argparse.Namespace) -> int:
    from edge_mask.app.notify_trial import trials
    from edge_mask.errors import ConfigurationError
    from edge_mask.suggest import did_you_mean

    settings = settings_of(arguments)
    names = [target.name for target in settings.notify.targets]
    if arguments.name not in names:
        hint = did_you_mean(arguments.name, names)
        there = ", ".join(names) or "none"
        raise ConfigurationError([f'there is no target "{arguments.name}" under notify{hint}; there are: {there}'])
    is_told = False
    failed = False
    for shown, trouble in trials(settings, arguments.name):
        is_told, failed = True, failed or bool(trouble)
        if arguments.json:
            print(json.dumps({"target": shown, "ok": not trouble, "text": trouble}, ensure_ascii=False))
        else:
            print(f"{shown}: {trouble or 'taken'}")
    if not is_told:
        print(f"{arguments.name}: nobody to tell: no browser has asked for it on the page yet")
    return int(failed or not is_told)
