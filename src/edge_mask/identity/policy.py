"""The AWS IoT policies of a device: connect, publish, subscribe and receive, each on exactly its own topics.

A policy has a limit of 2048 characters, a certificate one of ten policies: the grants are dealt out to as few
documents as hold them.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from edge_mask.errors import Refused
from edge_mask.identity.arn import Account, escaped, length, of_pattern
from edge_mask.identity.patterns import TopicPattern
from edge_mask.identity.traffic import Traffic

VERSION: Final = "2012-10-17"
MAX_CHARACTERS: Final = 2048
"""Of one AWS IoT policy, white space not counted."""
MAX_POLICIES: Final = 10
"""Attached to one certificate."""

_LONGEST_NAME: Final = 120
"""Of 128: the rest is for a number."""

WITH_A_WILL: Final = {"ForAllValues:StringEquals": {"iot:ConnectAttributes": ["LastWill"]}}
"""A connection may have a last will, but no session that outlives it."""


@dataclass(frozen=True, slots=True)
class Grant:
    """One resource, and what may be done with it."""

    actions: tuple[str, ...]
    arn: str
    condition: Mapping[str, Any] | None = None


def grants(traffic: Traffic, account: Account, client_ids: Iterable[str]) -> list[Grant]:
    """What the device needs, in order. Without client ids it does not connect itself."""
    retained = sorted({each.topic for each in traffic.said if each.retain})
    plain = sorted({each.topic for each in traffic.said} - set(retained))
    heard = sorted(traffic.heard)

    def topics(actions: tuple[str, ...], patterns: Iterable[TopicPattern]) -> Iterator[Grant]:
        for pattern in patterns:
            yield Grant(actions, account.arn("iot", f"topic/{of_pattern(pattern)}"))

    return [
        *(Grant(("iot:Connect",), account.arn("iot", f"client/{escaped(each)}"), WITH_A_WILL) for each in client_ids),
        *topics(("iot:Publish", "iot:RetainPublish"), retained),
        *topics(("iot:Publish",), plain),
        *(Grant(("iot:Subscribe",), account.arn("iot", f"topicfilter/{escaped(each)}")) for each in heard),
        *topics(("iot:Receive",), map(TopicPattern.of_filter, heard)),
    ]


def documents(wanted: Sequence[Grant]) -> list[list[Grant]]:
    """The grants of each policy. Raises Refused when ten policies do not hold them."""
    dealt: list[list[Grant]] = [[]]
    for grant in wanted:
        if _size([*dealt[-1], grant]) > MAX_CHARACTERS:
            dealt.append([])
        dealt[-1].append(grant)
        if _size(dealt[-1]) > MAX_CHARACTERS:
            raise Refused(f"{grant.arn} alone is longer than a policy of AWS IoT may be")
    if len(dealt) > MAX_POLICIES:
        raise Refused(
            f"the topics of this configuration need {len(dealt)} policies; a certificate has at most {MAX_POLICIES}."
            " Shorter topics, fewer quantities or fewer destinations of rules help"
        )
    return dealt


def document(dealt: Sequence[Grant], account: Account) -> dict[str, Any]:
    """One policy as JSON."""
    return {"Version": VERSION, "Statement": _statements(dealt, account)}


def policy_names(thing: str, count: int) -> list[str]:
    """A name for each of `count` policies of this thing; a policy's name cannot hold a colon, a thing's can."""
    name = f"edge-mask-{thing.replace(':', '.')}"
    if len(name) > _LONGEST_NAME:
        name = f"{name[: _LONGEST_NAME - 9]}-{hashlib.sha256(thing.encode()).hexdigest()[:8]}"
    return [name, *(f"{name}-{number}" for number in range(2, count + 1))]


def _size(dealt: Sequence[Grant]) -> int:
    return length(json.dumps({"Version": VERSION, "Statement": _statements(dealt, None)}, ensure_ascii=False))


def _statements(dealt: Sequence[Grant], account: Account | None) -> list[dict[str, Any]]:
    """Grants with the same actions share a statement. Without an account the names stay as they are."""
    made: dict[tuple[str, ...], dict[str, Any]] = {}
    for grant in dealt:
        statement = made.get(grant.actions)
        if statement is None:
            statement = {"Effect": "Allow", "Action": list(grant.actions), "Resource": []}
            if grant.condition is not None:
                statement["Condition"] = grant.condition
            made[grant.actions] = statement
        statement["Resource"].append(grant.arn if account is None else account.written(grant.arn))
    return list(made.values())
