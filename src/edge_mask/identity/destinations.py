"""Where rules republish to: each topic template, narrowed by what the device's own messages are known to hold.

own topics ──▶ rules whose FROM matches ──▶ destinations ──▶ rules whose FROM could match ──▶ …
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from edge_mask.identity.patterns import TopicPattern
from edge_mask.rules.actions import RepublishAction
from edge_mask.rules.chain import MAX_DEPTH
from edge_mask.rules.rule_file import RuleDefinition
from edge_mask.sql.ast import Attribute, Call, Node, Star, Subquery, Variable, children
from edge_mask.sql.errors import EvaluationError
from edge_mask.sql.functions import FUNCTIONS
from edge_mask.sql.rule_input import Context, RuleInput
from edge_mask.sql.topics import BASIC_INGEST, check_topic, topic_matches, without_basic_ingest
from edge_mask.wire.envelope import to_bytes

_FACTS: Final = frozenset({"topic", "clientid"})
"""Functions of the message, and not of its payload, whose results are known beforehand."""


@dataclass(frozen=True, slots=True)
class Input:
    """A kind of message that rules see: its topic, and the fields that are known (None: it has no such field)."""

    topic: TopicPattern
    fields: Mapping[str, str | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, order=True)
class Destination:
    """Where a rule republishes to."""

    topic: TopicPattern
    retain: bool = False


def destinations(rules: Iterable[RuleDefinition], own: Iterable[Input], thing: str) -> frozenset[Destination]:
    """All topics that the rules can reach from these messages, over at most MAX_DEPTH rules in a row."""
    running = [rule for rule in rules if rule.runs_here and not rule.is_disabled]
    found: set[Destination] = set()
    waiting = list(own)
    for _depth in range(MAX_DEPTH):
        made = {each for seen in waiting for rule in running if _sees(rule, seen) for each in _of(rule, seen, thing)}
        fresh = made - found
        found |= fresh
        waiting = [Input(each.topic) for each in sorted(fresh)]
    return frozenset(found)


def _sees(rule: RuleDefinition, seen: Input) -> bool:
    topic_filter = rule.statement.topic_filter
    if not seen.topic.is_exact:
        return topic_filter is None or seen.topic.could_match(topic_filter)
    topic = seen.topic.texts[0]
    if topic.startswith(BASIC_INGEST):
        return topic[len(BASIC_INGEST) :].partition("/")[0] == rule.name
    return topic_filter is not None and topic_matches(topic_filter, without_basic_ingest(topic))


def _of(rule: RuleDefinition, seen: Input, thing: str) -> Iterator[Destination]:
    """Where this rule sends such a message, by its actions or by its error action."""
    for action in (*rule.actions, *((rule.error_action,) if rule.error_action else ())):
        if isinstance(action.device, RepublishAction):
            topic = _narrowed(action.device, seen, thing)
            if topic is not None:
                yield Destination(topic, action.device.retain)


def _narrowed(action: RepublishAction, seen: Input, thing: str) -> TopicPattern | None:
    """The action's topic for such a message; None when nothing can be published there."""
    known = {name: value for name, value in seen.fields.items() if value is not None}
    message = RuleInput("".join(seen.topic.texts), to_bytes(known), Context(client_id=thing))
    try:
        parts = action.topic.outline(message, lambda node: _is_known(node, seen))
    except (EvaluationError, RecursionError):
        return None
    topic = TopicPattern.of(parts)
    head = topic.texts[0]
    if head.startswith("$") and not head.startswith("$$"):
        return None  # refused when it is rendered: reserved
    if head.startswith("$$"):
        topic = TopicPattern((head[1:], *topic.texts[1:]))
    return None if topic.is_exact and check_topic(topic.texts[0]) else topic


def _is_known(node: Node, seen: Input) -> bool:
    """Whether the expression has one value for every message of this kind."""
    match node:
        case Attribute(name):
            return name in seen.fields
        case Star() | Variable() | Subquery():
            return False
        case Call(name):
            if name in _FACTS:
                if name == "topic" and not seen.topic.is_exact:
                    return False
            elif name not in FUNCTIONS or FUNCTIONS[name].sees_message:
                return False
    return all(_is_known(child, seen) for child in children(node))
