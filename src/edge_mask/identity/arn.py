"""Amazon Resource Names, written out or as CloudFormation puts them together."""

import re
from dataclasses import dataclass
from typing import Any, Final

from edge_mask.identity.patterns import TopicPattern

THING_VARIABLE: Final = "${iot:Connection.Thing.ThingName}"
"""In an AWS IoT policy: the thing that the certificate of the connection belongs to."""

ANY_THING: Final = "\ufdd0"
"""Stands for the thing's name in a topic while a policy for many things is made: a character that no topic may hold."""

_LONGEST: Final = {"AWS::Partition": "aws-us-gov", "AWS::Region": "ap-southeast-1", "AWS::AccountId": "0" * 12}
"""What CloudFormation puts in, at its longest: a policy has a limit."""


@dataclass(frozen=True, slots=True)
class Account:
    """Where things and policies live. Without a `number` the text is left to CloudFormation."""

    region: str = "${AWS::Region}"
    number: str = "${AWS::AccountId}"
    partition: str = "${AWS::Partition}"

    @property
    def is_known(self) -> bool:
        return "$" not in self.number

    def arn(self, service: str, resource: str) -> str:
        """The name of one resource, for `written` and `length`."""
        kept = resource if self.is_known else resource.replace("${", "${!")
        return f"arn:{self.partition}:{service}:{self.region}:{self.number}:{kept}"

    def written(self, arn: str) -> Any:
        """An `arn` as JSON: a text, or CloudFormation's Fn::Sub."""
        return arn if self.is_known else {"Fn::Sub": arn}


def escaped(text: str) -> str:
    """A literal piece of a topic in a policy, where `*`, `?` and `${` mean something else."""
    plain = re.sub(r"[*?]|\$(?=\{)", lambda sign: f"${{{sign[0]}}}", text)
    return plain.replace(ANY_THING, THING_VARIABLE)


def of_pattern(pattern: TopicPattern) -> str:
    """A topic in a policy; `*` for what is not known of it."""
    return "*".join(escaped(text) for text in pattern.texts)


def length(text: str) -> int:
    """Characters without white space, as AWS counts them, once CloudFormation has put in its parameters."""
    for name, value in _LONGEST.items():
        text = text.replace(f"${{{name}}}", value)
    return len("".join(text.replace("${!", "${").split()))
