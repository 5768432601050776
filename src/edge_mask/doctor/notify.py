"""Where people are told: whether each target can be reached; nothing is sent to it."""

from collections.abc import Iterator, Sequence
from functools import partial

from edge_mask.app.drivers import rule_files
from edge_mask.app.notify import push_of
from edge_mask.deliver.http_request import request_of
from edge_mask.doctor.finding import Finding, guarded
from edge_mask.doctor.http import reach
from edge_mask.messages import Message, Priority
from edge_mask.rules.rule_file import RuleDefinition
from edge_mask.rules.rule_set import RuleSet
from edge_mask.settings.model import Settings
from edge_mask.settings.notify import AnyTarget, NtfyTarget, TelegramTarget, WebhookTarget


def targets(settings: Settings) -> Iterator[Finding]:
    """One finding for each target, and a warning for each that nobody uses."""
    if not settings.notify.targets:
        return
    rules = RuleSet.load(rule_files(settings.rules)).rules
    used = {name for rule in rules for name, _ in rule.told} | set(settings.notify.default)
    may_send = settings.privacy.send_pictures or any(target.pictures for target in settings.notify.targets)
    if not may_send and any(_asks_for_a_picture(rule) for rule in rules):
        text = "rules say snapshot: true, and no picture is sent: privacy.send_pictures, or `pictures` of a target"
        yield Finding("notify", "warning", text)
    for target in settings.notify.targets:
        part = f"notify {target.name}"
        yield from guarded(part, "warning", partial(_target, settings, target))
        if target.name not in used:
            yield Finding(part, "warning", "is never told anything: it is not in notify.default, and no rule names it")


def _asks_for_a_picture(rule: RuleDefinition) -> bool:
    edge = [action.fields for action in rule.actions if action.kind == "edgeMask"]
    return any(fields["notify"].get("snapshot") for fields in edge if "notify" in fields)


def _target(settings: Settings, target: AnyTarget) -> str | Sequence[Finding]:
    match target:
        case NtfyTarget() | TelegramTarget():
            target.read_token()
            return _reached(target.server)
        case WebhookTarget():
            target.read_secret()
            return _reached(target.read_url())
        case _:
            return _browsers(settings)


def _reached(url: str) -> str:
    message = Message(topic=url, payload=b"", priority=Priority.EVIDENCE, qos=1)
    return reach(request_of(message).origin)


def _browsers(settings: Settings) -> str:
    """The key, and how many have asked. Raises Refused."""
    push = push_of(settings)
    assert push is not None, "there is a target of web push"
    push.vapid.examine()
    count = len(push.subscriptions)
    return f"{count} browser{'' if count == 1 else 's'} asked for it"
