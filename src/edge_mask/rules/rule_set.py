"""All rules: selects those that match a message, runs them, and sets aside rules that keep failing.

incoming ─▶ topic tree ─▶ rule ─▶ effects
               ▲                     │ republished, at most MAX_DEPTH times
               └─────────────────────┘
"""

import logging
from collections import deque
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Final

from edge_mask.errors import ConfigurationError
from edge_mask.messages import Priority
from edge_mask.rules.chain import MAX_DEPTH, Chain
from edge_mask.rules.effects import Effect, Incoming, Republish, RuleFailed
from edge_mask.rules.failures import error_document, failure
from edge_mask.rules.rule_file import Action, RuleDefinition, is_table, load_file
from edge_mask.rules.running import RuleCounts, Running
from edge_mask.sql.errors import EvaluationError, TookTooLong
from edge_mask.sql.json import to_payload
from edge_mask.sql.rule_input import RuleInput
from edge_mask.sql.topics import BASIC_INGEST, TopicTree
from edge_mask.sql.values import NO_MATCH
from edge_mask.suggest import did_you_mean

log = logging.getLogger(__name__)

_LONGEST_TEXT: Final = 2000
"""Most characters in the text about a failure."""


class RuleSet:
    """The rules of some files, for one thread. Never waits, reads no wall clock, never raises."""

    def __init__(self, rules: Iterable[RuleDefinition]) -> None:
        self.rules = tuple(rules)
        self._running = {rule.name: Running.of(rule) for rule in self.rules}
        self._chains: set[str] = set()
        """Rules whose last chain was too long."""
        self._tree: TopicTree[Running] = TopicTree()
        for running in self._running.values():
            topic_filter = running.rule.statement.topic_filter
            if topic_filter is not None and running.can_run:
                self._tree.add(topic_filter, running)

    @classmethod
    def load(cls, files: Sequence[Path], targets: Collection[str] | None = None) -> "RuleSet":
        """Load the rules of all files except tables of cases. With `targets`, the names of those who can be notified,
        each other name is a problem. Raises ConfigurationError with every problem."""
        rules: dict[str, RuleDefinition] = {}
        problems: list[str] = []
        for file in files:
            if is_table(file):
                continue
            found, wrong = load_file(file)
            problems += wrong
            for rule in found:
                if rule.name in rules:
                    problems.append(f"{file}: {rule.name}: {rules[rule.name].file} has a rule of this name already")
                rules[rule.name] = rule
                problems += [] if targets is None else _unknown_targets(rule, targets)
        if problems:
            raise ConfigurationError(problems)
        return cls(rules.values())

    @property
    def counts(self) -> Mapping[str, RuleCounts]:
        """By the name of the rule."""
        return {name: running.counts for name, running in self._running.items()}

    def apply(self, incoming: Incoming) -> list[Effect]:
        """The effects of a message and of the messages republished from it. Never raises."""
        chain = Chain(incoming.topic)
        waiting = deque([incoming])
        while waiting and not chain.is_over:
            current = waiting.popleft()
            for effect in self._once(current, chain):
                made: Effect = effect
                if isinstance(effect, Republish):
                    if current.depth >= MAX_DEPTH:
                        chain.loops(effect)
                        continue
                    made = replace(effect, depth=current.depth + 1)
                    waiting.append(_fed_back(effect, current))
                if not chain.add(made):
                    break
        if chain.blamed or self._chains:
            self._judge(chain)
        return chain.effects

    def failed_later(
        self, rule: str, incoming: Incoming, resource: str, text: str, action: str = "HttpAction"
    ) -> list[Effect]:
        """The effects when an effect of `rule` failed later in the house (an HTTP refusal): its error action."""
        running = self._running.get(rule)
        if running is None:
            return []
        message = RuleInput(incoming.topic, incoming.payload, incoming.context)
        with suppress(EvaluationError, RecursionError):  # a variable that fails is Undefined in the templates
            running.rule.statement.assign(message)
        return self._failed(running, incoming, message, "action", [failure(action, resource, text)])

    def _once(self, incoming: Incoming, chain: Chain) -> Iterator[Effect]:
        message: RuleInput | None = None
        for running in self._matching(incoming.topic):
            if running.counts.is_set_aside:
                continue
            message = message or RuleInput(incoming.topic, incoming.payload, incoming.context)
            try:
                where = running.where
                if where is not None:
                    if not running.is_quick:
                        message.begin()
                    if not where(message.json(running.number), message):
                        running.succeeded()
                        if running.is_quick or chain.ran(running.rule.name):
                            continue
                        return
                effects = self._run(running, incoming, message)
            except (EvaluationError, RecursionError) as error:
                failures = [failure("Sql", running.rule.name, str(error))]
                is_slow = isinstance(error, TookTooLong)
                effects = self._failed(running, incoming, message, "evaluation", failures, is_slow=is_slow)
            except Exception as error:
                # A fault of a rule, or of ours, must not stop the event from being recorded.
                log.exception("rule %s", running.rule.name)
                text = f"{type(error).__name__}: {error}"
                effects = self._failed(running, incoming, message, "fault", [failure("Rule", "", text)])
            yield from effects
            if not chain.ran(running.rule.name):
                return

    def _matching(self, topic: str) -> Iterable[Running]:
        if not topic.startswith(BASIC_INGEST):
            return self._tree.matches(topic)
        name = topic[len(BASIC_INGEST) :].partition("/")[0]
        running = self._running.get(name)
        return [running] if running and running.can_run else []

    def _run(self, running: Running, incoming: Incoming, message: RuleInput) -> list[Effect]:
        rule = running.rule
        now = incoming.context.timestamp
        output = rule.statement.output(message, is_asked=running.where is not None)
        if output is NO_MATCH or running.is_too_soon(now):
            running.succeeded()
            return []
        running.matched(now)
        effects: list[Effect] = []
        failures = []
        is_slow = False
        for action in rule.actions:
            try:
                effects += _performed(action, rule.name, output, message, incoming.priority)
            except EvaluationError as error:
                failures.append(failure(*_names(action), str(error)))
                is_slow = is_slow or isinstance(error, TookTooLong)
        if failures:
            return effects + self._failed(running, incoming, message, "action", failures, is_slow=is_slow)
        running.succeeded()
        return effects

    def _failed(
        self,
        running: Running,
        incoming: Incoming,
        message: RuleInput,
        code: str,
        failures: list[dict[str, str]],
        *,
        is_slow: bool = False,
    ) -> list[Effect]:
        rule = running.rule
        running.failed(is_slow=is_slow)
        message.restart()  # the error action has its own time
        document = error_document(rule.name, incoming, failures)
        text = "; ".join(failure["errorMessage"] for failure in failures)[:_LONGEST_TEXT]
        effects: list[Effect] = []
        if rule.error_action is not None:
            try:
                effects += _performed(rule.error_action, rule.name, to_payload(document), message, incoming.priority)
            except EvaluationError as error:
                text += f"; and its error action: {error}"
        report = RuleFailed(rule=rule.name, code=code, text=text, topic=incoming.topic, payload=document)
        effects.append(replace(report, is_handled=bool(effects)))
        if running.has_failed_enough:
            effects.append(running.set_aside(report, f"failed {running.in_a_row} times in a row", text))
        return effects

    def _judge(self, chain: Chain) -> None:
        """Set aside rules whose chains are too long again and again, like failing ones."""
        for name in self._chains - chain.blamed.keys():
            self._running[name].chains = 0
        self._chains = set(chain.blamed)
        for name, text in chain.blamed.items():
            running = self._running[name]
            running.went_too_far(is_slow=chain.is_too_slow)
            if running.has_gone_too_far:
                report = RuleFailed(rule=name, code="chain", text=text, topic=chain.topic)
                chain.effects.append(running.set_aside(report, "went too far again and again", text))


def _unknown_targets(rule: RuleDefinition, targets: Collection[str]) -> Iterator[str]:
    """A sentence for each name that its notifications have and the configuration lacks."""
    for name, place in rule.told:
        if name not in targets:
            there = ", ".join(targets) or "none"
            yield f'{place}there is no target "{name}" under notify{did_you_mean(name, targets)}; there are: {there}'


def _performed(action: Action, rule: str, output: bytes, message: RuleInput, priority: Priority) -> list[Effect]:
    return [] if action.device is None else [action.device.perform(rule, output, message, priority)]


def _names(action: Action) -> tuple[str, str]:
    return ("", "") if action.device is None else (action.device.name, action.device.resource)


def _fed_back(made: Republish, current: Incoming) -> Incoming:
    """The republished message as the next rules see it: same sender and moment, its own MQTT 5 headers."""
    message, context = made.message, current.context
    properties = message.properties
    if properties or context.mqtt or context.user_properties:
        context = replace(context, mqtt=properties, user_properties=properties.get("user_properties", ()))
    return Incoming(
        topic=message.topic,
        payload=message.payload,
        priority=message.priority,
        context=context,
        depth=current.depth + 1,
    )
