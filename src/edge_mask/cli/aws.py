"""`edge-mask aws`: what this device needs in AWS, from its configuration. Nothing here connects to AWS."""

import argparse
import json
import os
import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from edge_mask.cli.common import a_name, a_path, add_config, settings_of

if TYPE_CHECKING:
    from edge_mask.identity.arn import Account
    from edge_mask.settings.model import Settings

_REGION: Final = re.compile(r"[a-z]{2,3}(-[a-z]+)+-[0-9]")
_ACCOUNT: Final = re.compile(r"[0-9]{12}")
_BUCKET: Final = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")


def add(commands: Any) -> None:
    """The command and its two subcommands."""
    parser = commands.add_parser("aws", help="policies and thing for AWS IoT and Greengrass", description=__doc__)
    what = parser.add_subparsers(dest="what", metavar="WHAT", required=True)
    _add_policy(what)
    thing = what.add_parser("thing", help="the thing, with device.labels as attributes")
    thing.add_argument("--type", metavar="NAME", type=a_name, help="thing type (default: edge-mask, only when needed)")
    _add_common(thing)
    thing.set_defaults(function=run_thing, usage_error=thing.error)


def _matching(pattern: re.Pattern[str], allowed: str) -> Callable[[str], str]:
    """An argparse type: a text of this form."""

    def read(text: str) -> str:
        if not pattern.fullmatch(text):
            raise argparse.ArgumentTypeError(f"{text!r} is not {allowed}")
        return text

    return read


def a_filter(text: str) -> str:
    """An argparse type: an MQTT topic filter."""
    from edge_mask.sql.topics import check_filter

    if problem := check_filter(text):
        raise argparse.ArgumentTypeError(problem)
    return text


def _add_policy(what: Any) -> None:
    policy = what.add_parser("policy", help="the least that the device's certificate, or a core's role, must allow")
    policy.add_argument(
        "--kind",
        choices=("iot", "role"),
        default="iot",
        help="iot: policies for the certificate (default); role: for a Greengrass core's token exchange role",
    )
    a_region = _matching(_REGION, "a region such as eu-central-1")
    policy.add_argument(
        "--region", metavar="R", type=a_region, help="AWS region (default: that of mqtt.host, or AWS_REGION)"
    )
    an_account = _matching(_ACCOUNT, "the 12 digits of an account")
    policy.add_argument("--account", metavar="N", type=an_account, help="AWS account; only --format json needs it")
    policy.add_argument("--fleet", action="store_true", help="one policy for every thing with such a configuration")
    policy.add_argument(
        "--response-topic",
        metavar="T",
        action="append",
        type=a_filter,
        default=[],
        help="a topic that requests may name for their answers; + for any one part (may be repeated)",
    )
    a_bucket = _matching(_BUCKET, "the name of a bucket")
    policy.add_argument("--bucket", metavar="B", type=a_bucket, help="with --kind role: the bucket of the component")
    policy.add_argument("--directory", metavar="DIR", type=a_path, help="write one file for each policy, NAME.json")
    _add_common(policy)
    policy.set_defaults(function=run_policy, usage_error=policy.error)


def _add_common(parser: argparse.ArgumentParser) -> None:
    add_config(parser)
    parser.add_argument(
        "--format",
        choices=("json", "cloudformation"),
        default="json",
        help="json: what `aws iot` takes (default); cloudformation: a template",
    )


def run_thing(arguments: argparse.Namespace) -> int:
    """Print the thing."""
    from edge_mask.identity.cloudformation import thing_template
    from edge_mask.identity.thing import thing_of

    device = settings_of(arguments).device
    thing = thing_of(device.thing_name, device.labels.given(), arguments.type)
    if arguments.format == "cloudformation":
        _print_template(thing_template(thing))
    else:
        print(json.dumps(thing.payload(), ensure_ascii=False, indent=2))
        if thing.type is not None:
            thing.remarks.append(f"before it: aws iot create-thing-type --thing-type-name {thing.type}")
    for remark in thing.remarks:
        print(remark, file=sys.stderr)
    return 0


def run_policy(arguments: argparse.Namespace) -> int:
    """Print the policies."""
    settings = settings_of(arguments)
    if arguments.kind == "role":
        return _role(arguments, settings)
    account = _account(arguments, settings)
    policies = _policies(arguments, settings, account)
    if arguments.format == "cloudformation":
        from edge_mask.identity.cloudformation import policies_template

        _print_template(policies_template(policies))
    elif arguments.directory is None:
        print(json.dumps(policies, ensure_ascii=False, indent=2))
    else:
        _write(arguments.directory, policies)
    return 0


def _policies(arguments: argparse.Namespace, settings: "Settings", account: "Account") -> dict[str, Any]:
    from edge_mask.app.drivers import rule_files
    from edge_mask.identity import policy
    from edge_mask.identity.device import client_ids, for_every_thing
    from edge_mask.identity.traffic import traffic_of
    from edge_mask.rules.rule_set import RuleSet

    name = "fleet" if arguments.fleet else settings.device.thing_name
    if arguments.fleet:
        settings = for_every_thing(settings)
    traffic = traffic_of(settings, RuleSet.load(rule_files(settings.rules)).rules, arguments.response_topic)
    dealt = policy.documents(policy.grants(traffic, account, client_ids(settings)))
    names = policy.policy_names(name, len(dealt))
    return {name: policy.document(each, account) for name, each in zip(names, dealt, strict=True)}


def _account(arguments: argparse.Namespace, settings: "Settings") -> "Account":
    from edge_mask.identity.arn import Account
    from edge_mask.identity.device import partition_of

    if arguments.format == "cloudformation":
        return Account()
    region = _region(arguments, settings)
    if arguments.account is None:
        arguments.usage_error(
            "--account is missing: `aws sts get-caller-identity` tells it; --format cloudformation needs none"
        )
    return Account(region, arguments.account, partition_of(region))


def _region(arguments: argparse.Namespace, settings: "Settings") -> str:
    from edge_mask.identity.device import region_of

    environ = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    region: str | None = arguments.region or region_of(settings) or environ
    if region is None or not _REGION.fullmatch(region):
        arguments.usage_error("--region is missing, and mqtt.host is no endpoint of AWS IoT that tells it")
    return str(region)


def _role(arguments: argparse.Namespace, settings: "Settings") -> int:
    """The policy of a Greengrass core's role."""
    from edge_mask.identity.cloudformation import role_template
    from edge_mask.identity.device import partition_of
    from edge_mask.identity.role import role_policy

    if arguments.format == "cloudformation":
        _print_template(role_template(arguments.bucket))
        return 0
    if arguments.bucket is None:
        arguments.usage_error("--bucket is missing: the one that the component was published to")
    print(json.dumps(role_policy(arguments.bucket, partition_of(_region(arguments, settings))), indent=2))
    return 0


def _write(directory: Path, policies: Mapping[str, Any]) -> None:
    """One file for each policy; its name is printed."""
    directory.mkdir(parents=True, exist_ok=True)
    for name, document in policies.items():
        path = directory / f"{name}.json"
        path.write_text(json.dumps(document, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
        print(path)


def _print_template(template: Mapping[str, Any]) -> None:
    from edge_mask.rules.export import to_yaml

    print(to_yaml(template), end="")
