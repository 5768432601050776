"""Rules: which ones run, and which can never work on this device."""

import json
from collections.abc import Iterator

from edge_mask.app.drivers import rule_files
from edge_mask.app.notify import target_names
from edge_mask.deliver.http_request import request_of
from edge_mask.doctor.finding import Finding
from edge_mask.errors import Refused
from edge_mask.kinds import KINDS, OF_SERIES, READINGS, Priority
from edge_mask.messages import Message
from edge_mask.rules.effects import Effect, HttpCall
from edge_mask.rules.rule_file import Action, RuleDefinition
from edge_mask.rules.rule_set import RuleSet
from edge_mask.settings.feeds import MqttSensor
from edge_mask.settings.model import Settings
from edge_mask.sql.errors import EvaluationError
from edge_mask.sql.rule_input import NOWHERE, RuleInput
from edge_mask.sql.topics import topic_matches
from edge_mask.wire.topics import Topics


def rules(settings: Settings) -> list[Finding]:
    """How many rules there are, and a warning for each part of them that can never work."""
    found = RuleSet.load(rule_files(settings.rules), target_names(settings)).rules
    running = [rule for rule in found if rule.runs_here and not rule.is_disabled]
    text = f"{len(running)} run here, {len(found) - len(running)} only in AWS or disabled" if found else "none"
    warnings = [f"no file matches {pattern}" for pattern in settings.rules if not rule_files([pattern])]
    for rule in running:
        warnings += _strange_names(rule, settings)
        warnings += [str(effect) for _, effect in tried(rule) if isinstance(effect, Refused)]
    warnings += _never_run(running, settings)
    return [Finding("rules", "ok", text), *(Finding("rules", "warning", text) for text in warnings)]


def keep_pictures(settings: Settings) -> bool:
    """Whether some rule stores snapshots."""
    return any(
        kind == "camera" for rule in RuleSet.load(rule_files(settings.rules)).rules for kind, _ in rule.named_parts()
    )


def _strange_names(rule: RuleDefinition, settings: Settings) -> Iterator[str]:
    """Outputs and cameras that the rule uses and the configuration lacks."""
    known = {
        "output": [output.name for output in settings.outputs],
        "camera": [camera.name for camera in settings.cameras],
    }
    for kind, name in rule.named_parts():
        if name not in known[kind]:
            there = ", ".join(known[kind]) or "none"
            yield f'the rule {rule.name} names the {kind} "{name}", which is not configured; there are: {there}'


def _never_run(running: list[RuleDefinition], settings: Settings) -> Iterator[str]:
    """Rules on topics that are never published; none when a republished topic is a template."""
    names = Topics(settings.topics.root, settings.device.thing_name, settings.topics.renames)
    never = {READINGS, *(() if settings.kept_series is not None else OF_SERIES)}
    kinds = [kind.name for kind in KINDS if kind not in never]
    quantities = [quantity for sensor in settings.sensors for quantity in sensor.measured]
    published = [names.of(kind) for kind in (*kinds, *quantities)]
    published += [sensor.topic for sensor in settings.sensors if isinstance(sensor, MqttSensor)]
    published += [
        sensor.availability for sensor in settings.sensors if isinstance(sensor, MqttSensor) and sensor.availability
    ]
    for action in (action for rule in running for action in actions_of(rule) if action.kind == "republish"):
        if is_template(action):
            return
        published.append(str(action.fields["topic"]))
    for rule in running:
        wanted = rule.statement.topic_filter
        if wanted is None:
            yield f"the rule {rule.name} never runs: it has no FROM"
            continue
        if wanted.startswith("$") or any(topic_matches(wanted, topic) for topic in published):
            continue
        listed = ", ".join(dict.fromkeys(published))
        yield f'the rule {rule.name} never runs: nothing is published on "{wanted}"; there are: {listed}'


def tried(rule: RuleDefinition) -> Iterator[tuple[Action, Effect | Refused]]:
    """The effect of each action without templates, or why it can never have one."""
    seen = RuleInput("", b"{}", NOWHERE)
    for action in actions_of(rule):
        if action.device is None or is_template(action):
            continue
        try:
            effect = action.device.perform(rule.name, b"{}", seen, Priority.EVIDENCE)
            if isinstance(effect, HttpCall):
                request_of(post_of(effect))
        except (EvaluationError, Refused) as error:
            yield action, Refused(f"the rule {rule.name}: {action.kind} never works: {error}")
        else:
            yield action, effect


def actions_of(rule: RuleDefinition) -> tuple[Action, ...]:
    """Its actions, and the one for failures."""
    return (*rule.actions, *((rule.error_action,) if rule.error_action else ()))


def is_template(action: Action) -> bool:
    """Whether what it does depends on the message."""
    return "${" in json.dumps(action.fields, default=str)


def post_of(call: HttpCall) -> Message:
    """The message that it makes in the outbox."""
    headers = {"headers": [list(header) for header in call.headers]}
    return Message(topic=call.url, payload=call.body, priority=call.priority, qos=1, properties=headers)
